#!/usr/bin/env bash
# pictures.sh: pictures of README, docs/pictures/{features,denoised,room-gate}.png, drawn anew from what `make demo` left
# in DEMO=demo.
# BUILD=build is the build folder, WORLD=data/world the generator.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BUILD:-build}/bin
demo=${DEMO:-demo}
world=${WORLD:-data/world}
out=docs/pictures
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}
quiet=(--log-level warn --progress off)
run() { printf '$ %s\n' "$*" >&2; "$@" "${quiet[@]}" >/dev/null; }
room=$(sed -n 1p "$demo/data/scannetv2_val.txt")

# One room as three kinds of features see it; noise that the generator clears; the gate of the row fused.
run "$bin/vega-extract" preview --compare --frames 4 --width 200 "$demo/cells/rgb/$room.h5" "$demo/features/"{random,trained}"/$room.h5" \
  -o "$out/features.png"
run "$bin/vega-train" sample "$world" --denoise "$demo/data/scannet/scans/$room" --select uniform:1 --tile 180 -o "$out/denoised.png"
run "$bin/vega-fuse" preview "$demo/tokens/fused/$room.h5" --frames 4 -o "$out/room-gate.png"
