#!/usr/bin/env bash
# The shipped world model (data/world) on two small rooms: it is read as any Wan, takes block and noise level from its own
# record, and knows more of a room that the probe has not seen than the same network with random weights.
#   bash world_model.sh BIN
. "$(dirname "$0")/lib.sh"
model=$(cd "$(dirname "$0")/../.." && pwd)/data/world
cd "$T" || exit 1
quiet=(--threads 2 --log-level warn --progress off)

check "at most 20 MB" test "$(du -sb --apparent-size "$model" | cut -f 1)" -le 20000000
check "it has a card" grep -q '^## Figures' "$model/README.md"
expect_exit 0 extract inspect "$model"
check "inspect says what it was trained on" grep -q 'made-up rooms of vega-synth scene' "$OUT"

for seed in 5001 5003; do
  expect_exit 0 synth scene --seed "$seed" --size 256x192 --quality 95 --frames 320 --every 40 --masks exact -o "rooms/room$seed" "${quiet[@]}"
done
expect_exit 0 extract scene rooms/* --proposals gt --compat fixed -o scenes "${quiet[@]}"
record=$model/vega_model.json
number() { sed -n "s/^ *\"$1\": *\([0-9]*\).*/\1/p" "$record" | head -n 1; }
size=$(sed -n 's/^ *"size": "\([0-9x]*\)".*/\1/p' "$record" | head -n 1) patch=$(number patch)
# One step of training on a single frame: what it began with is the control.
expect_exit 0 "$BIN/vega-train" world rooms/room5001 --select uniform:1 --vae "$model" --size "$size" --patch "${patch:-2}" --steps 1 --clips 1 --seed 1 -o control "${quiet[@]}"
expect_exit 0 extract features rooms/* --model "$model" --compat fixed --tag trained -o features "${quiet[@]}"
expect_exit 0 extract features rooms/* --model control/initial --compat fixed --tag random -o features "${quiet[@]}" \
  --block "$(number block)" --timestep "$(number timestep)"
expect_exit 0 extract inspect features/trained/room5001.h5
check "all tokens are finite" sh -c "grep -q '^ */taps/.*/tokens' '$OUT' && ! grep '^ */taps/.*/tokens' '$OUT' | grep -q 'not finite [1-9]'"

# figure SET MEASURE: a number of a CSV file of vega-eval probe.
figure() { awk -F, -v set="$1" -v measure="$2" '$1 == set && $2 == measure { print $3; exit }' probe/probe.csv; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a > b) }'; }
expect_exit 0 "$BIN/vega-eval" probe trained=features/trained random=features/random --scenes scenes --fit 1 --class-cells 20 -o probe "${quiet[@]}"
for measure in label_mean depth_r2; do
  check "$measure: trained above random" above "$(figure trained $measure)" "$(figure random $measure)"
done
expect_exit 0 "$BIN/vega-eval" correspondence --compare features/trained features/random --scenes scenes --compat fixed --rank-by auc \
  -o agreement "${quiet[@]}"
auc() { awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "auc") column = i } /^mean / { print $column }' "agreement/$1-scenes.csv"; }
check "AUC: trained above random" above "$(auc trained)" "$(auc random)"
finish
