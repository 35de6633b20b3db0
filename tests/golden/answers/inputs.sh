# What the answers in this folder were given to: rooms with annotations, scene files, features, two untrained models.
# All of it is a function of the options below.
#   bash inputs.sh BIN DIR
set -euo pipefail
BIN=$1 DIR=$2
quiet=(--progress off --log-level warn)
mkdir -p "$DIR"
"$BIN/vega-synth" dataset --seed 3 --rooms 4 --val 2 --test 1 --frames 4 --size 96x72 --texts 10 --vocabulary 512 \
  -o "$DIR/data" "${quiet[@]}" >/dev/null
# Seeds of models whose texts depend on the question, and captions on the place, with clear leads (export_answers.py).
for model in vlm-tiny:1 vlm-tiny-3d:22 wan-tiny:42; do
  preset=${model%:*} tokenizer=()
  case $preset in vlm-*) tokenizer=(--tokenizer "$DIR/data/tokenizer") ;; esac
  "$BIN/vega-synth" model --preset $preset --seed ${model#*:} "${tokenizer[@]}" -o "$DIR/models/$preset" \
    "${quiet[@]}" >/dev/null
done
# A small picture for the diffusion model: seconds instead of minutes. --recipe takes it over.
sed -i 's/"832\*480"/"240*144"/' "$DIR/models/vlm-tiny/config.json"
grep -q '"240\*144"' "$DIR/models/vlm-tiny/config.json"
# Else the texts of untrained models hardly depend on the question, and never end: words that repeat cost more, and two
# words end an answer, too.
for file in "$DIR"/models/vlm-*/generation_config.json; do
  sed -i -e 's/"repetition_penalty": 1.05/"repetition_penalty": 1.3/' \
    -e 's/^    512$/    512,\n    159,\n    433/' "$file"
  [ "$(grep -cE '^    433$|: 1.3,$' "$file")" = 2 ]
done

cat "$DIR"/data/scannetv2_{val,test}.txt >"$DIR/scenes.txt"
rooms=(--root "$DIR/data" --list "$DIR/scenes.txt" --select uniform:4 "${quiet[@]}")
for model in vlm-tiny:mllm vlm-tiny-3d:center_crop; do
  to=$DIR/${model%:*} view=${model#*:}
  "$BIN/vega-extract" scene "${rooms[@]}" --view $view -o "$to/scenes" >/dev/null
  "$BIN/vega-extract" features "${rooms[@]}" --view $view --backbone siglip --model "$DIR/models/${model%:*}" \
    --tag semantic -o "$to" >/dev/null
done
"$BIN/vega-extract" features "${rooms[@]}" --model "$DIR/models/wan-tiny" --recipe "$DIR/models/vlm-tiny" \
  --tag generative -o "$DIR/vlm-tiny" >/dev/null
