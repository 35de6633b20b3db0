# VSI-Bench from the data set to the row of a table, with a plain Qwen2.5-VL: texts of transformers over stored videos
# (tests/golden/export_vsi.py), a made-up data set, shards, stops and kills, videos that are missing or damaged.
#   bash answer_vsi.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
GOLD=$(cd "$(dirname "$0")/../golden/vsi" && pwd)
evaluate() { "$BIN/vega-eval" "$@" --progress off; }
cd "$T" || exit 1
same() { EXPECTED=$((EXPECTED + 1)); cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff "$1" "$2" | head -n 4)"; }
expect_exit 0 synth model --preset qwen2.5-vl-tiny -o qwen --progress off
VIDEOS=$GOLD
limit=()
answer() { evaluate answer vsi "$@" --checkpoint qwen --videos "$VIDEOS" --max-pixels 20000 --threads 1 "${limit[@]}"; }

# --- stored videos: 40 frames, 5, one, a variable frame rate, stored on its side. Prompts and answers are those of
# transformers, which reads every prompt whole: that questions share what was seen of a video changes none.
# The exporter checks that other frames than those that are shown give other texts.
expect_exit 0 evaluate prepare vsi "$GOLD/questions.jsonl" --videos "$GOLD" -o gold.json
expect_exit 0 answer gold.json -o gold
expect_text "scannet/scene0011_00: 32 of 40 frames: 32 frames of 140x112, 20 tokens each" "5 of 5 frames" "1 of 1 frames" \
  "arkitscenes/41069042: 6 of 6 frames: 6 frames of 140x140" "never trained" "at most 16 tokens" "greedy" "penalty 1.05" \
  "answers stop at <|im_end|>" "all parts: 8 of 8 questions"
sed -E 's/^\{"dataset":"vsi",(.*),"gt_response":.*$/{\1}/' gold/answers.jsonl >gold.lines
same gold.lines "$GOLD/answers.jsonl"
for field in '"family": "qwen2.5-vl"' '"preparation": "spatial"' '"frames": 32' '"scannet/scene0011_00": {' '"untrained": true' \
  '"max_pixels": 20000'; do
  check "run.json has $field" grep -qF -e "$field" gold/run.json
done
# One after the other, in shards, one question alone: the same answers.
for shard in 0/2 1/2; do expect_exit 0 answer gold.json -o shards --shard $shard --batch 1; done
check "videos are shared out whole" test "$(wc -l <shards/part-0-of-2.jsonl) $(wc -l <shards/part-1-of-2.jsonl)" = "4 4"
expect_exit 0 evaluate merge shards
same shards/answers.jsonl gold/answers.jsonl
head -n 2 "$GOLD/questions.jsonl" | tail -n 1 >alone.jsonl
expect_exit 0 evaluate prepare vsi alone.jsonl --videos "$GOLD" -o alone.json
expect_exit 0 answer alone.json -o alone
same alone/answers.jsonl <(sed -n 2p gold/answers.jsonl)
# Another number of frames is another way of answering.
expect_exit 3 answer gold.json -o gold --frames 8
expect_text 'switches.frames: got 8, expected 32'

# --- a made-up data set: from its questions to a row of the table
expect_exit 0 synth dataset -o data --rooms 3 --frames 6 --size 96x64 --texts 1 --vsi 1 --progress off
expect_exit 0 evaluate prepare vsi data -o vsi.json
asked=$(grep -o '"conversations"' vsi.json | wc -l)
VIDEOS=data/benchmark/vsi_bench
expect_exit 0 answer vsi.json -o dry --dry-run
check "what there is to do" grep -qE "^to answer: $asked questions of [0-9] videos?$" "$OUT"
check "what is there" grep -qE '^videos: [0-9] ready, 0 missing$' "$OUT"
check "what it takes" grep -qE '^forecast: [0-9]+ visual tokens a video, read once' "$OUT"
expect_nothing dry
limit=(--max-new-tokens 150)
expect_exit 0 answer vsi.json -o whole
check "a line a question" test "$(wc -l <whole/answers.jsonl)" = "$asked"
# started OUT: answers one after the other until the first line is there; the process in $PID.
started() {
  "$BIN/vega-eval" answer vsi vsi.json -o "$1" --checkpoint qwen --videos "$VIDEOS" --max-pixels 20000 --threads 1 \
    "${limit[@]}" --batch 1 --progress off >"$OUT" 2>"$ERR" &
  PID=$!
  until [ -s "$1/part-0-of-1.jsonl" ]; do kill -0 "$PID" 2>/dev/null || break; done
}
started term
kill -TERM "$PID"
wait "$PID"
check "SIGTERM: 75" test $? = 75
check "some answers, not all" test "$(wc -l <term/part-0-of-1.jsonl)" -lt "$asked"
expect_exit 0 answer vsi.json -o term
expect_text "answered already"
same term/answers.jsonl whole/answers.jsonl
started killed
kill -KILL "$PID"
wait "$PID" 2>/dev/null
expect_exit 0 answer vsi.json -o killed
same killed/answers.jsonl whole/answers.jsonl
limit=()
expect_exit 0 answer vsi.json -o answers
expect_exit 0 answer vsi.json -o answers
check "nothing left, no model" test "$(grep -c 'never trained' "$ERR")" = 0
expect_exit 0 evaluate validate vsi answers --gt vsi.json --log-level warn
expect_exit 0 evaluate score vsi answers --gt vsi.json --partial -o scores.json --log-level warn
check "beside the baselines" grep -q '"baselines"' scores.json
check "the run is recorded" grep -q '"family": "qwen2.5-vl"' scores.json
expect_exit 0 evaluate table "tiny=scores.json" --columns vsi --intervals --log-level warn
check "a row" grep -q '^ *tiny' "$OUT"

# --- what cannot be answered costs only itself
mkdir -p part/scannet part/scannetpp part/arkitscenes
cp "$GOLD"/scannet/*.mp4 part/scannet
: >part/arkitscenes/41069025.mp4
head -c 1500 "$GOLD/arkitscenes/41069042.mp4" >part/arkitscenes/41069042.mp4
VIDEOS=part
{ head -c -1 gold.json; printf ', {"id": 90, "video": "scannet/scene0011_00", "metadata": {"dataset": "vsi"}}, '
  sed -E 's/^\[(\{"id": )0(.*\}\}), \{"id": 1,.*/\191\2/; s#scannet/scene0011_00#../scene0011_00#' gold.json
  printf ']'; } >broken.json
expect_exit 4 answer broken.json -o broken --dry-run
check "a dry run names what is missing" grep -qE '^  scannetpp/09c1414f1b: 1 question, .*no video' "$OUT"
expect_exit 4 answer broken.json -o broken --report broken.report
expect_text "part/scannetpp/09c1414f1b.mp4: got no video" "part/arkitscenes/41069025.mp4: got an empty file" \
  "scannetpp/09c1414f1b: not answered: 1 question: 5" "arkitscenes/41069042: not answered: 2 questions: 6, 7" "DATASET/SCENE"
for id in 5 6 7 90 91; do check "$id is in the report" grep -qE "\"id\": \"?$id\"?" broken.report; done
same broken/answers.jsonl <(head -n 4 gold/answers.jsonl)
VIDEOS=$GOLD
expect_exit 4 answer broken.json -o broken
same broken/answers.jsonl gold/answers.jsonl   # the videos are there now
# A header that states more frames than the file has does not count; of a file without all frames that its header lists,
# both numbers are said.
mkdir -p stated/scannet
# stated FILE ATOM OFFSET BYTES: overwrites bytes behind the name of a part of the header.
stated() { printf "$4" | dd of="$1" bs=1 seek=$(($(grep -obUa "$2" "$1" | head -n 1 | cut -d: -f1) + 4 + $3)) conv=notrunc status=none; }
cp "$GOLD/scannet/scene0011_00.mp4" stated/scannet
stated stated/scannet/scene0011_00.mp4 stts 8 '\0\0\0\71'   # times of 57 frames, 40 are there
whole=$GOLD/scannet/scene0030_00.mp4
header=$(($(grep -obUa moov "$whole" | cut -d: -f1) - 4))
# The header of 5 frames first, then 3 of them: chunks begin at 20 + the header + 8.
{ head -c 20 "$whole"; tail -c +$((header + 1)) "$whole"; tail -c +29 "$whole" | head -c $((8 + 250 + 251 + 251)); } \
  >stated/scannet/scene0030_00.mp4
check "where the frames lie" test $((20 + $(stat -c %s "$whole") - header + 8)) = 728
stated stated/scannet/scene0030_00.mp4 stco 8 '\0\0\2\330'
head -n 4 "$GOLD/questions.jsonl" >stated.jsonl
expect_exit 0 evaluate prepare vsi stated.jsonl --videos "$GOLD" -o stated.json
VIDEOS=stated
expect_exit 4 answer stated.json -o stated
expect_text "scannet/scene0011_00: 32 of 40 frames" "3 of 5" "scannet/scene0030_00: not answered: 2 questions: 2, 3"
same stated/answers.jsonl <(head -n 2 gold/answers.jsonl)
VIDEOS=data
expect_exit 3 answer gold.json -o none
expect_text "none of 5 videos"
VIDEOS=nowhere
expect_exit 3 answer gold.json -o none
expect_text "no folder"
expect_nothing none

# --- calls that are not clear
expect_exit 2 evaluate answer vsi gold.json -o o --checkpoint qwen
expect_text "--videos"
expect_exit 2 evaluate answer vsi gold.json -o o --checkpoint qwen --videos "$GOLD" --scans data
expect_exit 2 evaluate answer "$VIDEOS" --ask "What?" --checkpoint qwen --videos "$GOLD"
expect_exit 2 evaluate answer vsi -o o
expect_text "vega-eval prepare vsi"
expect_exit 0 synth model --preset vlm-tiny-video -o video --progress off
expect_exit 3 evaluate answer vsi gold.json -o o --checkpoint video
expect_text "Qwen2.5-VL"
expect_nothing o
finish
