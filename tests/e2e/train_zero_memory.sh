# vega-train run --zero: with a decoder of eight layers each level takes less memory than the one before, in every step,
# and no more than planned. Steps of words and steps of grounding, of one scene a rank and of two.
#   bash train_zero_memory.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh" || exit 1
. "$(dirname "$0")/ranks_lib.sh" || exit 1
cd "$T" || exit 1
make_train_data random:12 5
rm -r vlm-tiny
expect_exit 0 synth model --preset vlm-small -o vlm-small --progress off
files=(--checkpoint vlm-small --data mix.json --scenes scenes --semantic features/semantic --features features/wan --threads 1)
base=("${files[@]}" --progress off)
whole=(--train fusion,generative-projector,projector,newline,ground-head,decoder --batch 4 --steps 2)
taken() { sed -E 's/.*"memory":([0-9]+).*/\1/' "$1/metrics.jsonl"; }
for level in 0 1 2 3; do
  ranks 2 run-$level "${whole[@]}" --zero $level
  expect_exit 0 "$BIN/vega-train" plan "${files[@]}" --speed 1 -o none "${whole[@]}" --zero $level --ranks 2 --format json
  planned=$(sed -nE 's/^ *"total": ([0-9]+).*/\1/p' "$OUT")
  most=$(taken run-$level | sort -n | tail -n 1)
  echo "level $level: planned $planned, taken $most of" $(taken run-$level)
  check "level $level: planned $planned, taken $most" test "$most" -lt $((planned + planned / 50))
  check "level $level: planned $planned is no more than a tenth above $most" test "$planned" -lt $((most + most / 10))
  [ $level = 0 ] ||
    check "level $level takes less than the one before in each step" \
      awk 'NR == FNR { before[FNR] = $1; next } $1 >= before[FNR] { bad = 1 } END { exit bad || !FNR }' \
      <(taken run-$((level - 1))) <(taken run-$level)
done
finish
