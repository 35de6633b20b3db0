#!/usr/bin/env bash
# vega-eval score: answer files of the benchmarks to numbers, and files that are none.
#   bash score.sh BIN
. "$(dirname "$0")/lib.sh"
FRAMES=$(cd "$(dirname "$0")/../golden/frames" && pwd)
cd "$T" || exit 1
evaluate() { "$BIN/vega-eval" "$@"; }
score() { evaluate score "$@" --log-level warn; }

# expect_line TEXT...: the last stdout has a line with all of these words in this order.
expect_line() {
  EXPECTED=$((EXPECTED + 1))
  local pattern
  pattern=$(printf '%s.*' "$@" | sed 's/[][]/\\&/g')
  grep -q -e "$pattern" "$OUT" || fail "stdout lacks: $*"
}
# refused CODE TEXT... -- ARGUMENTS: exit code, words of the message, and no output file.
refused() {
  local code=$1 words=()
  shift
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  expect_exit "$code" score "$@" -o refused.json --samples refused.jsonl
  expect_text "${words[@]}"
  check "nothing is written" test ! -e refused.json -a ! -e refused.jsonl
}
answer() { printf '{"sample_id":"%s","pred_response":"%s","gt_response":["%s"]}\n' "$1" "$2" "$3"; }

# --- an output that is an input, or a file of another kind, stays as it is
answer a "the table" "The table" >own.jsonl
cp own.jsonl before.jsonl
refused_output() { expect_exit 2 score scanqa own.jsonl "$@"; expect_text own.jsonl; check "own.jsonl stays" cmp -s own.jsonl before.jsonl; }
refused_output --samples own.jsonl
refused_output -o own.jsonl
expect_exit 2 score scanqa own.jsonl --against before.jsonl --samples before.jsonl
check "before.jsonl stays" cmp -s own.jsonl before.jsonl

# --- texts: ScanQA raw and PTB
answer a "the table" "The table" >scanqa.jsonl
answer b "brown chair" "brown chair" >>scanqa.jsonl
expect_exit 0 score scanqa scanqa.jsonl --partial --format csv --wordnet-dir "$T"
expect_line EM,50.00; expect_line BLEU-1,75.00; expect_line ROUGE-L,75.00; expect_line CIDEr,312.50
expect_exit 0 score scanqa scanqa.jsonl --partial --format csv --wordnet-dir "$T" --matcher PTB
expect_line EM,50.00; expect_line BLEU-1,100.00; expect_line CIDEr,500.00
expect_exit 0 score scanqa scanqa.jsonl --partial --all-variants --wordnet-dir "$T"
expect_line metric raw PTB; expect_line CIDEr 312.50 500.00

answer a "" "the cat sat on the mat" >empty.jsonl
answer b "there is a dog in the garden" "there is a dog in the garden" >>empty.jsonl
expect_exit 0 score scanqa empty.jsonl --partial -o empty.json --wordnet-dir "$T"
expect_line "2 of 4675 questions" "1 empty"; expect_line BLEU-1 42.44; expect_line ROUGE-L 50.00; expect_line CIDEr 500.00
check "a metric that cannot be computed is null with a reason" grep -q '"reason": "no WordNet' empty.json
check "no NaN in the file" sh -c "! grep -qi nan empty.json"

answer a "a big brown table" "a big brown table" >one.jsonl
expect_exit 0 score scanqa one.jsonl --partial --format csv --wordnet-dir "$T"
expect_line BLEU-4,100.00; expect_line ROUGE-L,100.00; expect_line CIDEr,0.00

answer a 'a brown\nchair' 'a brown\r\nchair' >lines.jsonl
answer b 'red|||sofa' 'red sofa' >>lines.jsonl
answer a 'a brown chair' 'a brown chair' >plain.jsonl
answer b 'red sofa' 'red sofa' >>plain.jsonl
expect_exit 0 score scanqa lines.jsonl --partial --format csv --wordnet-dir "$T"
grep -v ^EM "$OUT" >lines.csv
expect_exit 0 score scanqa plain.jsonl --partial --format csv --wordnet-dir "$T"
grep -v ^EM "$OUT" >plain.csv
check "a line end or ||| inside a caption counts as a blank" cmp lines.csv plain.csv

printf '%s\n' '{"sample_id":0,"pred_response":"a","gt_response":"a brown table"}' \
  '{"sample_id":1,"pred_response":"brown","gt_response":["brown","dark brown"]}' >parts.jsonl
expect_exit 0 score scanqa parts.jsonl --partial --samples parts.samples --wordnet-dir "$T"
check "a letter of the truth earns nothing" grep -q '"id":"0","earned":{"EM":0.0' parts.samples
check "one of two accepted answers" grep -q '"id":"1","earned":{"EM":100.0' parts.samples

printf '%s\n' '{"sample_id":"a","pred_response":"a \ud83d chair \ud83d\ude00","gt_response":["a chair"]}' >half.jsonl
expect_exit 0 score scanqa half.jsonl --partial --wordnet-dir "$T"
expect_text "1 character U+FFFD in place of half a surrogate pair"

# --- annotation files
cat >scanqa_val.json <<'EOF'
[{"question_id": "val-scene0011_00-0", "scene_id": "scene0011_00", "answers": ["brown", "dark brown"]},
 {"question_id": "val-scene0011_00-1", "scene_id": "scene0011_00", "answers": ["2"]},
 {"question_id": "val-scene0015_00-0", "scene_id": "scene0015_00", "answers": ["left"]}]
EOF
for id in 0011_00-0:brown 0011_00-1:2 0015_00-0:right; do
  printf '{"dataset":"scanQA","sample_id":"scanqa_val-scene%s_0","pred_response":"%s"}\n' "${id%:*}" "${id#*:}"
done >with_gt.jsonl
expect_exit 0 score scanqa with_gt.jsonl --gt scanqa_val.json --format csv --wordnet-dir "$T"
expect_line EM,66.67
head -n 2 with_gt.jsonl >short.jsonl
refused 3 "short.jsonl: got 2 of 3 questions (missing: val-scene0015_00-0)" "--partial" -- scanqa short.jsonl --gt scanqa_val.json
expect_exit 0 score scanqa short.jsonl --gt scanqa_val.json --partial --wordnet-dir "$T"
expect_line EM "100.00 (2/3)"
sed 's/0015_00-0/0700_00-0/' with_gt.jsonl >other_split.jsonl
refused 3 "other_split.jsonl:3: sample_id" "another split" -- scanqa other_split.jsonl --gt scanqa_val.json
sed '2s/"pred_response"/"gt_response":"3","pred_response"/' with_gt.jsonl >other_truth.jsonl
refused 3 'other_truth.jsonl:2: gt_response: got "3", expected "2"' -- scanqa other_truth.jsonl --gt scanqa_val.json
printf '[{"question_id":"test-scene0700_00-0","scene_id":"scene0700_00","question":"what?"}]' >scanqa_test.json
sed 's/val-scene0011_00-0/test-scene0700_00-0/;1q' with_gt.jsonl >test_split.jsonl
refused 3 "without answers" "server" -- scanqa test_split.jsonl --gt scanqa_test.json
refused 3 "test_split.jsonl:1: gt_response" "server" -- scanqa test_split.jsonl --partial

cat >sqa.json <<'EOF'
{"annotations": [{"question_id": 1, "scene_id": "scene0011_00", "answers": [{"answer": "left"}]},
                 {"question_id": 2, "scene_id": "scene0015_00", "answers": [{"answer": "two"}]},
                 {"question_id": 3, "scene_id": "scene0015_00", "answers": [{"answer": "yes"}]}]}
EOF
cat >sqa_questions.json <<'EOF'
{"questions": [{"question_id": 1, "question": "What side is it?"}, {"question_id": 2, "question": "How many chairs?"},
               {"question_id": 3, "question": "Am I right?"}]}
EOF
printf '{"sample_id":%s,"pred_response":"%s"}\n' 1 " Left." 2 2 3 no >sqa.jsonl
expect_exit 0 score sqa3d sqa.jsonl --gt sqa.json --questions sqa_questions.json
expect_line EM 66.67; expect_line what 100.00; expect_line how 100.00; expect_line others 0.00
expect_exit 0 score sqa3d sqa.jsonl --gt sqa.json --questions sqa_questions.json --format csv
check "one CSV table" test "$(wc -l <"$OUT")" = 5
expect_line metric,value,low,high,n,of,group; expect_line EM,66.67 ,3,3,; expect_line EM,100.00 ,1,,what
expect_exit 0 score sqa3d sqa.jsonl --gt sqa.json --all-variants --format csv
expect_line metric,official,strict,refined; expect_line EM, 66.67 0.00 66.67

# --- comparisons, seeds, judges
printf '{"sample_id":%s,"pred_response":"%s"}\n' 1 left 2 3 3 no >sqa_b.jsonl
expect_exit 0 score sqa3d sqa.jsonl --gt sqa.json --against sqa_b.jsonl
expect_line EM 66.67 33.33 +33.33; expect_line "smallest p"; expect_line "run.json is missing"
mkdir a b
cp sqa.jsonl a; cp sqa_b.jsonl b
echo '{"prompt": "x", "checkpoint": {"step": 1}}' >a/run.json
echo '{"prompt": "x", "checkpoint": {"step": 2}}' >b/run.json
expect_exit 0 score sqa3d a/sqa.jsonl --gt sqa.json --against b/sqa_b.jsonl -o run.scores
expect_line "checkpoint.step: 1, other: 2"
check "the score file holds the comparison" grep -q '"against"' run.scores
expect_exit 0 score sqa3d a/sqa.jsonl --gt sqa.json --against b/sqa_b.jsonl --format json
check "one JSON document" cmp -s "$OUT" run.scores
expect_exit 0 score sqa3d a/sqa.jsonl --gt sqa.json --against b/sqa_b.jsonl --format csv
check "one CSV table" test "$(wc -l <"$OUT")" = 2
expect_line EM,66.67,33.33,+33.33
refused 2 "--against: got given with --all-variants" -- sqa3d sqa.jsonl --gt sqa.json --against sqa_b.jsonl --all-variants
check "run.json is copied" grep -q '"step": 1' run.scores
expect_exit 0 score sqa3d sqa.jsonl sqa_b.jsonl --gt sqa.json
expect_line EM 50.00 "33.33 to 66.67"
expect_exit 0 score sqa3d sqa.jsonl sqa_b.jsonl --gt sqa.json --against sqa_b.jsonl
expect_line EM 50.00 33.33 +16.67
# seeds against seeds: both means; the order of the other's files says nothing
expect_exit 0 score sqa3d sqa.jsonl sqa_b.jsonl --gt sqa.json --against sqa_b.jsonl --against sqa_b.jsonl -o seeds.scores
expect_line EM 50.00 33.33 +16.67
check "all files of the other stand in the score file" grep -q '"sqa_b.jsonl", *"sqa_b.jsonl"\|"sqa_b.jsonl",$' seeds.scores
expect_exit 0 score sqa3d sqa.jsonl sqa_b.jsonl --gt sqa.json --against sqa_b.jsonl --against sqa.jsonl
expect_line EM 50.00 50.00 +0.00
refused 2 "--against: got 2 files, expected 1" -- sqa3d sqa.jsonl --gt sqa.json --against sqa_b.jsonl --against sqa_b.jsonl
printf '{"id":%s,"score":%s,"scale":5,"judge":"kind"}\n' 1 5 2 4 3 0 >judge.jsonl
expect_exit 0 score sqa3d sqa.jsonl --gt sqa.json --judge judge.jsonl
expect_line "judge kind" 60.00
refused 2 "--judge: got given with --all-variants" -- sqa3d sqa.jsonl --gt sqa.json --judge judge.jsonl --all-variants
sed '2s/4/6/' judge.jsonl >judge_off.jsonl
refused 3 "judge_off.jsonl:2: score: got 6" -- sqa3d sqa.jsonl --gt sqa.json --judge judge_off.jsonl

# an empty answer earns nothing, and nothing fails
answer a "" "the cat sat on the mat" >both.jsonl
printf '{"sample_id":"b","pred_response":null,"gt_response":["a dog"]}\n' >>both.jsonl
expect_exit 0 score scanqa both.jsonl --partial --format csv --wordnet-dir "$T"
expect_line EM,0.00; expect_line BLEU-1,0.00; expect_line BLEU-4,0.00; expect_line ROUGE-L,0.00; expect_line CIDEr,0.00

# --- boxes
box() { printf '{"sample_id":%s,"pred_response":%s,"gt_response":%s,"question_type":"%s"}\n' "$@"; }
{
  for i in 0 1 3 4; do box $i "[1,2,3,1,1,1]" "[1,2,3,1,1,1]" "$([ $i -lt 3 ] && echo unique || echo multiple)"; done
  for i in 2 5 6 7 8 9; do box $i "[9,9,9,1,1,1]" "[1,2,3,1,1,1]" "$([ $i -lt 3 ] && echo unique || echo multiple)"; done
} >boxes.jsonl
expect_exit 0 score scanrefer boxes.jsonl --partial
expect_line Acc@0.5 40.00; expect_line unique 66.67; expect_line multiple 28.57
box 0 "[1,2,3,1,1,0]" "[1,2,3,1,1,0]" unique >flat.jsonl
expect_exit 0 score scanrefer flat.jsonl --partial
expect_text "1 ground-truth box thinner than 1 cm"
expect_line Acc@0.25 0.00
box 0 "[1,2,3,1,-1,1]" "[1,2,3,1,1,1]" unique >negative.jsonl
refused 3 "negative.jsonl:1: pred_response: got extent 1 is -1" -- scanrefer negative.jsonl --partial
box 0 "[1,2,3,1,1,1,0,0,0]" "[1,2,3,1,1,1]" unique >nine.jsonl
expect_exit 0 score scanrefer nine.jsonl --partial
expect_line Acc@0.5 100.00
box 0 "[1,2,3,1,1,1,0,0.1,0]" "[1,2,3,1,1,1]" unique >angle.jsonl
refused 3 "angle.jsonl:1: pred_response: got angle 1 is 0.1" -- scanrefer angle.jsonl --partial
box 0 "[1,2,NaN,1,1,1]" "[1,2,3,1,1,1]" unique >nan.jsonl
refused 3 "nan.jsonl:1: got NaN" -- scanrefer nan.jsonl --partial

echo '{"scannet/scene0011_00": [[0,0,0,1,1,1],[5,5,5,1,1,1]]}' >gt_box.json
cat >scanrefer_val.json <<'EOF'
[{"scene_id": "scene0011_00", "object_id": "0", "object_name": "chair", "ann_id": "0", "description": "a chair"},
 {"scene_id": "scene0011_00", "object_id": "1", "object_name": "chair", "ann_id": "0", "description": "another"},
 {"scene_id": "scene0011_00", "object_id": "1", "object_name": "door", "ann_id": "1", "description": "a door"}]
EOF
printf 'id\traw_category\tnyu40id\n1\tchair\t5\n2\tdoor\t8\n' >labels.tsv
printf '{"sample_id":%s,"pred_response":%s}\n' 0 "[0,0,0,1,1,1]" 1 "[5,5,5,1,1,1]" 2 "[0,0,0,1,1,1]" >scanrefer.jsonl
refused 3 "--boxes" -- scanrefer scanrefer.jsonl --gt scanrefer_val.json
expect_exit 0 score scanrefer scanrefer.jsonl --gt scanrefer_val.json --boxes gt_box.json --labels labels.tsv
expect_line Acc@0.5 66.67; expect_line unique 0.00; expect_line multiple 100.00
sed 's/"object_id": "1", "object_name": "door"/"object_id": "7", "object_name": "door"/' scanrefer_val.json >gone.json
refused 3 "object 7 of scene0011_00" "segmentation" -- scanrefer scanrefer.jsonl --gt gone.json --boxes gt_box.json

# boxes out of scene files, in the full build
if [ -x "$BIN/vega-extract" ] && [ -x "$BIN/vega-synth" ]; then
  expect_exit 0 synth scene --size 96x64 --frames 12 -o room/scene0000_00 --progress off
  expect_exit 0 extract scene room/scene0000_00 --proposals none --select uniform:4 -o scenes --progress off
  floor=$(awk '/"id": 0,/ { on = 1 } on && /-?[0-9]+[.][0-9]+/ { gsub(/[ ,]/, ""); v[n++] = $0 } n == 6 { exit }
    END { for (i = 0; i < 3; i++) c = c (v[i] + v[i + 3]) / 2 ","; for (i = 0; i < 3; i++) s = s (i ? "," : "") v[i + 3] - v[i]
      print "[" c s "]" }' room/scene0000_00/objects.json)
  echo '[{"scene_id": "scene0000_00", "object_id": "0", "object_name": "floor", "ann_id": "0", "description": "the floor"}]' >floor.json
  printf '{"sample_id":0,"pred_response":%s}\n' "$floor" >floor.jsonl
  expect_exit 0 score scanrefer floor.jsonl --gt floor.json --scenes scenes
  expect_line Acc@0.5 100.00
  refused 3 "absent/scene0000_00.h5" -- scanrefer floor.jsonl --gt floor.json --scenes absent
fi

multi() { printf '{"sample_id":%s,"scores":%s,"objects":[[0,0,0,1,1,1],[5,5,5,1,1,1]],"gt_response":%s,"question_type":"%s"}\n' "$@"; }
multi 0 "[0.5,0.1,0.0]" "[[0,0,0,1,1,1]]" st_w_d >multi.jsonl
multi 1 "[0.1,0.1,0.5]" "[]" zt_w_d >>multi.jsonl
multi 2 "[0.5,0.1,0.0]" "[[0,0,0,1,1,1],[5,5,5,1,1,1]]" mt >>multi.jsonl
expect_exit 0 score multi3drefer multi.jsonl --partial
expect_line "matcher: t=0.4"; expect_line F1@0.5 88.89; expect_line mt 66.67; expect_line zt_w_d 100.00
multi 0 "[0.5,0.1]" "[]" mt >few.jsonl
refused 3 "few.jsonl:1: scores: got 2, expected 3 numbers" -- multi3drefer few.jsonl --partial

# --- Nr3D: the object id decides
cat >nr3d.csv <<'EOF'
assignmentid,stimulus_id,tokens,utterance,mentions_target_class
1,scene0011_00-coffee_table-3-5-6-7,"['the', 'left', 'table']","the left, table",True
2,scene0011_00-chair-2-1-2,"['the', ""leftover"", 'chair']",the leftover chair,True
3,scene0012_00-chair-2-1-2,"['it']",it,False
4,scene0012_00-chair-1-1,"['only', 'one']",only one,True
EOF
printf '{"sample_id":%s,"pred_response":%s}\n' 0 5 1 '"2"' 2 1 3 1 >nr3d.jsonl
expect_exit 0 evaluate score nr3d nr3d.jsonl --gt nr3d.csv
expect_line "3 questions"; expect_line accuracy 66.67; expect_line easy 50.00; expect_line hard 100.00
expect_line view-dependent 100.00; expect_line view-independent 50.00
expect_text "1 row that do not mention the target's class left out" "chance among the objects of the target's class: 61.1 %"

# --- VSI-Bench: parsers by name
vsi() { printf '{"id":%s,"scene_name":"s","question_type":"object_rel_distance","options":["A. x","B. y","C. z","D. w"],"ground_truth":"%s","prediction":"%s"}\n' "$@"; }
{ vsi 0 D "Answer: **D**"; vsi 1 D d; vsi 2 D D.; vsi 3 B "The correct answer is (B)."; vsi 4 B "Based on it"
  vsi 5 B "The answer is B because a car moves"; vsi 6 B ""; } >vsi.jsonl
earned() { sed 's/.*"average":\([0-9]*\).*/\1/' "$1" | tr '\n' ' '; }
expect_exit 0 score vsi vsi.jsonl --partial --samples vsi.samples
expect_line "4 unreadable, 1 empty"
check "official: 0 100 100 0 0 0 0" test "$(earned vsi.samples)" = "0 100 100 0 0 0 0 "
expect_exit 0 score vsi vsi.jsonl --partial --samples vsi.samples --matcher "official, lenient parser"
check "lenient: 100 100 100 100 0 100 0" test "$(earned vsi.samples)" = "100 100 100 100 0 100 0 "
expect_exit 0 score vsi vsi.jsonl --partial --all-variants --format csv
expect_line eleven strict-lt lenient

# --- LIBERO: a log that was cut, and a second run behind it
run_log() {   # EPISODES [cut]
  echo "Task suite: libero_goal"
  echo "Using default initial states"
  for i in $(seq "$1"); do printf '\nTask: push\nStarting episode %s...\nSuccess: True\n' "$i"; done
  if [ "${2:-}" = cut ]; then printf '\nTask: push\nStarting episode %s...\n' "$(($1 + 1))"; return; fi
  printf 'Final results:\nTotal episodes: %s\nTotal successes: %s\n' "$1" "$1"
}
{ run_log 2 cut; run_log 3; } >two_runs.txt
refused 3 "two_runs.txt: got 2 runs: 1: lines 1 to 13 (3 episodes, cut); 2: lines 14 to" "--run N" -- libero two_runs.txt
expect_exit 0 score libero two_runs.txt --run 2 --partial
expect_line "3 of 2000"; expect_line Goal 100.00
refused 3 "libero_spatial: 0 episodes" -- libero two_runs.txt --run 2
for suite in spatial:489 object:492 goal:489 10:470; do
  for i in $(seq 0 499); do
    printf '{"suite":"libero_%s","task":"t%s","episode":%s,"success":%s}\n' "${suite%:*}" $((i / 50)) $((i % 50)) \
      "$([ "$i" -lt "${suite#*:}" ] && echo true || echo false)"
  done
done >episodes.jsonl
expect_exit 0 score libero episodes.jsonl
expect_line average 97.00; expect_line Spatial 97.80; expect_line Object 98.40; expect_line Goal 97.80; expect_line Long 94.00

# --- files that are none
L='{"sample_id":"a","pred_response":"x","gt_response":["x"]}'
: >nothing.jsonl
printf '%s\n%s\n' "$L" "$L" >twice.jsonl
printf '%s\n{"sample_id":"b","pred_response":"\xff","gt_response":["x"]}\n' "$L" >bytes.jsonl
printf '%s\n{"sample_id":"b","answer":"x"}\n' "$L" >schema.jsonl
printf '%s\n%s' "$L" "${L:0:30}" >cut.jsonl
{ printf '%s\n{"sample_id":"b","pred_response":"' "$L"; head -c 100000000 /dev/zero | tr '\0' a; printf '"}\n'; } >long.jsonl
refused 3 "nothing.jsonl: got no record" -- scanqa nothing.jsonl --partial
refused 3 "twice.jsonl:2: sample_id: got 'a' a second time (first: line 1)" -- scanqa twice.jsonl --partial
refused 3 "bytes.jsonl:2: got bytes that are not UTF-8" -- scanqa bytes.jsonl --partial
refused 3 "schema.jsonl:2: pred_response" -- scanqa schema.jsonl --partial
refused 3 "cut.jsonl:2: got JSON that breaks" -- scanqa cut.jsonl --partial
refused 3 "long.jsonl:2: got a line of 100000036 bytes" -- scanqa long.jsonl --partial
rm long.jsonl
refused 3 "dataset: got \"scanQA\"" "another benchmark" -- sqa3d with_gt.jsonl --partial
refused 3 "absent.jsonl" -- scanqa absent.jsonl --partial
refused 2 "one of scanrefer" -- nonsense absent.jsonl
refused 2 "-: got standard input" -- scanqa - --partial
refused 2 "scanqa.jsonl: got given twice" -- scanqa scanqa.jsonl scanqa.jsonl --partial
gzip -c scanqa.jsonl >packed.jsonl.gz
refused 3 "packed by gzip" gunzip -- scanqa packed.jsonl.gz --partial
sed 's/sample_id/key/' scanqa.jsonl >other_id.jsonl
refused 3 "other_id.jsonl:1: sample_id: got members key, pred_response, gt_response" question_id -- scanqa other_id.jsonl --partial
sed 's/pred_response/answer/' scanqa.jsonl >other_name.jsonl
refused 3 "other_name.jsonl:1: pred_response: got members sample_id, answer" prediction -- scanqa other_name.jsonl --partial
printf 'suite,task,episode,success\nlibero_goal,"open, close",0,yes\n' >yes.csv
refused 3 "yes.csv:2: got 'success' is \"yes\"" -- libero yes.csv --partial
refused 2 "'raw', 'PTB'" -- scanqa scanqa.jsonl --matcher best
refused 3 "2 of 4675 questions" "--partial" -- scanqa scanqa.jsonl
{ printf '\xef\xbb\xbf'; sed 's/$/\r/' scanqa.jsonl; } >windows.jsonl
expect_exit 0 score scanqa windows.jsonl --partial --format csv --wordnet-dir "$T"
expect_line CIDEr,312.50

# --- ScanRefer about posed frames: the log of the released harness, texts alone beside the questions, the best proposal
log=$FRAMES/scanrefer_log.jsonl
expect_exit 0 score scanrefer-frames "$log" --gt "$FRAMES/scanrefer.json" -o log.scores.json --format csv
expect_line Acc@0.25,66.67; expect_line Acc@0.5,38.89
expect_exit 0 score scanrefer-frames "$log" --partial
expect_line "36 of 9508 questions" "3 unreadable, 1 empty"; expect_line Acc@0.5 38.89
sed -E 's/^.*"doc_id":([0-9]+),.*"filtered_resps":\[(.*)\],"scanrefer_score".*$/{"id":\1,"prediction":\2}/' "$log" >texts.jsonl
expect_exit 0 score scanrefer-frames texts.jsonl --gt "$FRAMES/scanrefer.json" --format csv
expect_line Acc@0.5,38.89
expect_exit 0 score scanrefer-frames texts.jsonl --gt "$FRAMES/scanrefer.json" --proposals "$FRAMES/proposals.json"
expect_line "official, best proposal"; expect_line Acc@0.25 63.89; expect_line Acc@0.5 44.44
expect_exit 0 evaluate validate scanrefer-frames texts.jsonl --gt "$FRAMES/scanrefer.json" --log-level warn
expect_exit 0 evaluate table log=log.scores.json --columns scanrefer-frames --intervals --log-level warn
expect_line "log" 66.7
refused 3 "gt_response" -- scanrefer-frames texts.jsonl --partial
refused 2 --proposals scanrefer-frames -- scan2cap-frames "$FRAMES/scan2cap_log.jsonl" --partial --proposals "$FRAMES/proposals.json"
sed 's/scene0011_00/scene9999_00/' "$FRAMES/proposals.json" >other.json
refused 3 "no boxes of scene0011_00" -- scanrefer-frames "$log" --partial --proposals other.json
expect_exit 0 score scan2cap-frames "$FRAMES/scan2cap_log.jsonl" --partial --format csv --wordnet-dir "$T"
expect_line CIDEr,279.06; expect_line BLEU-4,39.10; expect_line ROUGE-L,62.13

# --- the locale changes nothing
expect_exit 0 score scanqa scanqa.jsonl --partial -o c.json --wordnet-dir "$T"
cp "$OUT" c.txt
if german_locale; then
  expect_exit 0 german "$BIN/vega-eval" score scanqa scanqa.jsonl --partial -o de.json --wordnet-dir "$T" --log-level warn
  check "equal text under a locale with a decimal comma" cmp c.txt "$OUT"
  check "equal file under a locale with a decimal comma" cmp c.json de.json
else
  skip_note "no locale with a decimal comma can be made here (package locales)"
fi
finish
