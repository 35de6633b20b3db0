#!/usr/bin/env bash
# docs/recipes/study/run.sh with few rooms and few steps: world, features, training, answers in words too, scores, RESULTS.md;
# one's own files in place of the world; the second run does nothing.
# The study that asks for space: stacked rooms, two diffusion models.
#   bash study.sh BIN
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
export BUILD=$T/build
mkdir -p "$BUILD" && ln -s "$BIN" "$BUILD/bin"
study() { "$root/docs/recipes/study/run.sh" "$@"; }
cat >small.conf <<'EOF'
world_seed=5 train_rooms=2 test_rooms=1 frames=3 size=96x72 wan_size=64x48 about=plain texts=12
title="A small study" rows="geometry rgb" seeds="1 2" compare="rgb fused" steps=3 rate=1e-3 rooms_a_step=1 questions_a_room=2
visual_from=2 keep_frames=2 shift=1 qa_steps=2 qa_seeds=1 qa_rooms_a_step=1 qa_questions_a_room=2 qa_visual_from=1
EOF

expect_exit 2 study --rows
expect_text "run.sh: --rows: got nothing behind it"
expect_exit 2 study --semantic features
expect_text "run.sh: --scenes: got nothing"
expect_exit 2 study --colour red
expect_text "got '--colour', expected an option"
expect_exit 2 study --jobs 0
expect_text "run.sh: --jobs: got '0', expected a number from 1 on"
expect_exit 2 study --generative-model models/wan
expect_text "got 'models/wan', expected NAME=DIR"
expect_exit 2 study --conf small.conf --scenes s --semantic s --features s --train t --test t --qa-train q
expect_text "run.sh: --qa-train and --qa-test: got one of them"

expect_exit 0 study --conf small.conf -o out --files-only
check "--files-only: the files of all rooms" test "$(find out/features out/scenes -name '*.h5' | wc -l)" = 12
check "--files-only: nothing is trained" test -z "$(find out/runs -name '*.h5')"
# a signal stops the rows that train side by side; here with a program that only waits
mkdir -p waiting/bin && ln -s "$BIN"/vega-* waiting/bin/ && rm waiting/bin/vega-train
printf '#!/bin/sh\ntrap "echo >>%s/told; exit 75" TERM\necho >>%s/begun\nwhile :; do sleep 0.1; done\n' "$T" "$T" >waiting/bin/vega-train
chmod +x waiting/bin/vega-train
BUILD=$T/waiting "$root/docs/recipes/study/run.sh" --conf small.conf -o out --jobs 2 >"$OUT" 2>"$ERR" &
pid=$!
until [ "$(cat begun 2>/dev/null | wc -l)" = 2 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
kill -TERM $pid
rc=0
wait $pid || rc=$?
check "exit code 75, got $rc" test $rc = 75
check "both rows were told" test "$(cat told | wc -l)" = 2
expect_exit 0 study --conf small.conf -o out
check "RESULTS.md is there" test -s out/RESULTS.md
check "blind is a guess among the candidates" grep -qE '^\| blind [^|]*\| [1-9]\.[0-9]{2} \|' out/RESULTS.md
number='[0-9]+\.[0-9]{2}'
for name in geometry rgb; do
  check "$name has a number, an interval and both seeds" \
    grep -qE "^\| $name \| $number \| $number to $number \| $number $number \| $number \|" out/RESULTS.md
done
check "rows are compared" grep -qE "^\| geometry \| [+-]$number \| [+-]$number to [+-]$number \|" out/RESULTS.md
check "the most frequent answer has a number and an interval" \
  grep -qE "^\| most frequent answer \| $number \| $number to $number \|" out/RESULTS.md
for name in geometry rgb; do
  check "$name stands beside the most frequent answer" \
    grep -qE "^\| $name \| $number \| $number to $number \| $number \| [+-]$number \| [+-]$number to [+-]$number \|" out/RESULTS.md
done
check "kinds of questions" grep -qE '^\| row \| colour \([0-9]+\) \| count \([0-9]+\) \| exists \([0-9]+\) \|' out/RESULTS.md
# No answer of the training rooms to a question of the kind comes more often than the one that is taken for the kind.
answers() { grep '"benchmark":"scanqa","split":"train"' out/data/meanings.jsonl | grep "\"ask\":\"$1\"" | grep -c "\"answers\":.*\"$2\""; }
for ask in colour exists; do
  id=$(grep '"benchmark":"scanqa","split":"val"' out/data/meanings.jsonl | grep "\"ask\":\"$ask\"" | sed -n '1s/.*"id":"\([^"]*\)".*/\1/p')
  taken=$(sed -n "s/.*\"sample_id\":\"$id\",\"pred_response\":\"\(.*\)\"}/\1/p" out/scores/qa.frequent.jsonl)
  most=0
  for answer in yes no red yellow green blue purple black; do
    count=$(answers $ask "$answer")
    [ "$count" -le "$most" ] || most=$count
  done
  check "the most frequent answer to $ask" test "$(answers $ask "$taken")" = "$most" -a "$most" -gt 0
done
for run in geometry-1 geometry-2 rgb-1 rgb-2; do
  check "$run is trained" test -f "out/runs/$run/step-00000003/DONE"
  check "$run answers all held-out questions" test "$(grep -c . "out/answers/$run/test/answers.jsonl")" = 12
done
for name in geometry rgb; do
  check "$name goes on with questions in words" test "$(grep -c . "out/answers/$name-1/qa/answers.jsonl")" = 12
  check "$name: with one seed of them" test ! -e "out/answers/$name-2/qa"
done
check "the models of a seed differ from those of another" sh -c '! cmp -s out/models/rgb-1/model.safetensors out/models/rgb-2/model.safetensors'
check "geometry sees nothing" grep -q '"vega_zero_visual": true' out/runs/geometry-1/step-00000003/config.json
check "rgb sees" sh -c '! grep -q vega_zero_visual out/runs/rgb-1/step-00000003/config.json'

# one's own files: the row rgb needs --rgb
own() {
  study --conf small.conf -o own --scenes out/scenes --semantic out/features/semantic --features out/features/generative \
    --train out/questions/train.json --test out/questions/test.json --qa-train out/questions/qa_train.json \
    --qa-test out/questions/qa_test.json --rows "rgb generative fused" --seeds 1 --steps 2 --visual-from 1 --jobs 1
}
expect_exit 0 own
check "no row rgb" sh -c '! grep -q "^| rgb " own/RESULTS.md'
check "a row of the fusion" grep -qE "^\| fused \| $number " own/RESULTS.md
check "fused against generative" grep -qE "^\| generative \| [+-]$number " own/RESULTS.md
check "kinds are the first two words" grep -qE '^\| row \| how many \([0-9]+\) \| is there \([0-9]+\) \|' own/RESULTS.md

# the same command again: nothing is computed, and the tables are the same but for the time
table() { grep '^| ' own/RESULTS.md | grep -v ' s of processor time \|^| training \|^| answers\|^| by the clock' | cut -d '|' -f 1-7; }
table >before
expect_exit 0 own
table >after
check "the same tables" cmp -s before after
check "no checkpoint was written again" test "$(find own/runs -name '*.h5' -newer before | wc -l)" = 0

# descriptions by place in stacked rooms, and a row for each of two diffusion models
sed 's/about=plain/about=space stacked=1/; s/rows="[^"]*"/rows=generative/; s/seeds="[^"]*"/seeds=1/; s/compare="[^"]*"/compare="trained fused"/
  s/qa_steps=2/qa_steps=/' small.conf >space.conf
for seed in 1 2; do "$BIN/vega-synth" model --preset wan-tiny --seed $seed -o wan$seed --log-level warn --progress off >/dev/null; done
expect_exit 0 study --conf space.conf -o space --generative-model random=wan1 --generative-model trained=wan2
for name in random trained; do
  check "space: $name has a number" grep -qE "^\| $name \| $number \| $number to $number \| $number \| $number \|" space/RESULTS.md
done
check "space: the two models have other features" sh -c '! cmp -s space/features/random/scene0000_00.h5 space/features/trained/scene0000_00.h5'
check "space: trained against random" grep -qE "^\| random \| [+-]$number \|" space/RESULTS.md
check "space: by relation" grep -qE '^\| row \|.* (on|nearest|between) \([0-9]+\) \|' space/RESULTS.md
check "space: no questions in words" sh -c '! grep -q "Questions in words" space/RESULTS.md'
check "space: rooms are stacked" grep -q '"stacked": *true' space/data/scannet/scans/scene0000_00/objects.json
check "space: every description has a place" \
  sh -c '! grep "\"benchmark\":\"scanrefer\"" space/data/meanings.jsonl | grep -qv "\"relation\""'
expect_exit 2 "$BIN/vega-synth" scene --stacked -o room
expect_text "--stacked: got no --study"
finish
