# CV-Bench and BLINK-spatial from the data set to the row of a table, with Qwen2.5-VL: prompts of the released code and
# texts of transformers over stored pictures (tests/golden/export_pictures.py), a made-up data set, shards, a kill,
# pictures that are missing or damaged, the generative branch. ScanRefer and Scan2Cap about posed frames in the same way
# (tests/golden/export_frames.py).
#   bash answer_pictures.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
GOLD=$(cd "$(dirname "$0")/../golden/pictures" && pwd)
evaluate() { "$BIN/vega-eval" "$@" --progress off; }
cd "$T" || exit 1
same() { EXPECTED=$((EXPECTED + 1)); cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff "$1" "$2" | head -n 4)"; }
expect_exit 0 synth model --preset qwen2.5-vl-tiny -o qwen --progress off
IMAGES=$GOLD
answer() { evaluate answer "$1" "$2" --checkpoint qwen --images "$IMAGES" --max-pixels 20000 --threads 1 "${@:3}"; }

# --- stored pictures: PNG, grey, of two sizes in one question. The exporter checks that pictures that are not encoded
# as JPEG, or not cut to squares, give other texts.
for task in cvbench blink; do
  expect_exit 0 evaluate prepare $task "$GOLD/$task.jsonl" -o $task.json
  expect_exit 0 answer $task $task.json -o $task
  expect_text "JPEG of quality 75" "never trained" "at most 16 tokens" "greedy" "answers stop at <|im_end|>"
  sed -E 's/^\{"dataset":"[a-z]*",(.*),"gt_response":.*$/{\1}/' $task/answers.jsonl >$task.lines
  same $task.lines "$GOLD/${task}_answers.jsonl"
done
expect_exit 0 evaluate prepare cvbench "$GOLD/cvbench.jsonl" -o cvbench.json
expect_text "3 pictures found"
expect_out "4 questions of 3 pictures: Count 1, Depth 1, Distance 1, Relation 1"
for field in '"family": "qwen2.5-vl"' '"jpeg_quality": 75' '"img/3D/depth/omni3d_3.png": {' '"untrained": true'; do
  check "run.json has $field" grep -qF -e "$field" cvbench/run.json
done
check "BLINK's are cut" grep -q '"squares": true' blink/run.json
check "a line says its pictures and their source" grep -qF \
  '"images":["img/2D/count/ade20k_1.png"],"source":"ADE20K","options":["A. 3","B. 2","C. 1","D. 0"]}' cvbench/answers.jsonl

# In shards, one after the other; both questions of one picture in one shard.
for shard in 0/2 1/2; do expect_exit 0 answer cvbench cvbench.json -o shards --shard $shard --batch 1; done
check "shards take whole pictures" test "$(wc -l <shards/part-0-of-2.jsonl) $(wc -l <shards/part-1-of-2.jsonl)" = "3 1"
expect_exit 0 evaluate merge shards
same shards/answers.jsonl cvbench/answers.jsonl
# Killed, and continued.
"$BIN/vega-eval" answer cvbench cvbench.json -o killed --checkpoint qwen --images "$GOLD" --max-pixels 20000 --threads 1 \
  --batch 1 --progress off >"$OUT" 2>"$ERR" &
PID=$!
until [ -s killed/part-0-of-1.jsonl ]; do kill -0 "$PID" 2>/dev/null || break; done
kill -KILL "$PID" 2>/dev/null
wait "$PID" 2>/dev/null
expect_exit 0 answer cvbench cvbench.json -o killed
same killed/answers.jsonl cvbench/answers.jsonl
expect_exit 0 answer cvbench cvbench.json -o cvbench
check "nothing left, no model" test "$(grep -c 'never trained' "$ERR")" = 0
expect_exit 0 answer blink blink.json -o dry --dry-run
check "what there is to do" grep -qE '^to answer: 3 questions of 3 picture sets$' "$OUT"
check "what is there" grep -qE '^picture sets: 3 ready, 0 missing$' "$OUT"
check "what it takes" grep -qE '^forecast: [0-9]+ visual tokens a picture set, read once' "$OUT"
check "its pictures" grep -qF 'val_1/view_1.png, val_1/view_2.png: 2 pictures of 140x140, 25 tokens each' "$OUT"
expect_nothing dry

# --- scores: of the lines alone, and a row of the table.
expect_exit 0 evaluate validate cvbench cvbench --gt cvbench.json --log-level warn
expect_exit 3 evaluate score cvbench cvbench
expect_text "4 of 2638 questions" "--partial"
expect_exit 0 evaluate score cvbench cvbench --gt "$GOLD/cvbench.jsonl" -o cvbench.scores.json --log-level warn
check "by source and by task" test "$(grep -cE '^(combined|2D|3D|ADE20K|COCO|Count|Relation|Depth|Distance) ' "$OUT")" = 9
check "the run is recorded" grep -q '"family": "qwen2.5-vl"' cvbench.scores.json
expect_exit 0 evaluate score blink-spatial blink --gt blink.json -o blink.scores.json --log-level warn
expect_exit 0 evaluate table "tiny=cvbench.scores.json" "tiny=blink.scores.json" --columns cvbench,blink --intervals --log-level warn
check "a row" grep -q '^ *tiny' "$OUT"

# --- a page a question: its pictures, what is right, what was answered.
expect_exit 0 evaluate show cvbench --answers cvbench --images "$GOLD" -o shown --count 0 --log-level warn
check "a page a question" test "$(wc -l <"$OUT") $(find shown -name '*.png' | wc -l)" = "4 4"
check "rank, score, id" grep -qE "^[0-3]${TAB}shown/1-[A-Za-z]+_0.0-[0-3].png$" "$OUT"
expect_exit 0 evaluate show blink --answers blink --gt "$GOLD/blink.jsonl" --images "$GOLD" -o shown_blink --count 1 --log-level warn
check "of two pictures" test "$(find shown_blink -name '1-*.png' -size +4k | wc -l)" = 1
expect_exit 2 evaluate show cvbench --answers cvbench --scenes "$GOLD" -o shown
expect_text "--images"
expect_exit 2 evaluate show cvbench --answers cvbench --images "$GOLD" --boxes b.json -o shown
expect_text "--boxes"

# --- what cannot be answered costs only itself.
cp -r "$GOLD/img" img
rm img/2D/count/ade20k_1.png
head -c 100 "$GOLD/img/2D/relation/coco_2.png" >img/2D/relation/coco_2.png
IMAGES=.
expect_exit 4 answer cvbench cvbench.json -o broken --dry-run
check "a dry run names what is missing" grep -qE '^  img/2D/count/ade20k_1.png: 1 question, .*no picture' "$OUT"
expect_exit 4 answer cvbench cvbench.json -o broken --report broken.report
expect_text "ade20k_1.png: got no picture" "coco_2.png" "not answered: 1 question: 0" "not answered: 1 question: 1"
same broken/answers.jsonl <(tail -n 2 cvbench/answers.jsonl)
expect_exit 4 evaluate show cvbench --answers cvbench --images . -o shown_broken --count 0
expect_text "img/2D/count/ade20k_1.png: got no such file" "coco_2.png" "2 of 4 questions shown, 2 failed"
IMAGES=$GOLD
expect_exit 0 answer cvbench cvbench.json -o broken   # the pictures are there now
same broken/answers.jsonl cvbench/answers.jsonl
{ head -n 1 "$GOLD/cvbench.jsonl"; sed -n 2p "$GOLD/cvbench.jsonl" | sed 's/"(A)"/"(F)"/'; } >bad.jsonl
expect_exit 4 evaluate prepare cvbench bad.jsonl --images "$GOLD" -o bad.json
expect_text "bad.jsonl:2.answer: got" "the letter of a choice"
printf PAR1 >test.parquet
expect_exit 3 evaluate prepare blink test.parquet -o x.json
expect_text 'pandas.read_parquet("test.parquet")' 'd.to_json("test.jsonl", orient="records", lines=True)'
expect_nothing x.json

# --- calls that are not clear.
for wrong in "--frames 8" "--videos $GOLD" "--scans img"; do
  expect_exit 2 answer cvbench cvbench.json -o o $wrong
  expect_text "${wrong% *}"
done
expect_exit 2 evaluate answer blink blink.json -o o --checkpoint qwen
expect_text "--images"
IMAGES=nowhere
expect_exit 3 answer blink blink.json -o o
expect_text "no folder"
IMAGES=qwen
expect_exit 3 answer blink blink.json -o o
expect_text "none of 3 picture sets"
expect_exit 0 synth model --preset vlm-tiny-video -o video --progress off
expect_exit 3 evaluate answer cvbench cvbench.json -o o --checkpoint video --images "$GOLD"
expect_text "Qwen2.5-VL"
expect_nothing o

# --- with the generative branch: its frames are the pictures after JPEG.
expect_exit 0 synth model --preset spatial-tiny -o spatial --progress off
sed -i 's/"use_generative_encoder": true,/&\n  "generative_vision_tower_size": "96*64",/' spatial/config.json
expect_exit 0 synth model --preset wan-tiny -o wan --progress off
expect_exit 0 evaluate answer blink blink.json -o fused --checkpoint spatial --model wan --images "$GOLD" --max-pixels 50000
expect_text "the checkpoint's own transformer: trained" "all parts: 3 of 3 questions"
check "run.json names the branch" grep -q '"block": 29' fused/run.json
# --- posed frames: ScanRefer with the number of each frame in front of it, and Scan2Cap. The exporter checks that the
# numbers and the JPEG change the texts.
FRAMES=$(cd "$GOLD/../frames" && pwd)
IMAGES=$FRAMES/media
for task in scanrefer scan2cap; do
  expect_exit 0 evaluate prepare $task-frames "$FRAMES/asked_$task.json" --split val --images "$IMAGES" -o $task.json
  expect_text "5 pictures found"
  expect_exit 0 answer $task-frames $task.json -o $task --max-new-tokens 16
  sed -E 's/^\{"dataset":"[a-z0-9-]*",(.*"pred_response":.*),"(pred_bbox|gt_response)":.*$/{\1}/;s/,"pred_bbox":.*$/}/' $task/answers.jsonl >$task.lines
  same $task.lines "$FRAMES/${task}_answers.jsonl"
done
check "the numbers are recorded" grep -q '"frame_numbers": true' scanrefer/run.json
check "a line has the box in the world" grep -q '"pred_bbox":null,"gt_response":\[.*"scene":"scene0011_00"' scanrefer/answers.jsonl
expect_exit 0 answer scanrefer-frames scanrefer.json -o dry --dry-run
check "its frames" grep -qE '^scene0011_00 [0-9a-f]{8}: 3 frames of 140x112, 20 tokens each' "$OUT"
expect_exit 0 answer scan2cap-frames scan2cap.json -o long
expect_text "at most 100 tokens"
# Objects without a proposal are answered without their frames: a dry run counts them as ready.
sed -E 's/"iou": [0-9.]+/"iou": 0.25/g' scan2cap.json >missed.json
check "no object has a proposal" test "$(grep -o '"iou": 0.25' missed.json | wc -l)" = 3
mkdir empty
IMAGES=$T/empty
expect_exit 0 answer scan2cap-frames missed.json -o missed --dry-run
check "what is there without frames" grep -qE '^frame sets: 2 ready, 0 missing$' "$OUT"
expect_exit 0 answer scan2cap-frames missed.json -o missed
check "empty captions" test "$(grep -c '"pred_response":""' missed/answers.jsonl)" = 3
IMAGES=$FRAMES/media
expect_exit 0 evaluate score scan2cap-frames scan2cap --partial --log-level warn
check "a missed object is no answer" grep -q '1 empty' "$OUT"
expect_exit 0 evaluate score scanrefer-frames scanrefer --gt scanrefer.json -o scanrefer.scores.json --log-level warn
check "nothing can be read" grep -q '3 unreadable' "$OUT"
expect_exit 0 evaluate validate scanrefer-frames scanrefer --gt "$FRAMES/asked_scanrefer.json" --log-level warn
cp -r "$IMAGES" media
rm media/scannet/posed_images/scene0025_00/00010.png
IMAGES=media
expect_exit 4 evaluate prepare scanrefer-frames "$FRAMES/asked_scanrefer.json" --split val --images media -o left.json
expect_text "question 1 of scene0025_00" "00010.png: got no picture"
expect_exit 4 answer scanrefer-frames scanrefer.json -o lost --max-new-tokens 16
expect_text "00010.png: got no picture" "not answered: 1 question: 1"
same lost/answers.jsonl <(sed -n '1p;3p' scanrefer/answers.jsonl)
expect_exit 0 evaluate answer scanrefer-frames left.json -o posed --checkpoint spatial --model wan --images "$FRAMES/media" --max-pixels 20000 --max-new-tokens 8
expect_text "the checkpoint's own transformer: trained" "all parts: 2 of 2 questions"
finish
