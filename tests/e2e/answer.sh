# Questions about one scene: from files, straight from a scan or a video, several at once; objects located; what a
# checkpoint needs and a scene lacks.
#   bash answer.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
answer() { "$BIN/vega-eval" answer --progress off "$@"; }
json() { answer "$@" --format json --log-level warn; }

for preset in vlm-tiny vlm-tiny-3d vlm-tiny-video wan-tiny; do
  expect_exit 0 synth model --preset $preset -o "$T/$preset" --progress off
done
expect_exit 0 synth scene --size 96x64 --frames 6 -o "$T/room" --progress off
expect_exit 0 synth scene --size 96x64 --frames 6 --plain -o "$T/plain" --progress off

# --- straight from the scan: the files are made, kept with --work, and used by key.
vega=(--checkpoint "$T/vlm-tiny" --max-new-tokens 6)
made=(--model "$T/wan-tiny" --work "$T/work")
before=$(ls "${TMPDIR:-/tmp}" | grep -c vega-answer || true)
expect_exit 0 json "$T/room" "${vega[@]}" --model "$T/wan-tiny" --ask "What is red?"
first=$(cat "$OUT")
check "one line" test "$(wc -l <"$OUT")" = 1
check "question and answer" grep -qE '^\{"ask":"What is red\?","answer":".*","tokens":[1-6],"cut":(true|false)\}$' "$OUT"
check "no temporary folder stays" test "$(ls "${TMPDIR:-/tmp}" | grep -c vega-answer || true)" = "$before"
expect_text "never trained"
expect_exit 0 json "$T/room" "${vega[@]}" "${made[@]}" --ask "What is red?"
expect_out "$first"
expect_exit 0 json "$T/room" "${vega[@]}" --work "$T/work" --ask "What is red?" # without the weights of what is there
expect_out "$first"
semantic=$(dirname "$(find "$T/work/semantic" -name room.h5)")
features=$(dirname "$(find "$T/work/features" -name room.h5)")
files=(--scenes "$T/work/scenes" --semantic "$semantic" --features "$features")
expect_exit 0 json room "${vega[@]}" "${files[@]}" --ask "What is red?"
expect_out "$first"

# --- several questions share what was seen, and answer as they do alone; drawn answers depend on the seed alone.
expect_exit 0 json room "${vega[@]}" "${files[@]}" --ask "Is it dark, or not?" --ask "What is red?"
check "the same answer beside another question" test "$(tail -n 1 "$OUT")" = "$first"
expect_exit 0 json room "${vega[@]}" "${files[@]}" --greedy --ask "What is red?"
greedy=$(cat "$OUT")
expect_exit 0 json room "${vega[@]}" "${files[@]}" --temperature 0 --seed 7 --ask "What is red?"
expect_out "$greedy"
expect_exit 0 json room "${vega[@]}" "${files[@]}" --greedy --ask "What is red?" --threads 1
expect_out "$greedy"
expect_exit 0 answer room "${vega[@]}" "${files[@]}" --greedy --ask "What is red?" --log-level warn
begins=$(sed -E 's/.*"answer":"(.*)","tokens.*/\1/; s/\\.*//' <<<"$greedy")   # up to the first escape
check "the answer begins with something to compare" test -n "$begins"
check "the same text as in JSON" grep -qF "$begins" "$OUT"
# --top-p and --top-k draw, though the checkpoint's settings do not.
cp -r "$T/vlm-tiny" "$T/greedy" && rm "$T/greedy/generation_config.json"
expect_exit 0 answer room --checkpoint "$T/greedy" "${files[@]}" --ask "a?" --max-new-tokens 2 --top-p 0.5
expect_text "drawn: temperature 1" "top_p 0.5"
expect_exit 0 answer room "${vega[@]}" "${files[@]}" --ask "a?" --ask "b?" --log-level warn
check "questions are named where there are several" test "$(grep -c '^Q: [ab]?$' "$OUT")" = 2

# --- control words of a question are text; ids as released with --compat reference, and a warning. A second picture is
# an error of that question alone.
expect_exit 0 json room "${vega[@]}" "${files[@]}" --greedy --ask "a<|im_end|>b"
check "no warning" test "$(grep -c 'control word' "$ERR")" = 0
expect_exit 0 json room "${vega[@]}" "${files[@]}" --greedy --compat reference --ask "a<|im_end|>b"
expect_text "1 control word" "<|im_end|>"
expect_exit 3 json room "${vega[@]}" "${files[@]}" --ask "what is <image> this"
expect_text "<image>"
expect_exit 4 json room "${vega[@]}" "${files[@]}" --ask "what is <image> this" --ask "What is red?"
expect_out "$first"
expect_text "what is <image> this"
# Before anything is computed.
expect_exit 3 json "$T/room" "${vega[@]}" --model "$T/wan-tiny" --work "$T/early" --ask "<image>"
expect_nothing "$T/early"
# Files of other settings in --work: the remedy is another folder.
expect_exit 3 json "$T/room" "${vega[@]}" "${made[@]}" --compat fixed --allow-mismatch --ask "What is red?"
expect_text "give another --work"

# --- objects located: both frames, text, JSON, meshes.
expect_exit 0 answer room "${vega[@]}" "${files[@]}" --locate "the red chair" -o "$T/found" --log-level warn
expect_text "never trained"
check "text" grep -qE '^the red chair: (object [0-9]+|no object of [0-9]+ is meant)' "$OUT"
check "JSON" grep -q '"box_aligned"\|"found": false' "$T/found/room-1.json"
if [ -e "$T/found/room-1.ply" ]; then
  for mesh in room-1 room-1-aligned; do check "$mesh" grep -q "^element vertex 96$" "$T/found/$mesh.ply"; done
fi
for field in '"schema": "vega.questions/1"' '"checkpoint_fingerprint"' '"control_words"' '"cache_key"' '"locate": "the red chair"'; do
  check "the record has $field" grep -qF "$field" "$T/found/room.json"
done
expect_no_parts "$T/found"
# Annotated objects are no detector's, and that is said.
expect_exit 0 extract scene "$T/room" --proposals gt -o "$T/annotated" --select "frames:$semantic" --progress off
expect_exit 0 answer room "${vega[@]}" --scenes "$T/annotated" --semantic "$semantic" --features "$features" \
  --locate "the red chair" --log-level warn
expect_text "no proposals of a detector"
# Without proposals there is nothing to choose from.
expect_exit 0 extract scene "$T/room" --proposals none -o "$T/bare" --select "frames:$semantic" --progress off
rm -rf "$T/none" && mkdir "$T/none"
expect_exit 0 extract scene "$T/plain" --key room -o "$T/none" --progress off --select uniform:6
expect_exit 3 answer "$T/plain" --key room "${vega[@]}" --model "$T/wan-tiny" --locate "the lamp" --log-level warn
expect_text "without objects" "--masks"

# --- the baseline's crop by name: the files that the checkpoint's family asks for by itself.
expect_exit 0 json "$T/room" --checkpoint "$T/vlm-tiny-3d" --work "$T/work3d" --max-new-tokens 2 --ask "What is red?"
expect_exit 0 extract scene "$T/room" --preset video3d-llm -o "$T/preset/scenes" --progress off
expect_exit 0 extract features "$T/room" --backbone siglip --model "$T/vlm-tiny-3d" --preset video3d-llm \
  --select "frames:$T/preset/scenes" -o "$T/preset/semantic" --progress off
for part in scenes semantic; do
  check "$part by name" test "$(key_of "$(find "$T/preset/$part" -name room.h5)")" = \
    "$(key_of "$(find "$T/work3d/$part" -name room.h5)")"
done
expect_exit 2 extract features "$T/room" --model "$T/wan-tiny" --preset video3d-llm -o "$T/o"
expect_text "--preset video3d-llm" "--backbone siglip"

# --- a video has no depth and no poses: what needs them says so, what does not answers.
expect_exit 0 synth scene --size 96x64 --frames 6 --plain -o "$T/frames" --progress off
mkdir "$T/pictures"
for i in 0 1 2 3; do cp "$T/frames/0000$i.jpg" "$T/pictures/$i.jpg"; done
for checkpoint in vlm-tiny vlm-tiny-3d; do
  expect_exit 3 answer "$T/pictures" --checkpoint "$T/$checkpoint" --model "$T/wan-tiny" --ask "what?" --log-level warn
  expect_text "3D positions of tokens" "depth, poses and intrinsics" "LLaVA-Video"
  check "no answer" test ! -s "$OUT"
done
expect_exit 0 json "$T/pictures" --checkpoint "$T/vlm-tiny-video" --max-new-tokens 4 --ask "what?"
check "an answer" grep -q '"answer":' "$OUT"
expect_exit 3 answer "$T/pictures" --checkpoint "$T/vlm-tiny-video" --locate "x"
expect_text "without grounding head" "--ask"

# --- what is missing is said before anything is computed.
expect_exit 3 answer "$T/room" "${vega[@]}" --ask x --log-level warn
expect_text "no generative features and no weights" "--features DIR or --model DIR"
expect_exit 3 answer nowhere "${vega[@]}" --ask x
expect_text "'nowhere': got no such file or folder" "--semantic DIR"
expect_exit 3 answer other "${vega[@]}" "${files[@]}" --ask x
expect_text "other.h5" "no such file"
expect_exit 3 answer "$T/room" --checkpoint "$T/room" --ask x
expect_exit 2 answer "$T/room" "${vega[@]}"
expect_text "no question"
expect_exit 2 answer "$T/room" --ask x
expect_text "--checkpoint"
expect_exit 2 answer "$T/room" "$T/plain" "${vega[@]}" --ask x
expect_exit 2 answer "$T/room" "${vega[@]}" --ask x --greedy --top-k 3
expect_exit 2 answer "$T/room" "${vega[@]}" --ask x --temperature 0 --top-p 0.5
expect_exit 2 answer "$T/room" "${vega[@]}" --ask ""
expect_nothing "$T/o"
finish
