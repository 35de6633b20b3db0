#!/usr/bin/env bash
# vega-eval show and report: made-up rooms, right and wrong answers, pictures of them.
#   bash show.sh BIN
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/truth_lib.sh"
cd "$T" || exit 1
evaluate() { "$BIN/vega-eval" "$@"; }
quiet=(--log-level info --progress off)

expect_exit 0 synth dataset -o data --rooms 2 --test 0 --val 1 --texts 16 --frames 6 --size 96x72 --masks exact "${quiet[@]}"
expect_exit 0 extract scene scene0000_00 --root data --select uniform:4 -o scenes "${quiet[@]}"
b=data/benchmark
gt=$b/scanrefer/ScanRefer_filtered_val.json

mkdir -p right/scanrefer wrong/scanrefer
boxes=data/metadata/scannet_val_gt_box.json
right_boxes one "$gt" $boxes >right/scanrefer/answers.jsonl
right_boxes one "$gt" $boxes wrong >wrong/scanrefer/answers.jsonl
n=$(wc -l <right/scanrefer/answers.jsonl)
check "answers" test "$n" -ge 9

# --- by loss: the wrong ones first; a line and a picture a question; the same bytes again
show=(evaluate show scanrefer --gt "$gt" --scenes scenes "${quiet[@]}")
expect_exit 0 "${show[@]}" --answers wrong/scanrefer -o worst --count 3
check "three lines" test "$(wc -l <"$OUT")" = 3
check "rank, score, id" grep -q "^0${TAB}worst/1-IoU_[0-9.]*-0.png$" "$OUT"
check "the second wrong one" grep -q "^3${TAB}worst/2-IoU_" "$OUT"
for picture in worst/*.png; do
  check "$picture is a PNG" test "$(head -c 8 "$picture" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a
done
expect_no_parts worst
cp -r worst before
expect_exit 0 "${show[@]}" --answers wrong/scanrefer -o worst --count 3 --threads 1
check "the same bytes" diff -r worst before

# --- by gain of B over A, and boxes for a mesh viewer in both frames
expect_exit 0 "${show[@]}" --answers wrong/scanrefer --against right/scanrefer -o gains --count 2 --boxes gains/b.ply
check "a gain has its sign" grep -q "gains/1-IoU_+" "$OUT"
check "the scan's own frame" grep -q "comment.*frame of the scan" gains/b.ply
check "the aligned frame" grep -q "comment.*axis-aligned frame" gains/b-aligned.ply
expect_exit 0 "${show[@]}" --answers wrong/scanrefer --against right/scanrefer -o gains --ids 1,0 --sort id --boxes gains/b.json
check "by id" test "$(cut -f1 "$OUT" | tr '\n' ' ')" = "0 1 "
check "six boxes" test "$(grep -c '"of"' gains/b.json)" = 6

# --- texts: frames without boxes
right_texts $b/scanqa/ScanQA_v1.0_val.json >scanqa.jsonl
expect_exit 0 evaluate show scanqa --answers scanqa.jsonl --gt $b/scanqa/ScanQA_v1.0_val.json --scenes scenes -o qa --count 1 \
  --wordnet-dir "$T" "${quiet[@]}"
check "a picture of a text" test "$(find qa -name '1-EM_100.0-*.png' | wc -l)" = 1
right_objects $b/nr3d/nr3d.csv scene0000_00 >nr3d.jsonl
expect_exit 0 evaluate show nr3d --answers nr3d.jsonl --gt $b/nr3d/nr3d.csv --scans data/scannetv2_val.txt --scenes scenes \
  -o objects --count 1 --boxes objects/b.json "${quiet[@]}"
check "a picture of an object" test "$(find objects -name '1-accuracy_100.0-*.png' | wc -l)" = 1
check "its box twice" test "$(grep -c '"of"' objects/b.json)" = 2

# --- a scene without a file and an object that is not there cost only their question
sed '1,/"scene_id"/s/"scene_id":"scene0000_00"/"scene_id":"scene0077_00"/' "$gt" >elsewhere.json
expect_exit 4 evaluate show scanrefer --answers wrong/scanrefer --gt elsewhere.json --scenes scenes -o some --count 2 "${quiet[@]}"
expect_text "question '0'" "scene0077_00.h5"
check "the others are shown" test "$(wc -l <"$OUT")" = 2
expect_exit 4 evaluate show scanrefer --answers wrong/scanrefer --gt elsewhere.json --scenes scenes -o some --count 0 \
  --gt-boxes $boxes "${quiet[@]}"
expect_text "question '0'"
check "all but one" test "$(wc -l <"$OUT")" = $((n - 1))

# --- another benchmark's answers, and a truth that they do not answer
expect_exit 3 evaluate show scanqa --answers wrong/scanrefer/answers.jsonl --gt "$gt" --scenes scenes -o none "${quiet[@]}"
mkdir -p foreign
sed 's/^{/{"dataset":"scanqa",/' scanqa.jsonl >foreign/answers.jsonl
expect_exit 3 evaluate show sqa3d --answers foreign --scenes scenes -o none "${quiet[@]}"
expect_text "foreign/answers.jsonl: got answers of scanqa, expected of sqa3d"
check "nothing was drawn" test ! -e none
expect_exit 0 evaluate score scanqa foreign --gt $b/scanqa/ScanQA_v1.0_val.json --wordnet-dir "$T" -o foreign/scores.json \
  --partial --log-level warn
sed 's/"question_id":"/"question_id":"other-/' $b/scanqa/ScanQA_v1.0_val.json >other.json
expect_exit 3 evaluate show scanqa --answers foreign --gt other.json --wordnet-dir "$T" --scenes scenes -o none "${quiet[@]}"
expect_exit 4 evaluate report foreign --gt scanqa=other.json --wordnet-dir "$T" -o foreign.html --log-level warn
expect_text "no cases"
check "the page says so" grep -q "no cases" foreign.html
rm foreign/scores.json
expect_exit 0 evaluate report foreign --gt scanqa=$b/scanqa/ScanQA_v1.0_val.json --wordnet-dir "$T" -o foreign.html "${quiet[@]}"

# --- usage
expect_exit 2 evaluate show scanrefer --scenes scenes -o x
expect_text "--answers"
expect_exit 2 "${show[@]}" --answers wrong/scanrefer -o x --sort gain
expect_text "--against"
expect_exit 3 "${show[@]}" --answers wrong/scanrefer -o x --ids nobody
expect_text "nobody"
expect_exit 2 "${show[@]}" --answers wrong/scanrefer -o x --boxes "$gt"
expect_text "an input of this run"
check "the file stays" grep -q scene_id "$gt"

# --- a report of both: stands alone, the same bytes again, what is right by task
mkdir -p right/scanqa && cp scanqa.jsonl right/scanqa/answers.jsonl
report=(evaluate report "${quiet[@]}" --gt scanrefer="$gt" --gt scanqa=$b/scanqa/ScanQA_v1.0_val.json --wordnet-dir "$T")
expect_exit 0 "${report[@]}" right w=wrong --scenes scenes --count 3 -o report.html
check "manifest" grep -qx "report${TAB}report.html" "$OUT"
check "a perfect score" grep -q '<b>100.00</b> <small>\[' report.html
check "pictures: one or two frames and the room from above, of three cases of two tasks" \
  test "$(grep -c 'src="data:image/jpeg;base64,' report.html)" -ge 12
check "no address" test "$(grep -cE 'https?:' report.html)" = 0
check "no other source" test "$(grep -oE '(src|href)="[^"]{5}' report.html | grep -cvE '="(data:|#)')" = 0
cp report.html before.html
expect_exit 0 "${report[@]}" right w=wrong --scenes scenes --count 3 -o report.html --threads 1
check "the same bytes" cmp report.html before.html

# --- scores beside answers are taken as they are; of other answers they are not
expect_exit 0 evaluate score scanrefer right/scanrefer/answers.jsonl --gt "$gt" --scenes scenes -o right/scanrefer/scores.json \
  --log-level warn
expect_exit 0 "${report[@]}" right --scenes scenes --count 1 -o report.html
check "silent" test "$(grep -c 'scored anew' "$ERR")" = 0
cp wrong/scanrefer/answers.jsonl right/scanrefer/
expect_exit 0 "${report[@]}" right --scenes scenes --count 1 -o report.html
expect_text "scored anew"
expect_exit 0 evaluate report right/scanrefer/scores.json -o alone.html --log-level info
check "no cases" grep -q "No cases" alone.html
expect_exit 4 evaluate report wrong --gt scanrefer=elsewhere.json --scenes scenes --count 2 -o report.html --log-level info
expect_text "scene0077_00.h5"
expect_exit 3 evaluate report nowhere -o report.html
expect_text "nowhere"
expect_exit 2 evaluate report right -o report.htm
expect_exit 2 evaluate report right
expect_text "--out: got nothing"
mkdir -p bm && cp -r wrong bm/answers
for run in bm/answers/*; do echo '{"checkpoint":"models/tiny","untrained":true}' >"$run/run.json"; done
expect_exit 0 "${report[@]}" bm --scenes scenes --count 1 -o bm.html
check "the checkpoint's name and what it is worth" grep -q "Never trained: <bdi>tiny</bdi>" bm.html
finish
