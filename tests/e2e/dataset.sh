#!/usr/bin/env bash
# vega-synth dataset: rooms and texts, read by vega-extract scene and scored by vega-eval.
#   bash dataset.sh BIN
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/truth_lib.sh"
cd "$T" || exit 1
rooms=(--frames 6 --size 96x72 --masks exact --log-level info --progress off)
small=(--rooms 3 --texts 24 "${rooms[@]}")
evaluate() { "$BIN/vega-eval" "$@"; }

# expect_line TEXT...: the last stdout has a line with all of these words in this order.
expect_line() {
  EXPECTED=$((EXPECTED + 1))
  local pattern
  pattern=$(printf '%s.*' "$@")
  grep -q -e "$pattern" "$OUT" || fail "stdout lacks: $*"
}

# --- a dry run writes nothing; a run writes rooms, then texts, and names the rooms
expect_exit 0 synth dataset -o data "${small[@]}" --dry-run --report dry.json
expect_line "Dry run of a data set of 3 rooms" "1 train, 1 val, 1 test"
expect_line "0 rooms are there, 3 would be rendered"
expect_nothing data
check "the report says so" grep -q '"outcome": "not started"' dry.json
expect_exit 0 synth dataset -o data "${small[@]}"
expect_out "scene0000_00${TAB}$T/data/scannet/scans/scene0000_00" "scene0001_00${TAB}$T/data/scannet/scans/scene0001_00" \
  "scene0002_00${TAB}$T/data/scannet/scans/scene0002_00"
cp "$OUT" rooms.list
expect_no_parts data
b=data/benchmark
for file in tokenizer/tokenizer.json scannetv2-labels.combined.tsv scannetv2_{train,val,test}.txt meanings.jsonl dataset.json \
  metadata/scannet_{train,val,test}_gt_box.json metadata/scannet_{val,test}_pred_box.json \
  benchmark/scanrefer/ScanRefer_filtered_{train,val}.json benchmark/multi3drefer/multi3drefer_{train,val}.json \
  benchmark/scanqa/ScanQA_v1.0_{train,val}.json benchmark/nr3d/nr3d.csv \
  benchmark/sqa_task/balanced/v1_balanced_{questions,sqa_annotations}_{train,val,test}_scannetv2.json; do
  check "$file is there" test -s "data/$file"
done
check "val is the second room" test "$(cat data/scannetv2_val.txt)" = scene0001_00

# --- made again: nothing to do; other options are refused; one room lost is one room rendered
cp -r data before
expect_exit 0 synth dataset -o data "${small[@]}"
expect_text "complete already"
check "nothing changed" diff -r data before
expect_exit 3 synth dataset -o data --rooms 3 --texts 10 "${rooms[@]}"
expect_text "a data set made with" "--overwrite"
expect_exit 3 synth dataset -o data --rooms 3 --texts 10 "${rooms[@]}" --dry-run
check "nothing changed" diff -r data before
rm -r data/scannet/scans/scene0002_00
expect_exit 0 synth dataset -o data "${small[@]}"
expect_text "1 written, 2 complete already"
check "the same once more" diff -r data before
expect_exit 0 synth dataset -o data "${small[@]}" --dry-run
expect_line "complete already"

# --- the bytes do not depend on threads; more rooms leave the first ones as they are
expect_exit 0 synth dataset -o other "${small[@]}" --threads 1
check "one thread" diff -r data other
expect_exit 0 synth dataset -o other --rooms 4 --texts 24 "${rooms[@]}" --overwrite
expect_text "1 written, 3 complete already"
for scene in scene0000_00 scene0001_00 scene0002_00; do
  check "$scene stays" diff -r data/scannet/scans/$scene other/scannet/scans/$scene
done
check "val stays" cmp $b/scanqa/ScanQA_v1.0_val.json other/benchmark/scanqa/ScanQA_v1.0_val.json
check "train grows" test "$(wc -l <other/scannetv2_train.txt)" = 2

# --- questions in the form of VSI-Bench, and videos: the rest stays as it is, and the right answers score 100
expect_exit 0 synth dataset -o videos --rooms 3 --texts 24 "${rooms[@]}" --vsi 3
check "the texts stay" diff -r data/benchmark/scanqa videos/benchmark/scanqa
check "so do the meanings" cmp data/meanings.jsonl videos/meanings.jsonl
for scene in scene0000_00 scene0001_00 scene0002_00; do
  check "a video of $scene" test -s videos/benchmark/vsi_bench/scannet/$scene.mp4
done
check "none without" test ! -e data/benchmark/vsi_bench
expect_exit 0 evaluate prepare vsi videos -o vsi.json
expect_text "1 video found in"
sed 's/.*"id":\([0-9]*\),.*"ground_truth":"\([^"]*\)".*/{"id":\1,"prediction":"\2"}/' videos/benchmark/vsi_bench/test.jsonl >vsi.jsonl
expect_exit 0 evaluate validate vsi vsi.jsonl --gt vsi.json --log-level warn
expect_exit 0 evaluate score vsi vsi.jsonl --gt vsi.json --partial --format csv --log-level warn
expect_line "^average,100.00"

# --- usage
expect_exit 2 synth dataset "${small[@]}"
expect_exit 2 synth dataset -o none "${small[@]}" --val 2 --test 2
expect_text "--val and --test" "3"
mkdir letters && echo dear >letters/dataset.json
expect_exit 3 synth dataset -o letters "${small[@]}"
expect_nothing none

# --- scene files of all rooms, by the list and by the official tree
expect_exit 0 extract scene --list rooms.list --proposals gt --select uniform:4 -o scenes --log-level warn --progress off
expect_exit 0 extract scene scene0001_00 --root data --select uniform:4 -o masks --log-level warn --progress off
check "three scene files" test "$(ls scenes | wc -l)" = 3
check "proposals of masks" test -s masks/scene0001_00.h5

# --- the tiny model takes the tokeniser
expect_exit 0 synth model --preset vlm-tiny --tokenizer data/tokenizer -o vlm --log-level warn
check "the tokeniser is in the checkpoint" cmp vlm/tokenizer.json data/tokenizer/tokenizer.json

# --- perfect answers, made from the annotations, score 100
right_texts $b/scanqa/ScanQA_v1.0_val.json >scanqa.jsonl
sqa=$b/sqa_task/balanced/v1_balanced
sed -n 's/.*"question_id":\([0-9]*\),"answers":\[{"answer":"\([^"]*\)".*/{"sample_id":"\1","pred_response":"\2"}/p' \
  ${sqa}_sqa_annotations_test_scannetv2.json >sqa3d.jsonl
right_objects $b/nr3d/nr3d.csv scene0001_00 >nr3d.jsonl
boxes=data/metadata/scannet_val_gt_box.json
right_boxes one $b/scanrefer/ScanRefer_filtered_val.json $boxes >scanrefer.jsonl
right_boxes several $b/multi3drefer/multi3drefer_val.json $boxes >multi3drefer.jsonl
awk '/"scene_id"/ {
    match($0, /"object_id":"[0-9]*"/); id = substr($0, RSTART, RLENGTH)
    match($0, /"description":"[^"]*"/); text = substr($0, RSTART + 15, RLENGTH - 16)
    if (!(id in seen)) printf "{\"sample_id\":\"%d\",\"pred_response\":\"%s\"}\n", row, text
    seen[id] = 1; ++row
  }' $b/scanrefer/ScanRefer_filtered_val.json >scan2cap.jsonl
for task in scanqa sqa3d nr3d scanrefer multi3drefer; do
  check "answers of $task" test "$(wc -l <$task.jsonl)" -ge 12
done

gt_boxes=(--boxes $boxes)
# scored TASK GT METRIC... -- OPTIONS: valid, and every metric is 100
scored() {
  local task=$1 gt=$2 metrics=()
  shift 2
  while [ "$1" != -- ]; do metrics+=("$1"); shift; done
  shift
  expect_exit 0 evaluate validate "$task" "$task.jsonl" --gt "$gt" --log-level warn
  expect_exit 0 evaluate score "$task" "$task.jsonl" --gt "$gt" --format csv --wordnet-dir "$T" --log-level warn "$@"
  local metric
  for metric in "${metrics[@]}"; do expect_line "^$metric,100.00"; done
}
scored scanqa $b/scanqa/ScanQA_v1.0_val.json EM BLEU-1 ROUGE-L --
scored sqa3d ${sqa}_sqa_annotations_test_scannetv2.json EM -- --questions ${sqa}_questions_test_scannetv2.json
scored scanrefer $b/scanrefer/ScanRefer_filtered_val.json Acc@0.25 Acc@0.5 -- "${gt_boxes[@]}"
scored scanrefer $b/scanrefer/ScanRefer_filtered_val.json Acc@0.25 Acc@0.5 -- --scenes scenes
scored multi3drefer $b/multi3drefer/multi3drefer_val.json F1@0.25 F1@0.5 -- "${gt_boxes[@]}"
scored scan2cap $b/scanrefer/ScanRefer_filtered_val.json BLEU-1 BLEU-4 ROUGE-L --
expect_exit 0 evaluate validate nr3d nr3d.jsonl --gt $b/nr3d/nr3d.csv --scans data/scannetv2_val.txt --log-level warn
expect_exit 0 evaluate score nr3d nr3d.jsonl --gt $b/nr3d/nr3d.csv --scans data/scannetv2_val.txt --format csv \
  --log-level warn
expect_line "^accuracy,100.00"
expect_exit 0 evaluate score scanrefer scanrefer.jsonl --gt $b/scanrefer/ScanRefer_filtered_val.json "${gt_boxes[@]}" \
  --labels data/scannetv2-labels.combined.tsv --log-level warn
expect_line unique 100.00; expect_line multiple 100.00

# --- prepared questions: of the data folder and of scene files the same, valid, and the same scores
for task in scanqa sqa3d nr3d scanrefer multi3drefer scan2cap; do
  expect_exit 0 evaluate prepare "$task" data -o $task.json --log-level warn
  expect_exit 0 evaluate verify $task.json --log-level warn
  expect_exit 0 evaluate validate $task $task.jsonl --gt $task.json --log-level warn
  expect_exit 0 evaluate score $task $task.jsonl --gt $task.json --format csv --wordnet-dir "$T" --log-level warn
  check "$task: 100" grep -qE '^(EM|accuracy|Acc@0.5|F1@0.5|BLEU-1),100.00' "$OUT"
done
# words FILE: without its numbers, which scene files hold as float32
words() { tr -d '0-9.' <"$1" | sed 's/e-//g'; }
for file in nr3d/nr3d.csv scanrefer/ScanRefer_filtered_val.json multi3drefer/multi3drefer_val.json; do
  task=${file%%/*}
  expect_exit 0 evaluate prepare $task $b/$file --scenes scenes --labels data/scannetv2-labels.combined.tsv \
    --scans data/scannetv2_val.txt -o from-scenes.json --log-level warn
  check "$task of scene files" test "$(words from-scenes.json)" = "$(words $task.json)"
done
expect_exit 0 evaluate prepare scan2cap data --scenes masks -o from-scenes.json --log-level warn
check "proposals of scene files" test "$(grep -o '"box_input": null' from-scenes.json | wc -l)" = \
  "$(grep -o '"box_input": null' scan2cap.json | wc -l)"
sed 's/"object_ids":\[[0-9]*\]/"object_ids":[56789]/' $b/multi3drefer/multi3drefer_val.json >lost_val.json
expect_exit 4 evaluate prepare multi3drefer lost_val.json --scenes scenes -o lost.json
expect_text "object 56789 of scene0001_00" "another version of the segmentation" "questions left out"
expect_exit 3 evaluate prepare scanrefer data --split train --scenes nowhere -o none.json
expect_text "not one question that can be asked" "nowhere/scene0002_00.h5"
expect_nothing none.json

# a wrong answer is one
sed -i '1s/\("pred_response":"\)[^"]*/\1nothing/' sqa3d.jsonl
expect_exit 0 evaluate score sqa3d sqa3d.jsonl --gt ${sqa}_sqa_annotations_test_scannetv2.json --format csv --log-level warn
check "a wrong answer counts" grep -q '^EM,95.83' "$OUT"
finish
