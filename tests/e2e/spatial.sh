# Qwen2.5-VL with VEGA-3D's generative branch: questions about frames; whose transformer looks; what is refused.
#   bash spatial.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
GOLD=$(cd "$(dirname "$0")/../golden/vsi" && pwd)
answer() { "$BIN/vega-eval" answer --progress off "$@"; }
json() { answer "$@" --format json --log-level warn; }
# A smaller picture for Wan than the released 832x480.
smaller() { sed -i 's/"use_generative_encoder": true,/&\n  "generative_vision_tower_size": "96*64",/' "$1/config.json"; }

expect_exit 0 synth model --preset spatial-tiny -o "$T/own" --progress off
expect_exit 0 synth model --preset spatial-tiny-drawn -o "$T/drawn" --progress off
expect_exit 0 synth model --preset wan-tiny -o "$T/wan" --progress off
expect_exit 0 synth scene --size 96x64 --frames 4 --plain -o "$T/room" --progress off
check "as released: no tokenizer.json" test ! -e "$T/own/tokenizer.json" -a -e "$T/own/vocab.json" -a -e "$T/own/added_tokens.json"
smaller "$T/own"
smaller "$T/drawn"

# --- what a checkpoint is, from its headers and a few tensors.
expect_exit 0 "$BIN/vega-eval" inspect "$T/own"
check "its block" grep -q "block            29" "$OUT"
check "trained" grep -q "transformer      trained" "$OUT"
check "its fusion" grep -q "fusion           token_gated, residual" "$OUT"
expect_exit 0 "$BIN/vega-eval" inspect "$T/drawn"
check "drawn" grep -q "transformer      drawn, not trained (all biases are 0, weights spread 0.0" "$OUT"
expect_exit 0 "$BIN/vega-eval" verify "$T/own"

# --- live: tower and Wan, fused.
ask=("$T/room" --ask "What is red?" --max-new-tokens 6 --frames 2)
expect_exit 0 answer "${ask[@]}" --checkpoint "$T/own" --model "$T/wan" -o "$T/record" --format json
expect_text "the checkpoint's own transformer: trained, that of $T/wan" "block 29, timestep 300, shift 5, 96x64" \
  "not as the paper has it: block 29 (paper: 20)"
check "said once" test "$(grep -c "not as the paper" "$ERR")" = 1
own=$(cat "$OUT")
check "the record names the branch" grep -q '"block": 29' "$T"/record/*.json
expect_exit 0 json "${ask[@]}" --checkpoint "$T/own" --model "$T/wan"
check "the same answer again" test "$(cat "$OUT")" = "$own"

# --- whose transformer: that of the folder of Wan is the same here, a drawn one is not.
expect_exit 0 json "${ask[@]}" --checkpoint "$T/own" --generative-weights "$T/wan"
check "Wan's own weights" test "$(cat "$OUT")" = "$own"
expect_exit 0 answer "${ask[@]}" --checkpoint "$T/drawn" --model "$T/wan" --format json
expect_text "the checkpoint's own transformer: drawn, not trained (all biases are 0, weights spread 0.0"
check "another answer" test "$(cat "$OUT")" != "$own"
expect_exit 0 answer "${ask[@]}" --checkpoint "$T/drawn" --generative-weights "$T/wan" --format json
expect_text "the transformer of $T/wan: trained; the checkpoint's own is not used"
check "Wan's in place of the drawn one" test "$(cat "$OUT")" = "$own"

# --- stage by stage: the tower's tokens and Wan's features are stored, blended, and asked about.
two=("$T/room" --select uniform:2 --store-dtype fp32 --progress off)
expect_exit 0 extract features "${two[@]}" --backbone qwen2.5-vl --model "$T/own" --size 504x336 -o "$T/f" --tag tower
expect_exit 0 extract features "${two[@]}" --model "$T/wan" --recipe "$T/own" -o "$T/f" --tag wan
expect_text "block 29, timestep 300, shift 5, size 96x64, view spatial" "its own transformer"
expect_exit 0 "$BIN/vega-fuse" tokens "$T/f/wan/room.h5" --semantic "$T/f/tower" --checkpoint "$T/own" -o "$T/t" --tag own \
  --store-dtype fp32 --progress off
expect_exit 0 "$BIN/vega-fuse" inspect "$T/t/own/room.h5"
check "tokens of the tower's grid" grep -qE "fused .*2 x 12 x 18 x 256|fused.*\[2, ?12, ?18, ?256\]" "$OUT"
stored=(room --ask "What is red?" --max-new-tokens 6 --checkpoint "$T/own")
expect_exit 0 json "${stored[@]}" --tokens "$T/t/own"
check "the live answer" test "$(cat "$OUT")" = "$own"
expect_exit 2 extract features "${two[@]}" --backbone qwen2.5-vl --model "$T/own" --size 500x336 -o "$T/g"
expect_exit 3 extract features "${two[@]}" --backbone qwen2.5-vl --model "$T/own" -o "$T/g"
expect_text "--size 504x336"
expect_exit 2 json "${stored[@]}" --tokens "$T/t/own" --model "$T/wan"
expect_exit 2 json "${stored[@]}" --semantic "$T/f/tower"
expect_exit 3 "$BIN/vega-fuse" preview "$T/t/own/room.h5" -o "$T/gate.png"
expect_exit 2 "$BIN/vega-fuse" tokens "$T/f/wan/room.h5" --checkpoint "$T/own" -o "$T/t2" --progress off

# --- a plain Qwen2.5-VL is asked about its tower's tokens as they are.
expect_exit 0 synth model --preset qwen2.5-vl-tiny -o "$T/plain" --progress off
expect_exit 0 extract features "${two[@]}" --backbone qwen2.5-vl --model "$T/plain" --size 504x336 -o "$T/f" --tag plain
stored=(room --ask "What is red?" --max-new-tokens 6 --checkpoint "$T/plain")
expect_exit 0 json "${ask[@]}" --checkpoint "$T/plain"
plain=$(cat "$OUT")
expect_exit 0 json "${stored[@]}" --semantic "$T/f/plain"
check "the live answer of the plain model" test "$(cat "$OUT")" = "$plain"
check "not that of the other model" test "$plain" != "$own"
expect_exit 0 synth model --preset qwen2.5-vl-tiny --seed 7 -o "$T/other" --progress off
expect_exit 2 json "${stored[@]}" --tokens "$T/t/own"
expect_text "--semantic DIR of vega-extract features --backbone qwen2.5-vl"
expect_exit 3 json room --ask "What is red?" --checkpoint "$T/other" --semantic "$T/f/plain"
expect_text "tokens of another model"

# --- VSI-Bench with the branch: one look at a video serves all its questions, and run.json names the transformer.
sed -n 3,5p "$GOLD/questions.jsonl" >"$T/vsi.jsonl"
expect_exit 0 "$BIN/vega-eval" prepare vsi "$T/vsi.jsonl" --videos "$GOLD" -o "$T/vsi.json"
vsi() { answer vsi "$T/vsi.json" --videos "$GOLD" --frames 2 --max-pixels 50000 "$@"; }
expect_exit 3 vsi --checkpoint "$T/own" -o "$T/v"
expect_text "data/models/Wan2.1-T2V-1.3B" "--model"
expect_nothing "$T/v"
expect_exit 0 vsi --checkpoint "$T/own" --model "$T/wan" -o "$T/v"
expect_text "the checkpoint's own transformer: trained" "scannet/scene0030_00: 2 of 5 frames" "all parts: 3 of 3 questions"
check "run.json names the branch" grep -q '"block": 29' "$T/v/run.json"
for shard in 0/2 1/2; do
  expect_exit 0 vsi --checkpoint "$T/own" --model "$T/wan" -o "$T/shards" --shard $shard --batch 1
done
expect_exit 0 "$BIN/vega-eval" merge "$T/shards"
check "the same answers one by one" cmp "$T/shards/answers.jsonl" "$T/v/answers.jsonl"
expect_exit 3 vsi --checkpoint "$T/own" --generative-weights "$T/wan" -o "$T/v"
expect_text "generative.transformer"
expect_exit 0 vsi --checkpoint "$T/drawn" --model "$T/wan" -o "$T/d"
check "another transformer, other answers" test "$(sed 's/"model_id":"[^"]*"//' "$T/d/answers.jsonl")" \
  != "$(sed 's/"model_id":"[^"]*"//' "$T/v/answers.jsonl")"
expect_exit 2 vsi --checkpoint "$T/plain" --model "$T/wan" -o "$T/none"
expect_text "--model" "without generative branch"
expect_nothing "$T/none"

# --- refusals.
expect_exit 3 answer "${ask[@]}" --checkpoint "$T/own"
expect_text "data/models/Wan2.1-T2V-1.3B" "--model"
expect_exit 2 answer "${ask[@]}" --checkpoint "$T/own" --model "$T/wan" --generative-weights "$T/elsewhere"
expect_exit 2 answer "${ask[@]}" --checkpoint "$T/plain" --generative-weights checkpoint
expect_text "--generative-weights" "without generative branch"
sed -i 's/"use_generative_encoder": true/"use_generative_encoder": false/' "$T/drawn/config.json"
expect_exit 3 answer "${ask[@]}" --checkpoint "$T/drawn" --model "$T/wan"
expect_text "use_generative_encoder"

finish
