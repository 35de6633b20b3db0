# vega-train run with several ranks on one node, started as torchrun does: the same weights on 1, 2 and 4 ranks, also where
# a run goes on with another number; ranks that are missing, killed, asleep or stopped; two jobs at once.
#   bash train_ranks.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh" || exit 1
. "$(dirname "$0")/ranks_lib.sh" || exit 1
cd "$T" || exit 1
make_train_data random:8 5
base=(--checkpoint vlm-tiny --data mix.json --scenes scenes --semantic features/semantic --features features/wan --threads 1
  --progress off)

equal_weights() {   # RUN RUN STEP: bit for bit
  local file
  for file in model-0-of-1.h5 optimizer-rank-0-of-1.h5; do
    check "$file of $2 has tensors" test "$(datasets "$2/$3/$file" | wc -l)" -ge 4
    check "$1 and $2: equal $file" cmp -s <(datasets "$1/$3/$file") <(datasets "$2/$3/$file")
  done
}
# --- two scenes a step: a sum of two is the same in any order, so the weights are the same, bit for bit, on 1, 2 and 4
# ranks (of which two have nothing to do), with dropout and augmentation
pairs=(--preset lora --lora-rank 4 --rate 1e-3 --warmup 0 --augment-turn --sampler scene --step-scenes 2 --scene-questions 2
  --steps 4 --save-every 1 --keep 9)
last=step-00000004
expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${pairs[@]}" -o one
ranks 2 two "${pairs[@]}"
expect_text "rank 0 of 2 by torchrun, which meet at 127.0.0.1:" "finished after 4 steps"
check "rank 0 alone names the checkpoint" test "$(cat two.out.0)-$(cat two.out.1)" = "two${TAB}two/$last-"
check "rank 1 says what it is, and nothing else" test "$(wc -l <two.err.1)" = 1
ranks 4 four "${pairs[@]}"
expect_text "2 of 4 have nothing to do"
check "it is said once" test "$(grep -c 'nothing to do' "$ERR")" = 1
equal_weights one two $last
equal_weights one four $last
# Losses are summed in double.
near one two 1e-14
near one four 1e-14
check "the checkpoint does not depend on the ranks" test "$(ls one/$last)" = "$(ls two/$last)"

# --- from 2 to 4 to 1 ranks
cp -r two moved && rm -r moved/finished.json moved/step-0000000[234]
ranks 4 moved "${pairs[@]}"
expect_text "goes on after step 1 of 4" "ranks 4, before 2: the last bits of what follows may differ"
rm -r moved/finished.json moved/step-0000000[34]
expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${pairs[@]}" -o moved
expect_text "goes on after step 2 of 4" "ranks 1, before 4"
equal_weights one moved $last
check "a line a step" test "$(lines_of moved)" = 4
ranks 2 moved "${pairs[@]}"
expect_text "finished already, after 4 steps"

# --- more scenes a step: equal to rounding. A gradient of 4 scenes is rounded at most 3 times, by 2^-24 of the sum of
# their sizes each; that sum is below 100 times the gradient itself here. The epsilon keeps AdamW from making large steps of
# numbers near 0, whose sign rounding may turn.
bound=1.8e-5
expect_exit 0 evaluate prepare scanqa data --split val --scenes scenes -o val.json --log-level warn
for division in token released; do
  mixed=(--sampler random --batch 8 --micro-batch 2 --loss-division $division --rate 1e-3 --warmup 0 --epsilon 1 --steps 3
    --validate val.json --validate-count 3)
  expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${mixed[@]}" -o $division-1
  counts=(4)
  [ $division = released ] || counts=(2 4)
  for count in "${counts[@]}"; do
    ranks "$count" "$division-$count" "${mixed[@]}"
    near $division-1 "$division-$count" $bound
  done
  scores() { sed -E 's/"seconds":[^,]*,//' "$1/validation.jsonl"; }
  check "one score, of all questions" test "$(scores $division-1)" = "$(scores $division-4)"
done

# --- a loss that is not finite: every rank ends with 3, one says why
start 2 nan --rate 1e30 --warmup 0 --clip 0 --save-every 1 --batch 4
ended nan 3 3
expect_text "step 2" "finite numbers" "step-00000001"
check "it is said once" test "$(grep -c 'finite numbers' "$ERR")" = 1
# --- settings that differ between ranks, and a wrong call, are said once as well
start 2 wrong --steps 1 --epochs 1
ended wrong 2 2
check "it is said once" test "$(grep -c 'one or the other' "$ERR")" = 1
expect_nothing wrong

# --- SIGTERM at one rank: all save together
long=(--preset gate-only --sampler random --batch 4 --epochs 40 --warmup 0)
start 2 stopped "${long[@]}"
until_line stopped 2
# A handler on the stack of a thread that computes breaks its heap (lib/base/stop.cpp): one thread alone takes signals.
taking=0
for status in /proc/"${PIDS[1]}"/task/*/status; do
  (((0x$(sed -n 's/^SigBlk:\t//p' "$status") & 0x4202) == 0x4202)) || taking=$((taking + 1))
done
check "$taking threads take SIGTERM, SIGINT or SIGUSR1, expected 1" test $taking = 1
kill -TERM "${PIDS[1]}"
ended stopped 75 75
expect_text "which is saved; run again to go on"
check "it is said once" test "$(grep -c 'which is saved' "$ERR")" = 1
check "a checkpoint" test -n "$(ls -d stopped/step-* 2>/dev/null)"

# --- a rank that is killed: the other names it and saves; the run goes on later
start 3 killed "${long[@]}"
until_line killed 2
dead=${PIDS[1]}
kill -KILL "$dead"
ended killed 5 137 5
for rank in 0 2; do check "rank $rank names it" grep -qE "rank 1 \(.*, process $dead\) has ended" killed.err.$rank; done
check "a checkpoint" test -n "$(ls -d killed/step-* 2>/dev/null)"

# --- a rank that sleeps, and rank 0 that sleeps
for asleep in 1 0; do
  start 2 asleep-$asleep "${long[@]}" --rank-timeout 8
  until_line asleep-$asleep 2
  kill -STOP "${PIDS[asleep]}"
  wait "${PIDS[1 - asleep]}"
  check "the other ends with 5" test $? = 5
  check "it names the one that sleeps" grep -qE "rank $asleep \(.*, process ${PIDS[asleep]}\).* has not answered for" \
    asleep-$asleep.err.$((1 - asleep))
  kill -KILL "${PIDS[asleep]}"
  wait "${PIDS[asleep]}" 2>/dev/null
done

# --- ranks that do not come
export RANK=0 WORLD_SIZE=4 MASTER_ADDR=127.0.0.1 MASTER_PORT=$(free_port)
expect_exit 5 "$BIN/vega-train" run "${base[@]}" -o alone --rank-timeout 1
expect_text "by torchrun" "ranks 1, 2, 3 missing after 1 s" "--rank-timeout"
RANK=2 expect_exit 5 "$BIN/vega-train" run "${base[@]}" -o alone --rank-timeout 1
expect_text "rank 0 of 4, which has not come"
unset RANK MASTER_ADDR MASTER_PORT
expect_exit 2 "$BIN/vega-train" run "${base[@]}" -o alone
expect_text "RANK" "0 to 3"
unset WORLD_SIZE
export SLURM_JOB_ID=1 SLURM_NTASKS=2 SLURM_PROCID=0
expect_exit 2 "$BIN/vega-train" run "${base[@]}" -o alone
expect_text "SLURM_NTASKS" "ranks 0 to 1" "srun"
unset "${!SLURM_@}"
expect_nothing alone

# --- two jobs at once; ranks of two jobs that meet by mistake
start 2 job-a "${pairs[@]}"
first=("${PIDS[@]}")
ranks 2 job-b "${pairs[@]}"
PIDS=("${first[@]}")
ended job-a 0 0
equal_weights one job-a $last
equal_weights one job-b $last
finish
