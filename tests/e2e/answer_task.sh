# A benchmark's questions answered scene by scene: six tasks, shards, stops and kills, broken questions and scenes.
#   bash answer_task.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
evaluate() { "$BIN/vega-eval" "$@" --progress off; }
cd "$T" || exit 1

# --- three scenes and a handful of questions about each
scenes=(scene0001_00 scene0002_00 scene0010_00)
for preset in vlm-tiny vlm-tiny-video wan-tiny; do
  expect_exit 0 synth model --preset $preset -o $preset --progress off
done
for i in 0 1 2; do
  expect_exit 0 synth scene --seed "$i" --size 96x64 --frames 2 -o "scans/${scenes[i]}" --progress off
  printf '%s\n' "scans/${scenes[i]}" >>list
done
small=(--list list --select uniform:2 --progress off --threads 2)
expect_exit 0 extract scene "${small[@]}" -o scenes
expect_exit 0 extract features "${small[@]}" --backbone siglip --model vlm-tiny --tag semantic -o features
expect_exit 0 extract features "${small[@]}" --backbone wan --model wan-tiny --recipe vlm-tiny --tag wan -o features

# record ID SCENE DATASET USER ANSWER MORE METADATA
record() {
  printf '{"id": %s, "video": "scannet/%s", "conversations": [{"value": "%s", "from": "human"}, {"value": "%s", "from": "gpt"}], ' \
    "$1" "$2" "$4" "$5"
  printf '%s"metadata": {"dataset": "%s", "question_type": "x"%s}}' "$6" "$3" "$7"
}
box='[0.5, 0.25, 0.75, 0.5, 0.5, 1.5]'
questions() {   # TASK: a list on stdout; the scenes take turns
  local i=0 scene word between='['
  for word in "a red chair" "the lamp" "one of the tables" "it stands by the wall"; do
    for scene in "${scenes[@]}"; do
      printf '%s' "$between"
      between=$', \n'
      case $1 in
        scanrefer) record $i "$scene" scanrefer "<image>Identify it.\\n$word" "<ground>" "\"box\": $box, " ', "ann_id": "0", "object_id": "0"' ;;
        multi3drefer) record $i "$scene" multi3drefer "<image>Identify them.\\n$word" "<ground>" "\"box\": [$box], " ', "ann_id": 0, "object_id": [0]' ;;
        nr3d) record $i "$scene" nr3d "<image>Identify it.\\n$word" "<ground>" "\"box\": $box, " ', "ann_id": "0", "object_id": 0' ;;
        scan2cap)
          local input=$box
          [ $((i % 4)) != 1 ] || input=null
          record $i "$scene" scan2cap "<image> Given an object located at <coord> , describe it." "A thing." \
            "\"box_input\": $input, \"gt_box\": $box, \"annotations\": [\"$word\"], " ', "ann_id": "0", "object_id": "0"' ;;
        scanqa) record "\"scanqa_val-$scene-${i}_0\"" "$scene" scanQA "<image> What is $word? Answer the question simply." "brown" "" ', "answers": ["brown"]' ;;
        sqa3d) record $i "$scene" sqa3d "<image> I stand. What is $word? Answer the question using a single word or phrase." "brown" "" "" ;;
      esac
      i=$((i + 1))
    done
  done
  printf ']'
}
tasks=(scanrefer multi3drefer scan2cap scanqa sqa3d nr3d)
for task in "${tasks[@]}"; do questions "$task" >"$task.json"; done

files=(--scenes scenes --semantic features/semantic --features features/wan)
common=(--checkpoint vlm-tiny "${files[@]}" --threads 1)
limit=5
answer() { evaluate answer "$@" "${common[@]}" --max-new-tokens "$limit"; }   # TASK FILE OPTIONS...
lines() { cat "$1"/part-*.jsonl 2>/dev/null | grep -v '"cut"' | wc -l; }
same() { EXPECTED=$((EXPECTED + 1)); cmp -s "$1" "$2" || fail "$1 and $2 differ"; }

# --- every task: each question one line, official members in the official order, read and scored by this program's scorer
for task in "${tasks[@]}"; do
  expect_exit 0 answer "$task" "$task.json" -o "whole/$task"
  expect_out "$task${TAB}whole/$task/answers.jsonl"
  expect_text "never trained" "all parts: 12 of 12 questions" "peak memory"
  check "$task: 12 lines" test "$(wc -l <"whole/$task/answers.jsonl") $(wc -l <"whole/$task/part-0-of-1.stats.jsonl")" = "12 12"
  expect_exit 0 evaluate score "$task" "whole/$task" --partial --log-level error $([ "$task" != nr3d ] || echo --gt nr3d.json)
done
members() { head -n 1 "whole/$1/answers.jsonl" | grep -qE "^\{\"dataset\":\"$2\",\"sample_id\":[^,]*,\"prompt\":\"[^\"]*\",$3\"model_id\":\"vlm-tiny\",\"question_type\":\"x\"$4\}$"; }
number='-?[0-9][-0-9.e]*'
six="\[$number(,$number){5}\]"
check "scanrefer" members scanrefer scanrefer "\"pred_response\":$six,\"gt_response\":$six," ""
check "multi3drefer" members multi3drefer multi3drefer "\"scores\":\[$number(,$number)+\],\"objects\":\[$six(,$six)*\],\"gt_response\":\[$six\]," ""
check "scan2cap" members scan2cap scan2cap '"pred_response":"[^"]*","gt_response":\["a red chair"\],' ',"scene":"scannet/scene0001_00"'
check "scanqa" members scanqa scanQA '"pred_response":"[^"]*","gt_response":"brown",' ""
check "sqa3d" members sqa3d sqa3d '"pred_response":"[^"]*","gt_response":"brown",' ""
check "nr3d" members nr3d nr3d '"pred_response":[0-9]+,"gt_response":0,' ""
# Beside them a score of each candidate: the one that scores most is the answer.
best_of_scores() {   # STATS.jsonl
  sed -nE 's/.*"objects":\[([^]]*)\],"scores":\[([^]]*)\].*/\1 \2/p' "$1" | awk '{
    n = split($1, id, ","); m = split($2, score, ","); best = 1
    for (i = 2; i <= m; ++i) if (score[i] + 0 > score[best] + 0) best = i
    print n == m ? id[best] : "uneven" }'
}
check "nr3d: scores of the candidates" \
  test "$(best_of_scores whole/nr3d/part-0-of-1.stats.jsonl)" = "$(sed -E 's/.*"pred_response":([0-9]+),.*/\1/' whole/nr3d/part-0-of-1.jsonl)"
check "no scores of words" test "$(grep -c '"scores"' whole/scanqa/part-0-of-1.stats.jsonl)" = 0
check "no proposal: the empty caption, unasked" test "$(grep -c '"pred_response":""' whole/scan2cap/answers.jsonl)" = 3
check "and no token" test "$(grep -c '"tokens":0' whole/scan2cap/part-0-of-1.stats.jsonl)" = 3
for field in '"schema": "vega.answers/1"' '"checkpoint_fingerprint": "' '"control_words": "ids"' '"greedy' '"digest": "' '"scene0010_00": {' '"semantic": "' '"untrained": true'; do
  check "run.json has $field" grep -qF -e "$field" <(sed 's/"generation": ".*greedy/"greedy/' whole/scanqa/run.json)
done
expect_no_parts whole

# --- once more: nothing is left, no weight is read
expect_exit 0 answer scanqa scanqa.json -o whole/scanqa
expect_text "12 answered already" "3 complete already"
check "no model" test "$(grep -c 'never trained' "$ERR")" = 0

# --- batches and shards
for batch in 1 3; do
  expect_exit 0 answer scanqa scanqa.json -o "batch$batch" --batch $batch
  same "batch$batch/answers.jsonl" whole/scanqa/answers.jsonl
done
pids=()
for shard in 2/3 0/3 1/3; do   # at once: which of them writes run.json does not matter
  answer scanqa scanqa.json -o shards --shard $shard >"$OUT" 2>"$ERR.${shard%/*}" &
  pids+=($!)
done
for pid in "${pids[@]}"; do check "a shard beside others" wait "$pid"; done
check "a scene a shard" test "$(wc -l <shards/part-1-of-3.jsonl)" = 4
expect_exit 0 evaluate merge shards
same shards/answers.jsonl whole/scanqa/answers.jsonl
for shard in 0/3 0/1; do
  expect_exit 2 answer scanqa scanqa.json -o shards --shard $shard --overwrite
  expect_text "also where that is 0/1" "remove the folder"
done
expect_exit 0 env SLURM_ARRAY_TASK_{ID=3,MIN=1,MAX=3,STEP=2,COUNT=2} "$BIN/vega-eval" answer scanqa scanqa.json -o auto \
  --shard auto --progress off "${common[@]}" --max-new-tokens 5
check "the second of two" test "$(wc -l <auto/part-1-of-2.jsonl)" = 4

# --- killed within a line, wherever: the same file in the end
bytes=$(wc -c <whole/scanqa/part-0-of-1.jsonl)
for i in 0 1 3 5; do
  rm -rf torn && cp -r whole/scanqa torn && rm torn/answers.jsonl
  truncate -s $((bytes * (2 * i + 1) / 13)) torn/part-0-of-1.jsonl
  expect_exit 0 answer scanqa scanqa.json -o torn --log-level error
  same torn/answers.jsonl whole/scanqa/answers.jsonl
  check "no line twice" test "$(sort torn/part-0-of-1.jsonl | uniq -d | wc -l) $(lines torn)" = "0 12"
done
# Killed as shard 0/4, continued as 0/2 and 1/2.
printf '%s' '{"dataset":"scanQA","sample_' >>auto/part-1-of-2.jsonl
mkdir moved && cp auto/run.json moved && cp auto/part-1-of-2.jsonl moved/part-0-of-4.jsonl
for shard in 0/2 1/2; do expect_exit 0 answer scanqa scanqa.json -o moved --shard $shard; done
expect_exit 0 evaluate merge moved
same moved/answers.jsonl whole/scanqa/answers.jsonl
check "nothing twice" test "$(cat moved/part-*-of-2.jsonl moved/part-0-of-4.jsonl | grep -c '"pred_response"')" = 12

# started OUT OPTIONS...: long answers, one after the other, until the first line is there; the process in $PID.
# The reader is told by the file alone, never by the clock.
started() {
  local out=$1
  shift
  "$BIN/vega-eval" answer scanqa scanqa.json -o "$out" --progress off "${common[@]}" --max-new-tokens 200 --batch 1 "$@" \
    >"$OUT" 2>"$ERR" &
  PID=$!
  until [ -s "$out/part-0-of-1.jsonl" ]; do kill -0 "$PID" 2>/dev/null || break; done
}
limit=200
expect_exit 0 answer scanqa scanqa.json -o long
started term
kill -TERM "$PID"
wait "$PID"
check "SIGTERM: 75" test $? = 75
expect_text "run again to go on"
check "some answers, not all" test "$(lines term)" -ge 1 -a "$(lines term)" -lt 12
started_lines=$(lines term)
expect_exit 0 answer scanqa scanqa.json -o term
expect_text "$started_lines answered already"
same term/answers.jsonl long/answers.jsonl
started killed
kill -KILL "$PID"
wait "$PID" 2>/dev/null
expect_exit 0 answer scanqa scanqa.json -o killed
same killed/answers.jsonl long/answers.jsonl
# Two processes never write one part.
started busy
expect_exit 3 answer scanqa scanqa.json -o busy
expect_text "part-0-of-1.jsonl" "another process writes"
kill -TERM "$PID"
wait "$PID"
limit=5

# --- a full disk
expect_exit 6 bash -c 'ulimit -f 4; exec "$@"' - "$BIN/vega-eval" answer scanqa scanqa.json -o full --progress off "${common[@]}" --max-new-tokens 5
expect_text "part-0-of-1"
check "whole lines alone" test -z "$(tail -c 1 full/part-0-of-1.jsonl)"
expect_exit 0 answer scanqa scanqa.json -o full
same full/answers.jsonl whole/scanqa/answers.jsonl

# --- another way of answering is refused, with what differs; --overwrite starts anew
expect_exit 3 answer scanqa scanqa.json -o whole/scanqa --compat fixed
expect_text 'switches.geometry: got "fp32", expected "bf16"' "--overwrite"
same whole/scanqa/answers.jsonl shards/answers.jsonl
expect_exit 3 answer sqa3d sqa3d.json -o whole/scanqa
expect_text 'task: got "sqa3d", expected "scanqa"'
cp -r whole/scanqa anew
expect_exit 0 answer scanqa scanqa.json -o anew --compat fixed --overwrite
check "with the new switches" grep -q '"geometry": "fp32"' anew/run.json

# --- a question that is broken costs only itself
{
  head -c -1 scanqa.json
  printf ', {"id": "no_words", "video": "scannet/scene0001_00", "metadata": {"dataset": "scanQA"}}, '
  record '"scanqa_val-scene0001_00-0_0"' scene0001_00 scanQA "<image> What again?" a "" ""
  printf ', '
  record '"bytes"' scene0001_00 scanQA "<image> What is $(printf '\xff\xfe')?" a "" ""
  printf ', '
  record '"pictures"' scene0001_00 scanQA "<image> What is <image> this?" a "" ""
  printf ', '
  record '"long"' scene0001_00 scanQA "<image> What is $(printf '%33000s' | tr ' ' a)?" a "" ""
  printf ']'
} >broken.json
expect_exit 4 answer scanqa broken.json -o broken --report broken.report
expect_text "no_words" "scanqa_val-scene0001_00-0_0" "bytes" "pictures" "fewer than 32768"
same broken/answers.jsonl whole/scanqa/answers.jsonl
for id in no_words bytes pictures long; do check "$id is in the report" grep -qF "\"id\": \"$id\"" broken.report; done
check "exit code in the report" grep -q '"exit_code": 4' broken.report
expect_exit 3 answer scanqa vlm-tiny/config.json -o nothing
expect_exit 3 answer scanqa nowhere.json -o nothing
expect_nothing nothing

# --- so does a scene: missing, damaged, of another recipe, without objects
mkdir -p few/semantic few/scenes && cp features/semantic/scene00[01]*.h5 few/semantic && cp scenes/*.h5 few/scenes
rm few/semantic/scene0002_00.h5 && head -c 3000 scenes/scene0010_00.h5 >few/scenes/scene0010_00.h5
lacking=(--semantic few/semantic --scenes few/scenes)
expect_exit 0 answer scanqa scanqa.json -o dry --dry-run
check "a dry run says what there is to do" grep -q 'to answer: 12 questions of 3 scenes' "$OUT"
expect_exit 0 answer scanqa scanqa.json -o whole/scanqa --dry-run --overwrite
check "a dry run removes nothing" test -s whole/scanqa/answers.jsonl
check "and what it takes" grep -q '^forecast: 420 visual tokens a scene' "$OUT"
common=(--checkpoint vlm-tiny --features features/wan "${lacking[@]}" --threads 1)
expect_exit 4 answer scanqa scanqa.json -o few/answers --dry-run --report few/dry
check "the report of a dry run" test "$(grep -c '"outcome": "failed"' few/dry)" = 2
check "a dry run names what is missing" grep -qE '^  scene0002_00: 4 questions, .*few/semantic/scene0002_00.h5.* no such file' "$OUT"
expect_nothing few/answers
expect_exit 4 answer scanqa scanqa.json -o few/answers --report few/report
expect_text "scene0002_00: " "few/semantic/scene0002_00.h5" "not answered: 4 questions: scanqa_val-scene0002_00-1_0, " "scene0010_00"
check "the first scene is answered" test "$(wc -l <few/answers/answers.jsonl)" = 4
check "failed questions in the report" test "$(grep -c '"id": "scanqa_val-' few/report)" = 8
expect_exit 4 answer scan2cap scan2cap.json -o few/captions
check "a missed object needs no files" test "$(wc -l <few/captions/answers.jsonl) $(grep -c '"pred_response":""' few/captions/answers.jsonl)" = "6 3"
expect_text "not answered: 3 questions: "
expect_exit 4 answer scanqa broken.json -o few/faster/ --fail-fast --report few/faster.report
expect_out "faster${TAB}few/faster/answers.jsonl"
expect_text "0 written, 0 complete already, 1 failed, 3 not started"
check "nor does the report name one" test "$(grep -c '"outcome": "not started"' few/faster.report)" = 3
expect_exit 4 answer scanqa scanqa.json -o few/fast --fail-fast
check "it stopped at the second scene" test "$(grep -c 'scene0002_00: not answered' "$ERR") $(grep -c 'scene0010_00: not answered' "$ERR")" = "1 0"
cp features/semantic/*.h5 few/semantic && cp scenes/*.h5 few/scenes
expect_exit 0 answer scanqa scanqa.json -o few/answers
same few/answers/answers.jsonl whole/scanqa/answers.jsonl
# Other features in the middle of a run.
expect_exit 0 extract features scans/scene0001_00 --select uniform:2 --backbone siglip --model vlm-tiny --view center_crop \
  --tag semantic -o few --overwrite --progress off
expect_exit 3 answer scanqa scanqa.json -o few/answers
expect_text "inputs.scene0001_00.semantic: got"
# Of another recipe than the checkpoint was trained on: both values.
expect_exit 0 extract features "${small[@]}" --backbone wan --model wan-tiny --timestep 500 --tag late -o features
common=(--checkpoint vlm-tiny --scenes scenes --semantic features/semantic --features features/late --threads 1)
expect_exit 3 answer scanqa scanqa.json -o late --dry-run
check "a dry run says so" grep -q 'features have 500, trained on 300' "$OUT"
for shard in "" "--shard 1/3"; do
  expect_exit 3 answer scanqa scanqa.json -o late $shard
  expect_text "500" "300" "--allow-mismatch"
  check "one error for all scenes" test "$(grep -c ' error: ' "$ERR")" = 1
  expect_nothing late
done
cp -r whole/scanqa kept
expect_exit 3 answer scanqa scanqa.json -o kept --overwrite
same kept/answers.jsonl whole/scanqa/answers.jsonl
expect_exit 0 answer scanqa scanqa.json -o late --allow-mismatch
check "recorded" grep -q '"allow_mismatch": true' late/run.json
check "with both values" grep -q 'mismatches' late/run.json

# Some scenes are fine: the others cost themselves.
mkdir mixed && cp features/late/*.h5 mixed && cp features/wan/scene0002_00.h5 mixed
common=(--checkpoint vlm-tiny --scenes scenes --semantic features/semantic --features mixed --threads 1)
expect_exit 4 answer scanqa scanqa.json -o mixed_answers
check "one scene" test "$(wc -l <mixed_answers/answers.jsonl)" = 4
# A wrong folder, or none.
for folder in scans nowhere; do
  common=(--checkpoint vlm-tiny --scenes scenes --semantic "$folder" --features features/wan --threads 1)
  for shard in "" "--shard 1/3" "--dry-run"; do expect_exit 3 answer scanqa scanqa.json -o wrong $shard; done
  check "said once" test "$(grep -c "semantic $folder: " "$OUT")" = 1
done
common=(--checkpoint vlm-tiny --scenes scenes --semantic features/semantic --threads 1)
expect_exit 3 answer scanqa scanqa.json -o wrong
expect_text "--features: got nothing, expected the folder of the generative features of 3 scenes"
expect_nothing wrong

# --- a test split has proposals alone; Nr3D's objects are the annotated ones
cp -r scans bare && rm bare/*/*aggregation.json bare/*/*segs.json
sed 's/^scans/bare/' list >bare.list
expect_exit 0 extract scene --list bare.list --select uniform:2 -o bare_scenes --progress off
common=(--checkpoint vlm-tiny --scenes bare_scenes --semantic features/semantic --features features/wan --threads 1)
expect_exit 0 answer scanrefer scanrefer.json -o test
check "said once" test "$(grep -c 'a test split' "$ERR")" = 1
expect_exit 4 answer nr3d nr3d.json -o test_nr3d
expect_text "no objects" "--objects proposal"
check "once a scene" test "$(grep -c 'no objects' "$ERR")" = 3
expect_exit 0 answer nr3d nr3d.json -o test_nr3d --objects proposal --overwrite
common=(--checkpoint vlm-tiny "${files[@]}" --threads 1)
sed '0,/"object_id": 0}/s//"object_id": 9956}/' nr3d.json >nr3d9956.json
expect_exit 4 answer nr3d nr3d9956.json -o object9956
expect_text "object 9956 of scene scene0001_00" "segmentation"
check "the others are answered" test "$(wc -l <object9956/answers.jsonl)" = 11

# --- files that are missing are made from the scans
common=(--checkpoint vlm-tiny --features features/wan --scenes scenes --semantic made/semantic/siglip --scans scans --work made --threads 1)
mkdir one && sed -n '1,3p' scanqa.json | grep scene0001 | sed 's/, *$/]/' >one.json
expect_exit 0 answer scanqa one.json -o one
check "answered from the scan" test "$(cat one/answers.jsonl)" = "$(grep -F 'scene0001_00-0_0' whole/scanqa/answers.jsonl)"

# --- fused tokens in place of the features
expect_exit 0 "$BIN/vega-fuse" tokens features/wan/*.h5 --semantic features/semantic --scenes scenes --checkpoint vlm-tiny \
  --store-dtype fp32 --tag fused -o tokens --progress off
common=(--checkpoint vlm-tiny --scenes scenes --tokens tokens/fused --threads 1)
expect_exit 0 answer scanqa scanqa.json -o from_tokens
same from_tokens/answers.jsonl whole/scanqa/answers.jsonl
check "recorded" grep -q '"tokens": "' from_tokens/run.json
expect_exit 2 answer scanqa scanqa.json -o o --semantic features/semantic

# --- a model is given the files that it reads, and no others: generative features alone, or where things are alone
study_model() { expect_exit 0 synth model --preset vlm-study -o "$1" --progress off "${@:2}"; }   # DIR OPTIONS...
study_model only --fusion only
study_model zero --fusion none --zero-visual
for task in scanqa scanrefer; do
  common=(--checkpoint only --scenes scenes --features features/wan --threads 1)
  expect_exit 0 answer $task $task.json -o only-$task
  expect_exit 0 answer $task $task.json -o only-both-$task --semantic features/semantic
  same only-$task/answers.jsonl only-both-$task/answers.jsonl
  common=(--checkpoint zero --scenes scenes --threads 1)
  expect_exit 0 answer $task $task.json -o zero-$task
  expect_exit 0 answer $task $task.json -o zero-both-$task --semantic features/semantic
  same zero-$task/answers.jsonl zero-both-$task/answers.jsonl
done
check "nothing else is recorded" test "$(grep -c '"semantic": "' only-scanqa/run.json zero-scanqa/run.json | grep -c ':0$')" = 2
expect_exit 0 evaluate answer scene0001_00 --ask "what?" --checkpoint zero --scenes scenes --max-new-tokens 1
expect_exit 2 evaluate answer scanqa scanqa.json -o o --checkpoint vlm-tiny --scenes scenes --features features/wan
expect_text "--semantic"

# --- calls that are not clear
common=(--checkpoint vlm-tiny "${files[@]}")
expect_exit 2 answer scanqa -o o
expect_text "no questions" "vega-eval prepare scanqa"
expect_exit 2 answer scanqa scanqa.json -o o --ask "what?"
expect_exit 2 answer scanqa scanqa.json
expect_exit 2 answer libero scanqa.json -o o
expect_text "a benchmark: scanrefer"
expect_exit 2 answer scanqa scanqa.json sqa3d.json -o o
expect_text "2 files of questions"
expect_exit 2 answer scene0001_00 --ask "what?" --shard 0/2
expect_text "--shard"
expect_exit 3 evaluate answer scanrefer scanrefer.json -o o --checkpoint vlm-tiny-video "${files[@]}"
expect_text "without grounding head"
expect_nothing o
finish
