#!/usr/bin/env bash
# vega-eval prepare: original annotations to processed questions, with the bytes of the official converters.
#   bash prepare.sh BIN
. "$(dirname "$0")/lib.sh"
golden=$(cd "$(dirname "$0")/../golden/prepare" && pwd)
cd "$T" || exit 1
evaluate() { "$BIN/vega-eval" "$@" --log-level info; }
data=$golden/data
refer=$data/benchmark/scanrefer/ScanRefer_filtered_val.json

# --- a data folder: boxes, proposals and labels are found there
for one in scanrefer:scanrefer_vg multi3drefer:multi3drefer scan2cap:scan2cap scanqa:scanqa; do
  task=${one%:*} stem=${one#*:}
  expect_exit 0 evaluate prepare "$task" "$data" -o "$task.json"
  check "$task has the official bytes" cmp "$task.json" "$golden/processed/${stem}_val_llava_style.json"
  expect_exit 0 evaluate verify "$task.json"
done
expect_exit 0 evaluate prepare sqa3d "$data" -o sqa3d.json
expect_out "7 questions of 1 scene: can 1, how 1, is 2, others 1, what 1, which 1"
check "the split that is evaluated" cmp sqa3d.json "$golden/processed/sqa3d_test_llava_style.json"

run evaluate prepare sqa3d "$data" -o /dev/stdout
check "to a pipe" cmp "$OUT" sqa3d.json

# --- files by name, in either order
sqa=$data/benchmark/sqa_task/balanced
expect_exit 0 evaluate prepare sqa3d "$sqa"/v1_balanced_questions_train_scannetv2.json "$sqa"/v1_balanced_sqa_annotations_train_scannetv2.json \
  -o train.json
check "train" cmp train.json "$golden/processed/sqa3d_train_llava_style.json"
expect_exit 0 evaluate prepare sqa3d "$sqa"/v1_balanced_sqa_annotations_train_scannetv2.json "$sqa"/v1_balanced_questions_train_scannetv2.json \
  -o train.json
check "train again" cmp train.json "$golden/processed/sqa3d_train_llava_style.json"
boxes=(--boxes "$data/metadata/scannet_val_gt_box.json")
labels=(--labels "$data/scannetv2-labels.combined.tsv")
expect_exit 0 evaluate prepare scanrefer "$refer" "${boxes[@]}" "${labels[@]}" -o again.json
check "the same of files" cmp again.json scanrefer.json

# --- what is missing is said
expect_exit 2 evaluate prepare
expect_exit 2 evaluate prepare scanrefer "$refer" "${boxes[@]}" "${labels[@]}"
expect_exit 3 evaluate prepare vsi "$refer" -o x.json
expect_exit 2 evaluate prepare sqa3d "$sqa"/v1_balanced_questions_train_scannetv2.json -o x.json
expect_text "v1_balanced_sqa_annotations_"
expect_exit 3 evaluate prepare scanrefer "$refer" "${boxes[@]}" -o x.json
expect_text "eval_type" "--labels scannetv2-labels.combined.tsv"
expect_exit 3 evaluate prepare scanrefer "$refer" "${labels[@]}" -o x.json
expect_text "--boxes scannet_val_gt_box.json or --scenes DIR"
cp "$refer" other.json
expect_exit 2 evaluate prepare scanrefer other.json "${boxes[@]}" "${labels[@]}" -o x.json
expect_text "--split" "does not say"
expect_exit 2 evaluate prepare scanrefer other.json --split val "${boxes[@]}" "${labels[@]}" -o other.json
check "inputs stay" cmp other.json "$refer"
expect_nothing x.json

# --- broken questions cost only themselves: exit code 4, named
sed 's/"object_id": "5"/"object_id": "56"/' "$refer" >other.json
expect_exit 4 evaluate prepare scanrefer other.json --split val "${boxes[@]}" "${labels[@]}" -o part.json
expect_text "question 5 of scene0003_00" "object 56 of scene0003_00" "another version of the segmentation" \
  "2 questions left out, see above"
expect_out "18 questions of 2 scenes: multiple 10, unique 8"
expect_exit 0 evaluate verify part.json
expect_exit 0 evaluate inspect part.json
check "what is in it" grep -q '^questions: 18$' "$OUT"

# --- one cause is one line: over scenes, and for a file of which nothing can be asked
sed 's/"description": "[^"]*"/"description": " "/' "$refer" >other.json
expect_exit 3 evaluate prepare scanrefer other.json --split val "${boxes[@]}" "${labels[@]}" -o x.json
expect_text "not one question that can be asked" "[0].description: got"
check "one line for blank texts" test "$(grep -c 'error:' "$ERR")" = 1
expect_exit 3 evaluate prepare scanrefer "$data/benchmark/scanqa/ScanQA_v1.0_val.json" "${boxes[@]}" "${labels[@]}" -o x.json
check "one line for another benchmark's file" test "$(grep -c 'error:' "$ERR")" = 1
expect_exit 3 evaluate prepare scan2cap "$refer" "${boxes[@]}" "${labels[@]}" -o x.json
expect_text "--proposals scannet_val_pred_box.json"
check "one line for missing proposals" test "$(grep -c 'error:' "$ERR")" = 1
printf 'stimulus_id,tokens,mentions_target_class\nscene0003_00-a-1-0,[],True\nscene0003_00-b-1-1,[],True\n' >nr3d.csv
expect_exit 3 evaluate prepare nr3d nr3d.csv "${boxes[@]}" -o x.json
expect_text "no column 'utterance'"
check "one line for a missing column" test "$(grep -c 'error:' "$ERR")" = 1
expect_nothing x.json

# --- the test split goes on from proposals, said once; there is nothing to score
grep -v '"object_id"' "$refer" | sed 's/"object_name": "[^"]*",//' >ScanRefer_filtered_test.json
expect_exit 0 evaluate prepare scanrefer ScanRefer_filtered_test.json -o test.json
check "said once" test "$(grep -c 'proposals of a detector' "$ERR")" = 1
printf '{"dataset": "scanrefer", "sample_id": 0, "pred_response": [0, 0, 0, 1, 1, 1]}\n' >answers.jsonl
expect_exit 3 evaluate score scanrefer answers.jsonl --gt test.json
expect_text "a question without answers"

# --- perfect answers to prepared questions are valid and score 100
sed 's/}, {"id"/}\n{"id"/g' scanrefer.json | sed -n \
  's/.*"id": \([0-9]*\), .*"box": \(\[[^]]*\]\).*/{"dataset": "scanrefer", "sample_id": \1, "pred_response": \2}/p' \
  >answers.jsonl
check "twenty answers" test "$(grep -c pred_response answers.jsonl)" = 20
expect_exit 0 evaluate validate scanrefer answers.jsonl --gt scanrefer.json
expect_exit 0 evaluate score scanrefer answers.jsonl --gt scanrefer.json --format csv
check "100" grep -q '^Acc@0.5,100.00' "$OUT"
sed -i 1d answers.jsonl
expect_exit 3 evaluate validate scanrefer answers.jsonl --gt scanrefer.json

# --- a bad record of a processed file is found
sed 's/"<ground>"/7/' scanrefer.json >bad.json
expect_exit 3 evaluate verify bad.json
check "named" grep -q 'conversations\[1\].value' "$OUT" "$ERR"

# --- other prompts
cat >prompts.json <<'JSON'
{"schema": "vega.prompts/1", "tasks": {"scanqa": {"user": "<image>Q: {question} A:", "answer": "{answer}"}}}
JSON
expect_exit 0 evaluate prepare scanqa "$data" --prompts prompts.json -o mine.json
check "our words" grep -q '"value": "<image>Q: What is' mine.json
expect_exit 3 evaluate prepare sqa3d "$data" --prompts prompts.json -o x.json
expect_text "no prompt of sqa3d"
expect_nothing x.json

# --- VSI-Bench: JSON Lines, the released words, and missing videos named with their questions
mkdir -p vsi/scannet
question() { printf '{"id": %s, "dataset": "scannet", "scene_name": "%s", "question_type": "%s", "question": "%s", "ground_truth": "%s", "options": %s}\n' "$@"; }
{ question 0 scene0011_00 object_counting "How many chairs?" 4 null
  question 1 scene0011_00 object_rel_distance "Which is nearest?" C '["A. a", "B. b", "C. c", "D. d"]'
  question 2 scene0012_00 room_size_estimation "How large?" 20.5 null
  question 3 scene0012_00 route_planning "Which way?" A '["A. left", "B. right"]'; } >vsi/test.jsonl
expect_exit 0 evaluate prepare vsi vsi -o vsi.json
expect_text "videos were not looked for"
expect_exit 0 evaluate verify vsi.json
check "the words of a number" grep -qF '"<image>These are frames of a video.\nHow many chairs?\nPlease answer the question using a single word or phrase."' vsi.json
check "the words of a choice" grep -qF 'Which way?\nOptions:\nA. left\nB. right\nAnswer with the option'"'"'s letter from the given choices directly."' vsi.json
touch vsi/scannet/empty.mp4
printf x >vsi/scannet/scene0011_00.mp4
printf x >vsi/scannet/scene0099_00.mp4
expect_exit 4 evaluate prepare vsibench vsi/test.jsonl -o part.json
expect_text "questions 2, 3 of scene0012_00" "scannet/scene0012_00.mp4: got no video" "1 video found in vsi"
expect_out "2 questions of 1 scene: object_counting 1, object_rel_distance 1"
printf PAR1 >vsi/test.parquet
expect_exit 3 evaluate prepare vsi vsi/test.parquet -o x.json
expect_text 'pandas.read_parquet("vsi/test.parquet").to_json("vsi/test.jsonl", orient="records", lines=True)'
expect_nothing x.json
# Round trip: answers to the prepared file, scores, and a row beside the published ones.
mkdir -p run
for one in "0 4" "1 C" "2 20" "3 B"; do
  printf '{"sample_id": %s, "pred_response": "%s"}\n' ${one% *} ${one#* }
done >run/answers.jsonl
expect_exit 0 evaluate validate vsi run/answers.jsonl --gt vsi.json
expect_exit 3 evaluate score vsi run/answers.jsonl --gt vsi.json
expect_text "relative direction"
expect_exit 0 evaluate score vsibench run/answers.jsonl --gt vsi.json --partial -o run/scores.json
check "baselines stand beside the scores" grep -Eq '^metric .*frequency +random' "$OUT"
check "a count that is right" grep -Eq '^object count +100.00' "$OUT"
check "a room of 20.5 m2 said to be 20" grep -Eq '^room size +100.00' "$OUT"
expect_exit 0 evaluate table "mine=run/scores.json" --columns vsi --intervals
for one in "mine" "Qwen2.5-VL-7B (tuned) .*48.9" "VEGA-3D .*50.5" "SpaceR-7B .*45.6" "Gemini-1.5 Pro .*45.4"; do
  check "a row of the table: $one" grep -q "$one" "$OUT"
done
finish
