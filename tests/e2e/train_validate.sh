# vega-train run with validations: scores, answers, the best step; samples that are too long; the baseline without
# generative features from training to scores.
#   bash train_validate.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh"
cd "$T" || exit 1

make_train_data random:4 2 1
expect_exit 0 evaluate prepare scanqa data --split val --scenes scenes -o val.json --log-level warn
base=(--checkpoint vlm-tiny --scenes scenes --semantic features/semantic --features features/wan --threads 1 --data mix.json --batch 4)
train() { "$BIN/vega-train" run "${base[@]}" --progress off "$@"; }   # OPTIONS...
member() { sed -nE 's/.*"'"$2"'": ?"?([^,"}]*).*/\1/p' "$1" | head -n 1; }   # FILE NAME

# --- a validation of two tasks a step; the best step stays beside the last one
expect_exit 0 train -o run --validate val.json --validate scanrefer.json --validate-every 1 --validate-count 2 \
  --steps 2 --save-every 1 --keep 1 --rate 3e-3 --best scanqa:BLEU-1
check "two validations" test "$(wc -l <run/validation.jsonl)" = 2
check "each has both tasks" test "$(grep -c '"scanqa".*"scanrefer"' run/validation.jsonl)" = 2
best=$(grep '"best":true' run/validation.jsonl | tail -n 1 | sed -E 's/.*"step":([0-9]+).*/\1/')
check "the best step is marked" test "$(member run/best.json step)" = "$best"
check "the best step and the last one stay" \
  test "$(ls -d run/step-* | tr '\n' ' ')" = "$(printf 'run/step-%08d\n' "$best" 2 | sort -u | tr '\n' ' ')"
for step in 1 2; do
  check "answers of step $step" test "$(wc -l <run/validation/step-0000000$step/scanqa.jsonl)" = 2
done
# The scorer says the same of the answers that were kept.
expect_exit 0 evaluate score scanqa run/validation/step-00000002/scanqa.jsonl --gt val.json --partial --format json
bleu() { sed -nE 's/.*"BLEU-1":\{"value":([^,]+),.*/\1/p'; }
said=$(tr -d ' \n' <"$OUT" | bleu)
value=$(tail -n 1 run/validation.jsonl | bleu)
check "the scorer says ${said:-nothing}, the validation ${value:-nothing}" test "${value:-nothing}" = "$said"

# --- the longest samples are left out and counted; all others train
too_long() {   # LIMIT
  expect_exit 0 "$BIN/vega-train" plan "${base[@]}" -o x --speed 1 --format json --max-tokens "$1" --log-level error
  grep -o '"too_long": [0-9]*' "$OUT" | awk '{ n += $2 } END { print n + 0 }'
}
low=400 high=1000   # some are longer than the one, none than the other
while long=$(too_long $(((low + high) / 2))) && [ "$long" = 0 -o "$long" = 8 ] && [ $((high - low)) -gt 1 ]; do
  if [ "$long" = 0 ]; then high=$(((low + high) / 2)); else low=$(((low + high) / 2)); fi
done
most=$(((low + high) / 2))
check "$long of 8 samples are longer than $most tokens" test "$long" -gt 0 -a "$long" -lt 8
expect_exit 0 train -o some --max-tokens "$most"
expect_text "longer than $most tokens: left out" "too long"
check "all others train" test "$(sed -E 's/.*"samples":([0-9]+).*/\1/' some/metrics.jsonl | awk '{ n += $1 } END { print n }')" = $((8 - long))

# --- the baseline: it sees a crop of the frames' middle, and its own tower trains
expect_exit 0 synth model --preset vlm-tiny-3d -o vlm-tiny-3d --progress off
crop=("${small[@]}" --preset video3d-llm)
expect_exit 0 extract scene "${crop[@]}" -o crop-scenes
expect_exit 0 "$BIN/vega-train" run --preset video3d-llm --checkpoint vlm-tiny-3d --data mix.json --scenes crop-scenes \
  --threads 1 --progress off --steps 1 --batch 1 -o baseline
expect_text "trains tower" "trains decoder" "finished after 1 step"
# What answers are given from: features of the tower that was trained.
expect_exit 0 "$BIN/vega-train" export baseline -o baseline-hf --layout hf --dtype fp32
expect_exit 0 extract features "${crop[@]}" --backbone siglip --model baseline-hf --tag crop -o features
expect_exit 0 evaluate answer scanqa val.json --checkpoint baseline --scenes crop-scenes --semantic features/crop \
  --max-new-tokens 3 -o answers
check "answers" test -s answers/answers.jsonl
expect_exit 0 evaluate score scanqa answers/answers.jsonl --gt val.json --format json
for metric in EM BLEU-1 CIDEr; do check "a score: $metric" grep -qF "\"$metric\"" "$OUT"; done
finish
