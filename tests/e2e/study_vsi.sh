#!/usr/bin/env bash
# docs/recipes/study/vsi.sh with three rooms and two steps: world, videos, a stage without pictures, rows, answers, scores, VSI.md.
#   bash study_vsi.sh BIN
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
export BUILD=$T/build
mkdir -p "$BUILD" && ln -s "$BIN" "$BUILD/bin"
study() { "$root/docs/recipes/study/vsi.sh" "$@"; }
cat >small.conf <<'EOF2'
world_seed=5 train_rooms=1 test_rooms=1 frames=9 size=64x48 questions=1 vocabulary=300 shown=4 pixels=3136 wan_size='32*32' wan_block=2
rows="blind fused" seeds=1 rate=1e-3 word_steps=1 steps=1
EOF2

expect_exit 2 study --rows
expect_text "vsi.sh: --rows: got nothing behind it"
expect_exit 2 study --conf small.conf -o out --rows "blind geometry"
expect_text "rows: got 'geometry', expected blind, semantic or fused"
expect_nothing out

expect_exit 0 study --conf small.conf -o out
number='[0-9]+\.[0-9]'
cells=$(printf ' [0-9.]* \\|%.0s' 1 2 3 4 5 6 7 8)
for name in "frequent in training" blind fused; do
  check "$name has numbers and an interval" grep -qE "^\| $name \| $number \| $number to $number \|$cells\$" out/VSI.md
done
check "random has none of numbers" grep -qE '^\| random \|  \|  \|  \|  \|  \|  \| [0-9.]+ \|' out/VSI.md
check "frequency" grep -qE "^\| frequency [^|]*\| $number \|  \|$cells\$" out/VSI.md
check "rows are compared" grep -qE '^\| fused minus blind \| [+-][0-9.]+ \| [+-][0-9.]+ to [+-][0-9.]+ \|' out/VSI.md
questions=$(grep -c . out/data/benchmark/vsi_bench/val.jsonl)
for row in blind fused; do
  check "$row answers all held-out questions" test "$(grep -c . out/answers/$row-1/answers.jsonl)" = "$questions"
done
check "blind sees another room" cmp -s out/blind/scannet/scene0001_00.mp4 out/data/benchmark/vsi_bench/scannet/scene0000_00.mp4
check "words see nothing" grep -q '"visual_from": 1' out/runs/words-1/run.json
check "fused has a gate" grep -qE '"gate":0\.' out/runs/fused-1/metrics.jsonl
check "blind has none" grep -q '"gate":null' out/runs/blind-1/metrics.jsonl
finish
