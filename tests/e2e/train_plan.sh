# vega-train plan: what it says against what runs do. Memory is within 5 %, counts are equal; JSON, errors.
#   bash train_plan.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh" || exit 1
cd "$T" || exit 1
trainer() { "$BIN/vega-train" "$@"; }

make_train_data first:8
files=(--checkpoint vlm-tiny --data mix.json --scenes scenes --semantic features/semantic --features features/wan --threads 1)

plan() { trainer plan "${files[@]}" --speed 1 -o run "$@"; }
# member NAME...: a number of the plan in $OUT, by the names on the way to it.
member() {
  local text
  text=$(tr -d ' \n' <"$OUT")
  while [ $# -gt 1 ]; do text=${text#*\"$1\":\{}; shift; done
  sed -E 's/.*"'"$1"'":(-?[0-9.e+]+).*/\1/' <<<"${text%%\}*}"
}
whole() { printf '%.0f' "$1"; }

# plan_and_run NAME OPTIONS...: the plan, then the run; both say the same.
plan_and_run() {
  local name=$1 planned steps most trains
  shift
  expect_exit 0 plan --format json "$@"
  planned=$(grep -E '^ *"total": ' "$OUT" | grep -oE '[0-9.e+]+')
  steps=$(sed -nE 's/^ *"all": ([0-9]+),/\1/p' "$OUT" | head -n 1)
  trains=$(sed -nE 's/.*"numbers": ([0-9]+),?.*/\1/p' "$OUT" | awk '{ n += $1 } END { print n }')
  cp "$OUT" "$name.json"
  expect_nothing run
  expect_exit 0 trainer run "${files[@]}" --progress off "$@" -o "$name"
  expect_text "$trains numbers train; $steps step"
  check "$name: a line a step" test "$(wc -l <"$name/metrics.jsonl")" = "$steps"
  most=$(sed -E 's/.*"memory":([0-9]+).*/\1/' "$name/metrics.jsonl" | sort -n | tail -n 1)
  check "$name: memory planned $(whole "$planned"), measured $most" \
    awk -v a="$planned" -v b="$most" 'BEGIN { exit !(a > 0.95 * b && a < 1.05 * b) }'
}
plan_and_run gate --batch 4
plan_and_run gate-all --batch 4 --recompute off --scene-memory 0
plan_and_run lora --preset lora --lora-rank 8 --batch 4
plan_and_run lora-bf16 --preset lora --lora-rank 8 --dtype bf16 --batch 4
plan_and_run decoder --train fusion,generative-projector,projector,newline,ground-head,decoder --batch 2 --steps 3
# The tower trains as well; parts that the base lacks.
plan_and_run tower --preset full --batch 2 --steps 1
own=("${files[@]}")
expect_exit 0 synth model --preset vlm-tiny-3d -o vlm-tiny-3d --progress off
files=("${files[@]/#vlm-tiny/vlm-tiny-3d}")
plan_and_run cross --train fusion,generative-projector --fusion cross_attention --batch 4 --steps 2
files=("${own[@]}")

# After ten steps a run says what all of them will take, and what memory was planned.
expect_exit 0 trainer run "${files[@]}" --progress off --batch 2 --epochs 2 -o long
expect_text "10 steps took" "the other 6 will take about" "planned"

# --- forms: a table, JSON of the schema; the time is measured where no speed is stated
for part in '"schema": "vega.plan/1"' '"parts"' '"fusion"' '"too_long": 0' '"warmup"' '"mapped"' '"pass_otherwise"' '"speed_measured": false' '"disk"'; do
  check "the JSON has $part" grep -qF -e "$part" gate.json
done
expect_exit 0 trainer plan "${files[@]}" --preset lora --steps 20 -o run
for word in "what trains" "lora" "data and steps" "memory" "at most" "a step" "speed measured on this machine" "a checkpoint"; do
  check "the table says $word" grep -qF -e "$word" "$OUT"
done
expect_exit 0 plan --preset lora --format markdown
check "Markdown" grep -q '^|' "$OUT"
# Twice the speed takes half of the time; more frames or questions cost more.
seconds() { sed -nE 's/^ *"all": ([0-9.e+-]+)$/\1/p' "$OUT" | head -n 1; }
expect_exit 0 plan --format json
at_one=$(seconds)
expect_exit 0 trainer plan "${files[@]}" --speed 2 -o run --format json
check "half of $at_one s" awk -v a="$at_one" -v b="$(seconds)" 'BEGIN { exit !(a > 1.99 * b && a < 2.01 * b) }'

# --- too long, missing files, parts that are not there: as run
expect_exit 3 plan --max-tokens 20
expect_text "all longer than 20 tokens"
mkdir lost
expect_exit 3 trainer plan "${files[@]/features\/semantic/lost}" -o run
expect_text "files of 1 of 1 scene are missing" "--skip-missing"
expect_exit 3 plan --train fusion,position
expect_exit 2 plan --rates decoder=1e-5
expect_exit 2 plan --speed -1
expect_exit 2 plan --format pdf
expect_exit 2 trainer plan --checkpoint vlm-tiny --data mix.json --features features/wan -o run
expect_text "--semantic"
expect_nothing run
finish
