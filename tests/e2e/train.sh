# vega-train run: presets, checkpoints, kills and signals, refusals, broken inputs, full disks.
#   bash train.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh" || exit 1
cd "$T" || exit 1
trainer() { "$BIN/vega-train" "$@" --progress off; }

# --- three rooms, a tiny model, questions of two tasks
make_train_data random:6
printf 'datasets:\n  - json_path: scanqa.json\n    sampling_strategy: random:6\n  - json_path: scanrefer.json\n    sampling_strategy: random:6\n' >mix.yaml

files=(--scenes scenes --semantic features/semantic --features features/wan --threads 1)
base=(--checkpoint vlm-tiny --data mix.json "${files[@]}" --batch 3)
train() { trainer run "${base[@]}" "$@"; }   # OPTIONS...
# What a run computed: its metrics without times and memory, and its last weights and moments.
numbers() { sed -E 's/,"tokens_per_s":.*//' "$1/metrics.jsonl"; }
equal_runs() {   # RUN RUN STEP
  EXPECTED=$((EXPECTED + 1))
  cmp -s <(numbers "$1") <(numbers "$2") || fail "$1 and $2: metrics differ"
  local file
  for file in model-0-of-1.h5 optimizer-rank-0-of-1.h5; do
    check "$file has tensors" test "$(datasets "$1/$3/$file" | wc -l)" -ge 4
    check "$1 and $2: equal $file" cmp -s <(datasets "$1/$3/$file") <(datasets "$2/$3/$file")
  done
}
last=step-00000004

# --- gate-only: a whole run
expect_exit 0 train -o whole --save-every 1 --keep 9
expect_out "whole${TAB}whole/$last"
expect_text "scanqa.json (scanqa, random:6): 6 of" "trains fusion" "finished after 4 steps"
check "a line a step" test "$(wc -l <whole/metrics.jsonl)" = 4
check "files of a run" test -s whole/run.json -a -s whole/finished.json -a -s whole/$last/state.json -a -e whole/$last/DONE
for word in '"loss_division":"token"' '"kind":"task-length"' '"step":4' '"fingerprint":"'; do
  check "state.json has $word" grep -qF -e "$word" <(tr -d ' \n' <whole/$last/state.json)
done
expect_no_parts whole
# The first step of a warm-up has rate 0; the others move the gate.
check "the rate begins at 0" grep -q '"step":1,.*"rate":{"fusion":0.0,' whole/metrics.jsonl
expect_exit 0 trainer verify whole

# --- the command again: finished, nothing changes; more epochs are another run
find whole -type f -printf '%p %T@ %s\n' | sort >before
expect_exit 0 train -o whole --save-every 1 --keep 9
expect_text "finished already, after 4 steps"
find whole -type f -printf '%p %T@ %s\n' | sort >after
check "no byte changed" cmp -s before after
expect_exit 3 train -o whole --epochs 2
expect_text "epochs"
expect_exit 3 train -o whole --rate 1e-3
expect_text "rates"
check "still no byte changed" cmp -s before <(find whole -type f -printf '%p %T@ %s\n' | sort)

# --- the YAML form is the same data; threads, memory and reading ahead change nothing
expect_exit 0 trainer run --checkpoint vlm-tiny --data mix.yaml "${files[@]}" --batch 3 -o yaml --scene-memory 0
equal_runs whole yaml $last

# --- killed after any step, and killed while it writes: the same weights in the end
for step in 1 2 3; do
  rm -rf killed && cp -r whole killed && rm killed/finished.json
  for ((later = step + 1; later <= 4; ++later)); do rm -r killed/step-0000000$later; done
  expect_exit 0 train -o killed --save-every 1 --keep 9
  expect_text "goes on after step $step of 4"
  equal_runs whole killed $last
done
rm -rf torn && cp -r whole torn && rm torn/finished.json torn/$last/DONE
expect_exit 0 train -o torn --save-every 1 --keep 9
expect_text "that is not complete" "it is removed" "goes on after step 3"
equal_runs whole torn $last

# started RUN OPTIONS...: in the background; returns when its first line of metrics is there. The process in $PID.
started() {
  local out=$1
  shift
  "$BIN/vega-train" run "${base[@]}" -o "$out" --progress off "$@" >"$OUT" 2>"$ERR" &
  PID=$!
  until [ -s "$out/metrics.jsonl" ]; do kill -0 "$PID" 2>/dev/null || break; done
}
started kill9
kill -KILL "$PID"
wait "$PID" 2>/dev/null
expect_exit 0 train -o kill9
equal_runs whole kill9 $last
for signal in TERM USR1; do
  started "sig$signal"
  kill -$signal "$PID"
  wait "$PID"
  check "SIG$signal: 75" test $? = 75
  expect_text "which is saved; run again to go on"
  check "a checkpoint" test -n "$(ls -d sig$signal/step-* 2>/dev/null)"
  expect_exit 0 train -o "sig$signal"
  equal_runs whole "sig$signal" $last
done

# --- lora, with dropout, augmentation, another sampler: stopped and not stopped alike
# The tower of vlm-tiny has layers q_proj too: they get no adapter.
lora=(--preset lora --lora-rank 4 --rate 1e-3 --augment-turn --augment-shift 0.5 --augment-frames 1 --sampler random --warmup 0)
expect_exit 0 train -o lora "${lora[@]}" --save-every 1 --keep 9
expect_text "trains new-tokens" "trains ground-head"
layers=$(grep -oE '"num_hidden_layers": *[0-9]+' vlm-tiny/config.json | grep -oE '[0-9]+$' | head -n 1)
expect_text "in $((7 * layers)) pairs at rate"
check "none on the tower" test "$(datasets lora/$last/model-0-of-1.h5 | grep -c 'vision_tower.*lora')" = 0
rm -rf lora2 && cp -r lora lora2 && rm -r lora2/finished.json lora2/step-0000000[34]
expect_exit 0 train -o lora2 "${lora[@]}" --save-every 1 --keep 9
equal_runs lora lora2 $last
expect_exit 0 train -o lora3 "${lora[@]}" --recompute off
equal_runs lora lora3 $last

# --- everything trains; released division and masking
expect_exit 0 train -o full --preset full --steps 1 --loss-division released --masking answer --micro-batch 2
expect_text "trains decoder"
check "the division is kept" grep -q '"loss_division": *"released"' full/step-00000001/state.json

# --- a checkpoint answers as it is
expect_exit 0 evaluate answer scanqa scanqa.json --checkpoint lora "${files[@]}" --max-new-tokens 3 -o answers
check "answers" test -s answers/answers.jsonl

# --- too long: counted, left out; all of them: an error
expect_exit 3 train -o short --max-tokens 20
expect_text "all longer than 20 tokens" "--max-tokens"
expect_nothing short
# --- files that are not there, before the first step and in the middle of a run
scene=$(grep -oE 'scene[0-9]+_00' scanrefer.json | sort -u | tail -n 1)
mkdir lost && cp features/semantic/*.h5 lost && rm "lost/$scene.h5"
lacking=("${base[@]/features\/semantic/lost}")
expect_exit 3 trainer run "${lacking[@]}" -o lacking
expect_text "files of 1 of 2 scenes are missing" "lost/$scene.h5" "--skip-missing"
expect_nothing lacking
expect_exit 0 trainer run "${lacking[@]}" -o lacking --skip-missing --steps 1
expect_text "without files"

# A file that goes away while a run reads its scenes again and again: what was done is saved.
mkdir going && cp features/semantic/*.h5 going
base=("${base[@]/features\/semantic/going}")
started gone --epochs 6 --scene-memory 0
rm "going/$scene.h5"
wait "$PID"
check "a file that goes away: 3" test $? = 3
expect_text "going/$scene.h5" "steps are saved; run again to go on"
cp "features/semantic/$scene.h5" going
expect_exit 0 train -o gone --epochs 6
expect_text "goes on after step"
check "a line a step" test "$(wc -l <gone/metrics.jsonl)" = 24
base=("${base[@]/going/features\/semantic}")

# --- a loss that is not finite: step, samples, last checkpoint; nothing is updated
expect_exit 3 train -o nan --rate 1e30 --warmup 0 --clip 0 --save-every 1
expect_text "step 2" "finite numbers" "step-00000001"
check "the good checkpoint stays" test -e nan/step-00000001/DONE

# --- features of another recipe
expect_exit 0 extract features "${small[@]}" --backbone wan --model wan-tiny --timestep 500 --tag other -o features
expect_exit 3 trainer run "${base[@]/features\/wan/features\/other}" -o other
expect_text "timestep: features have 500" "--allow-mismatch"
expect_nothing other
expect_exit 0 trainer run "${base[@]/features\/wan/features\/other}" -o other --allow-mismatch --steps 1

# --- a full disk at a checkpoint: what was there stays, the run goes on
expect_exit 6 bash -c 'ulimit -f 8; exec "$@"' - "$BIN/vega-train" run "${base[@]}" -o full-disk --progress off
expect_no_parts full-disk
expect_exit 0 train -o full-disk
equal_runs whole full-disk $last

# --- wrong calls
expect_exit 2 trainer run --data mix.json "${files[@]}" -o x
expect_text "--checkpoint"
expect_exit 2 train -o x --rates decoder=1e-5
expect_text "decoder, which does not train"
expect_exit 2 train -o x --epochs 1 --steps 2
expect_exit 2 train -o x --train fusion --lora-rank 8
# Options that nothing in the run would read.
while read -r wanted options; do
  expect_exit 2 train -o x $options
  expect_text "$wanted"
done <<'ROWS'
--train --lora-alpha 32
--fusion --fusion gated --fusion-layers 2
--sampler --step-scenes 2
--validate --best mean
--validate --validate-every 5
ROWS
expect_exit 3 train -o x --train fusion,position
expect_nothing x
finish
