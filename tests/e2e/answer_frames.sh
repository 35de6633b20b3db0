# Qwen2.5-VL: questions about frames, straight from a folder or a scan; both layouts of a checkpoint; what it refuses.
#   bash answer_frames.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
answer() { "$BIN/vega-eval" answer --progress off "$@"; }
json() { answer "$@" --format json --log-level warn; }

expect_exit 0 synth model --preset qwen2.5-vl-tiny --layout both -o "$T/qwen" --progress off
expect_exit 0 synth model --preset qwen2.5-vl-tiny-7b -o "$T/own" --progress off
expect_exit 2 synth model --preset qwen2.5-vl-tiny --layout diffusers -o "$T/x" --progress off
expect_exit 0 synth scene --size 96x64 --frames 6 -o "$T/room" --progress off
expect_exit 0 synth scene --size 96x64 --frames 6 --plain -o "$T/plain" --progress off

# --- a folder of frames, both layouts, a head of its own.
qwen=(--checkpoint "$T/qwen/original" --max-new-tokens 6)
expect_exit 0 json "$T/plain" "${qwen[@]}" --ask "What is red?"
first=$(cat "$OUT")
check "one line" grep -qE '^\{"ask":"What is red\?","answer":".*","tokens":[0-6],"cut":(true|false)\}$' "$OUT"
expect_exit 0 json "$T/plain" --checkpoint "$T/qwen/transformers" --max-new-tokens 6 --ask "What is red?"
check "the same answer in the other layout" test "$(cat "$OUT")" = "$first"
expect_exit 0 json "$T/plain" --checkpoint "$T/own" --max-new-tokens 6 --ask "What is red?"
expect_exit 0 json "$T/room" "${qwen[@]}" --ask "What is red?"

# --- several questions share what was seen, and answer as they do alone.
expect_exit 0 json "$T/plain" "${qwen[@]}" --ask "Where?" --ask "What is red?"
check "the same answer beside another question" test "$(tail -n 1 "$OUT")" = "$first"

# --- how frames are shown is said, and can be chosen.
expect_exit 0 answer "$T/plain" "${qwen[@]}" --ask "What is red?" -o "$T/record"
expect_text "frames of 504x336, 216 tokens each" "qwen2.5-vl"
record=$(echo "$T"/record/*.json)
check "a record" grep -q '"schema": "vega.questions/1"' "$record"
check "its preparation" grep -q '"preparation": "spatial"' "$record"
check "its visual tokens" grep -q '"visual_tokens": ' "$record"
expect_exit 0 answer "$T/plain" "${qwen[@]}" --ask "What is red?" --preparation transformers --frames 2
expect_text "2 frames of 84x56, 6 tokens each"
expect_exit 0 answer "$T/plain" "${qwen[@]}" --ask "What is red?" --frames 1 --max-pixels 50000
expect_text "1 frame of 252x168, 54 tokens"

# --- a file with two bounds: both are named, the older key counts.
cp -r "$T/qwen/original" "$T/two"
echo '{"max_pixels": 100352, "size": {"longest_edge": 12845056, "shortest_edge": 3136}}' >"$T/two/preprocessor_config.json"
expect_exit 0 answer "$T/plain" --checkpoint "$T/two" --max-new-tokens 2 --ask "x" --frames 1
expect_text "max_pixels is 100352 and size.longest_edge is 12845056" "1 frame of 364x252, 117 tokens"

# --- a picture alone.
mkdir "$T/one"
cp "$T/plain/00000.jpg" "$T/one/"
expect_exit 0 json "$T/one" "${qwen[@]}" --ask "What is red?"

# --- refusals.
expect_exit 2 answer "$T/plain" "${qwen[@]}" --locate "the chair"
expect_text "--locate" "Qwen2.5-VL"
expect_exit 2 answer "$T/plain" "${qwen[@]}" --ask x --model "$T/x"
expect_exit 2 answer "$T/plain" "${qwen[@]}" --ask x --min-pixels 5 --max-pixels 4
expect_exit 3 answer "$T/nowhere" "${qwen[@]}" --ask x
expect_exit 0 synth model --preset vlm-tiny-video -o "$T/video" --progress off
expect_exit 2 answer "$T/plain" --checkpoint "$T/video" --ask x --frames 3
expect_text "--frames" "Qwen2.5-VL"
# --- SQA3D about scans: the words of the other models, frames as of a question of one's own.
ask='I stand at the door. What is red? Answer the question using a single word or phrase.'
row() { printf '{"id":%s,"video":"scannet/%s","conversations":[{"value":"<image> %s","from":"human"},{"value":"%s","from":"gpt"}],"metadata":{"dataset":"sqa3d","question_type":"what"}}' "$@"; }
printf '[%s,%s,%s]' "$(row 7 room "$ask" sofa)" "$(row 8 plain "$ask" lamp)" "$(row 9 nowhere "$ask" lamp)" >"$T/sqa3d.json"
sqa3d() { answer sqa3d "$T/sqa3d.json" "${qwen[@]}" -o "$T/sqa3d" "$@"; }
expect_exit 2 sqa3d
expect_text "--scans" "the folder of the benchmark's scans"
expect_exit 2 sqa3d --scans "$T" --videos "$T"
expect_exit 3 sqa3d --scans "$T/room"
expect_text "none of 3 scans"
expect_exit 4 sqa3d --scans "$T"
expect_text "6 of 6 frames: 6 frames of 504x336" "nowhere: got no scan" "not answered: 1 question: 9"
said=$(sed -nE 's/.*"sample_id": ?8,.*"pred_response": ?"(.*)","gt_response.*/\1/p' "$T/sqa3d/answers.jsonl")
expect_exit 0 json "$T/plain" "${qwen[@]}" --ask "The video captures 3D spatial information of a scene. Please focus on the spatial relationships in the video and answer the following questions.
$ask"
check "the instruction, a line, the question" grep -qF "\"answer\":\"$said\"" "$OUT"
check "frames are recorded" grep -q '"frames": 32' "$T/sqa3d/run.json"
expect_exit 0 "$BIN/vega-eval" score sqa3d "$T/sqa3d" --partial --log-level warn
check "it is scored" grep -q '^EM ' "$OUT"

echo '[]' >"$T/questions.json"
expect_exit 3 answer scanqa "$T/questions.json" "${qwen[@]}" -o "$T/o"
expect_text "Qwen2.5-VL" "answer SCENE --ask"
rm "$T/two/model.safetensors.index.json" "$T"/two/model-00002*
expect_exit 3 answer "$T/plain" --checkpoint "$T/two" --ask x

finish
