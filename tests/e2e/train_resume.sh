# vega-train run, stopped and killed where it hurts: during a validation, in bfloat16, where everything trains with the
# vision tower. What goes on ends with the files of a run that nothing disturbed. A disk that fails, and changed data,
# are named.
#   bash train_resume.sh BIN TOOLS     VEGA_SOAK=1: more faults of the folder of a run
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
. "$(dirname "$0")/train_lib.sh"
cd "$T" || exit 1

# --- the folder of a run itself, while the rest goes on: calls that write it fail, for a moment or for good, and are
# the moment of a kill
mkdir faults
env LD_PRELOAD="$T/shim.so" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "${STORE%/*}/fault_run" "$T/faults" \
  >faults.out 2>faults.err &
sweep=$!

make_train_data random:4 2 0
base=(--checkpoint vlm-tiny --scenes scenes --semantic features/semantic --features features/wan --progress off)
of_run() { COMMAND=("$BIN/vega-train" run "${base[@]}" --threads "${THREADS:-1}" "$@"); }
train() { of_run "$@" && "${COMMAND[@]}"; }   # OPTIONS...

# What a run leaves: names of its files, their texts without times, checksums of its tensors.
content_of_run() {
  local file
  (cd "$1" && find . -type f | sort) | while read -r file; do
    echo "$file"
    case $file in
      *.h5) content "$1/$file" ;;
      */metrics.jsonl) sed -E 's/,"tokens_per_s":.*//' "$1/$file" ;;
      */validation.jsonl) sed -E 's/"seconds":[^,]*,//' "$1/$file" ;;
      */state.json) grep -v '"seconds"' "$1/$file" ;;
      */data.json) grep -v '"time_ns"' "$1/$file" ;;
      */DONE) ;;   # it has the size of state.json
      */validation/*) sed -E 's/,"model_id":"[^"]*"//' "$1/$file" ;;   # the name of the run
      *) cat "$1/$file" ;;
    esac
  done
}
same_run() {   # WHOLE OTHER
  EXPECTED=$((EXPECTED + 1))
  [ -s "$1.content" ] || content_of_run "$1" >"$1.content"
  content_of_run "$2" >other.content
  cmp -s "$1.content" other.content || fail "$1 and $2 differ: $(diff "$1.content" other.content | head -n 6)"
}
# kill_at RUN FILE CALL N: killed right before that call on a file of the run, whose command is COMMAND.
kill_at() {
  PREFIX=$T/$1/$2 plan CALL="$3" AT="$4" SIGNAL=9 -- "${COMMAND[@]}"
  expect_exit 137 "${PLANNED[@]}" 2>/dev/null   # the shell says that it was killed
}
# goes_on RUN WHOLE: the command again ends with the files of the run WHOLE.
goes_on() {
  expect_exit 0 "${COMMAND[@]}"
  same_run "$2" "$1"
}

# --- stopped in the middle of a validation, right before its answers get their name. Grounding alone: no words are
# written, which takes the most time.
asked=(--data mix.json --batch 4 --steps 2 --validate scanrefer.json --validate-every 1 --validate-count 2 --save-every 1 --keep 1 --rate 3e-3)
expect_exit 0 train -o located "${asked[@]}"
check "two validations" test "$(wc -l <located/validation.jsonl)" = 2
for signal in TERM INT; do
  of_run -o sig$signal "${asked[@]}"
  PREFIX=$T/sig$signal/validation/step-00000001 launch_stopped rename 1 "${COMMAND[@]}"
  let_go $signal
  LAST="SIG$signal during a validation"
  check "exit code $code, expected 75" test "$code" = 75
  check "the step is saved" test -e sig$signal/step-00000001/DONE
  goes_on sig$signal located
  expect_text "goes on after step 1"
done
# Killed there, behind the line of scores before the best step is marked, and before the end is.
n=0
for where in "validation/step-00000001 rename" "best.json rename" "finished.json rename"; do
  n=$((n + 1))
  of_run -o "killed$n" "${asked[@]}"
  kill_at "killed$n" $where 1
  goes_on "killed$n" located
done

# --- a disk that fails: exit 6, which file and why; the checkpoint that was there stays; the run goes on
while read -r run file call at error reason; do
  of_run -o "$run" "${asked[@]}"
  PREFIX=$T/$run/$file plan CALL="$call" AT="$at" ERRNO="$error" -- "${COMMAND[@]}"
  expect_exit 6 "${PLANNED[@]}"
  expect_text "$T/$run/$file" "$reason"
  check "$run: step 1 stays" test -e "$run/step-00000001/DONE"
  expect_no_parts "$run"
  goes_on "$run" located
done <<'ROWS'
nospace step-00000002 write 3 28 No space left on device
unnamed step-00000002 rename 1 5 Input/output error
unsynced validation.jsonl fsync 2 5 Input/output error
ROWS

# --- bfloat16, adapters, dropout and augmentation: bit for bit
lora=(--batch 4 --preset lora --lora-rank 4 --rate 1e-3 --dtype bf16 --augment-turn --augment-frames 1 --sampler random --warmup 0 --steps 3 --save-every 1 --keep 9)
expect_exit 0 train -o bf16 "${lora[@]}" --data mix.json
of_run -o bf16-killed "${lora[@]}" --data mix.json
kill_at bf16-killed metrics.jsonl write 3
goes_on bf16-killed bf16
expect_text "goes on after step 2"

# --- everything trains, the tower among it, which reads pictures
whole=(--data mix.json --preset full --steps 2 --batch 1 --augment-frames 1 --warmup 0 --save-every 1 --keep 1)
expect_exit 0 train -o full "${whole[@]}"
expect_text "trains tower" "trains decoder"
of_run -o full-killed "${whole[@]}"
kill_at full-killed metrics.jsonl write 2
goes_on full-killed full
check "the tower is in the checkpoint" test "$(grep -c ^/.*vision_tower full.content)" -gt 10

# --- other threads than the checkpoint's: said
stopped() { rm -rf "$1" && cp -r bf16 "$1" && rm -r "$1"/finished.json "$1"/step-00000003; }
stopped warned
THREADS=2 expect_exit 0 train -o warned "${lora[@]}" --data mix.json
expect_text "threads 2, before 1" "last bits"

# --- other data than the run began with: the files are named
sed 's/"value": "/"value": "Well, /2' scanqa.json >scanqa-other.json
sed 's/scanqa.json/scanqa-other.json/' mix.json >other.json
stopped changed
expect_exit 3 train -o changed "${lora[@]}" --data other.json
expect_text "another run is there" "scanqa-other.json: other questions or answers"
scene=$(grep -oE 'scene[0-9]+_00' scanrefer.json | sort -u | tail -n 1).h5   # one that trains
# Written again with the same values: checked, and no reason to stop.
touch "features/wan/$scene"
of_run -o changed "${lora[@]}" --data mix.json
goes_on changed bf16
expect_text "1 file of the scenes, written again since the run began, with the values of then"

LAST="fault_run"
check "the sweep over faults: $(cat faults.out)" wait $sweep
check "many faults were tried: $(tail -n 1 faults.out)" grep -qE '^[0-9]{3} faults, [0-9]{2,3} kills, 0 failures$' faults.out
finish
