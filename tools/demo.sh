#!/usr/bin/env bash
# demo.sh: a made-up room and a tiny model through the whole pipeline, with pictures to look at. What is there already is
# kept: a second run does nothing but say so. BUILD=build is the build folder, DEMO=demo the folder of the results.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BUILD:-build}/bin
demo=${DEMO:-demo}
start=$SECONDS
step() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
run() { printf '$ %s\n' "$*" >&2; "$@"; }

step "1. A room: 32 frames of a camera walk, with depth, poses and exact geometry"
[ -f "$demo/room/objects.json" ] || run "$bin/vega-synth" scene --frames 320 --every 10 -o "$demo/room" >/dev/null
step "2. A model: Wan2.1-T2V with random weights, 30 blocks of width 256, in the released file layout"
[ -f "$demo/wan-tiny/config.json" ] || run "$bin/vega-synth" model --preset wan-tiny -o "$demo/wan-tiny" >/dev/null
step "3. Features: what the released pipeline sees (mllm), and the whole frame (stretch)"
{
  run "$bin/vega-extract" features "$demo/room" --backbone rgb -o "$demo/features"
  run "$bin/vega-extract" features "$demo/room" --model "$demo/wan-tiny" -o "$demo/features"
  run "$bin/vega-extract" features "$demo/room" --model "$demo/wan-tiny" --compat fixed -o "$demo/features"
} | cut -f2 | while read -r file; do
  step "   picture of $file"
  picture=$demo/$(basename "$(dirname "$file")").png
  run "$bin/vega-extract" preview "$file" --frames 8 -o "$picture" >/dev/null
done
step "4. Do features of one place agree between the views that show it? Scene file, scores, pictures"
run "$bin/vega-extract" scene "$demo/room" --compat fixed --select "frames:$demo/features/wan-tiny-832x480-stretch-14x14" \
  -o "$demo/scenes" >/dev/null
run "$bin/vega-eval" correspondence --compare "$demo/features/"*-14x14 --scenes "$demo/scenes" --compat fixed \
  --permuted-poses -o "$demo/correspondence" --pictures --picture-frames 4
for picture in heat matches; do
  cp "$demo/correspondence/pictures/wan-tiny-832x480-stretch-14x14/room-$picture.png" "$demo/correspondence-$picture.png"
done
step "5. Semantic tokens, and both streams fused: as released, and where both look at the same pixels"
[ -f "$demo/siglip-tiny/config.json" ] || run "$bin/vega-synth" model --preset siglip-tiny -o "$demo/siglip-tiny" >/dev/null
[ -f "$demo/vega-tiny/config.json" ] || run "$bin/vega-synth" model --preset vega-tiny -o "$demo/vega-tiny" >/dev/null
run "$bin/vega-extract" features "$demo/room" --backbone siglip --model "$demo/siglip-tiny" --tag siglip-tiny -o "$demo/features" >/dev/null
for align in reference pixel; do
  run "$bin/vega-fuse" tokens "$demo/features/wan-tiny-832x480-mllm-14x14/room.h5" --semantic "$demo/features/siglip-tiny" \
    --scenes "$demo/scenes" --checkpoint "$demo/vega-tiny" --align $align --tag $align -o "$demo/tokens"
done | cut -f2 | while read -r file; do
  run "$bin/vega-fuse" preview "$file" -o "$demo/gate-$(basename "$(dirname "$file")").png" >/dev/null
done
step "6. Checksums"
run "$bin/vega-extract" verify "$demo/features" "$demo/scenes" "$demo/tokens"
step "7. Benchmarks: questions about three made-up rooms, answered by an untrained tiny model, and scored"
tools/benchmark.sh --rooms 3 --frames 4 --texts 4 -o "$demo/benchmark" >"$demo/benchmark.txt" 2>"$demo/benchmark.log" ||
  { tail -n 20 "$demo/benchmark.log" >&2; exit 1; }
cat "$demo/benchmark/table.txt"

cat <<TEXT

Done in $((SECONDS - start)) s. Look at
$(for picture in "$demo"/*.png; do echo "  $picture"; done)
Most show frames of the room above the colours of their features: alike tokens, alike colours, in all frames. The
outline on a frame is what the network saw: 'mllm' is the release's view, which crops; 'stretch' sees the whole frame.
The weights are random, so the colours follow what things look like, not what they mean. The table ranks the features
by how well they know places, each also with wrong poses, which is what chance looks like; correspondence-matches.png
shows which cells of neighbouring frames they match: green lines join one place, red ones two. gate-*.png show how much of
each fused token is semantic; hatched cells are outside the generative view. The table above scores an untrained model:
its answers are noise, and the numbers are those of chance.
  $bin/vega-extract inspect $demo/features/wan-tiny-832x480-mllm-14x14/room.h5
  $bin/vega-extract features --help
  tools/benchmark.sh --help
In a browser: $demo/benchmark/report.html
TEXT
