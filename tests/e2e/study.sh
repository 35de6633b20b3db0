#!/usr/bin/env bash
# docs/recipes/study/run.sh with few rooms and few steps: world, features, training, answers, scores, RESULTS.md; the
# second run does nothing; one's own files in place of the world.
#   bash study.sh BIN
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
export BUILD=$T/build
mkdir -p "$BUILD" && ln -s "$BIN" "$BUILD/bin"
study() { "$root/docs/recipes/study/run.sh" "$@"; }
cat >small.conf <<'EOF'
world_seed=5 train_rooms=2 test_rooms=1 frames=3 size=96x72 wan_size=64x48 texts=12
rows="geometry rgb" seeds="1 2" steps=3 rate=1e-3 rooms_a_step=1 questions_a_room=2 visual_from=2 keep_frames=2 shift=1
EOF

expect_exit 2 study --rows
expect_text "run.sh: --rows: got nothing behind it"
expect_exit 2 study --semantic features
expect_text "run.sh: --scenes: got nothing"
expect_exit 2 study --colour red
expect_text "got '--colour', expected an option"

expect_exit 0 study --conf small.conf -o out --files-only
check "--files-only: the files of all rooms" test "$(find out/features out/scenes -name '*.h5' | wc -l)" = 12
check "--files-only: nothing is trained" test -z "$(find out/runs -name '*.h5')"
expect_exit 0 study --conf small.conf -o out
check "RESULTS.md is there" test -s out/RESULTS.md
check "blind is a guess among the candidates" grep -qE '^\| blind [^|]*\| [1-9]\.[0-9]{2} \|' out/RESULTS.md
number='[0-9]+\.[0-9]{2}'
for name in geometry rgb; do
  check "$name has a number, an interval and both seeds" \
    grep -qE "^\| $name \| $number \| $number to $number \| $number $number \| $number \|" out/RESULTS.md
done
check "rows are compared" grep -qE "^\| geometry \| [+-]$number \| [+-]$number to [+-]$number \|" out/RESULTS.md
for run in geometry-1 geometry-2 rgb-1 rgb-2; do
  check "$run is trained" test -f "out/runs/$run/step-00000003/DONE"
  check "$run answers all held-out questions" test "$(grep -c . "out/answers/$run/test/answers.jsonl")" = 12
done
check "the models of a seed differ from those of another" sh -c '! cmp -s out/models/rgb-1/model.safetensors out/models/rgb-2/model.safetensors'
check "geometry sees nothing" grep -q '"vega_zero_visual": true' out/runs/geometry-1/step-00000003/config.json
check "rgb sees" sh -c '! grep -q vega_zero_visual out/runs/rgb-1/step-00000003/config.json'

# the same command again: nothing is computed, and the table is the same but for the time
grep '^| ' out/RESULTS.md | cut -d '|' -f 1-7 >before
expect_exit 0 study --conf small.conf -o out
grep '^| ' out/RESULTS.md | cut -d '|' -f 1-7 >after
check "the same table" cmp -s before after
check "no checkpoint was written again" test "$(find out/runs -name '*.h5' -newer before | wc -l)" = 0

# one's own files: the row rgb needs --rgb
expect_exit 0 study --conf small.conf -o own --scenes out/scenes --semantic out/features/semantic --features out/features/generative \
  --train out/questions/train.json --test out/questions/test.json --rows "rgb generative fused" --seeds 1 --steps 2 --visual-from 1
check "no row rgb" sh -c '! grep -q "^| rgb " own/RESULTS.md'
check "a row of the fusion" grep -qE "^\| fused \| $number " own/RESULTS.md
check "fused against generative" grep -qE "^\| generative \| [+-]$number " own/RESULTS.md
finish
