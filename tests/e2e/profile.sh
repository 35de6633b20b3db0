# What an answer costs: the settings beside the baseline and the paper's figures, as table, record and plot.
#   bash profile.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
profile() { "$BIN/vega-eval" profile --warmup 0 "$@"; }
once() { profile --repeats 1 "$@"; }

for preset in vlm-tiny vlm-tiny-video wan-tiny; do
  expect_exit 0 synth model --preset $preset -o "$T/$preset" --progress off
done
vega=(--checkpoint "$T/vlm-tiny" --frames 2)

# --- cached: the baseline, cached features, the paper.
expect_exit 0 profile --cached "${vega[@]}" --repeats 2 --format csv
check "columns" test "$(head -n 1 "$OUT" | cut -d , -f 1-2)" = "setting,latency ms"
cp "$OUT" "$T/columns.csv"
check "rows" test "$(cut -d , -f 1 "$OUT" | sed -n 2,3p | tr '\n' /)" = "no generative branch/cached features/"
check "the paper" grep -q '^"paper: 832x480, cached features",70.35,' "$OUT"
check "more work with the branch" awk -F , 'NR == 2 { a = $6 } NR == 3 { exit !($6 > a && a > 0) }' "$OUT"

# --- online: VAE and DiT too; record and plot.
expect_exit 0 once --online "${vega[@]}" --model "$T/wan-tiny" --size 64x64 -o "$T/p.json" --plot "$T/p.svg"
check "the setting" grep -q '^online 64x64 ' "$OUT"
check "the rule and the device are printed" grep -q 'count two' "$OUT"
check "the device is printed" grep -q ' threads\?; 2 frames (made up), 420 visual tokens' "$OUT"
check "the record" grep -q '"schema": "vega.profile/1"' "$T/p.json"
check "three rows" test "$(grep -c '"setting":' "$T/p.json")" = 3
stages=$(sed -n '/"stages_ms": {/,/}/p' "$T/p.json" | grep -E '"(vae|dit)": ')
check "times of VAE and DiT in one row of three" test "$(grep -c ': null' <<<"$stages") $(grep -cE ': [0-9.e+-]+,' <<<"$stages")" = "4 2"
check "no two columns of one name" test -z "$(head -n 1 "$T/columns.csv" | cut -d , -f 1-6 | tr , '\n' | sort | uniq -d)"
check "one run has no median" test "$(grep -c 'median of' "$OUT")$(grep -c '1 run after 0 of warm-up' "$OUT")" = 01
check "the plot" grep -q 'this machine: latency' "$T/p.svg"

# --- a scene's files; a model without the branch.
expect_exit 0 synth scene --size 96x64 --frames 2 -o "$T/room" --progress off
small=(--select "frames:$T/f/scenes" --progress off)
expect_exit 0 extract scene "$T/room" --select uniform:2 -o "$T/f/scenes" --progress off
expect_exit 0 extract features "$T/room" --backbone siglip --model "$T/vlm-tiny" -o "$T/f/s" --tag t "${small[@]}"
expect_exit 0 extract features "$T/room" --model "$T/wan-tiny" --size 64x64 -o "$T/f/g" --tag t "${small[@]}"
files=(--semantic "$T/f/s/t" --features "$T/f/g/t" --scenes "$T/f/scenes")
expect_exit 0 once room --cached --checkpoint "$T/vlm-tiny" "${files[@]}" --format json
check "features were read" grep -qE '"stages, ms file": ?"?[0-9.]+' "$OUT"
expect_exit 0 once --cached --checkpoint "$T/vlm-tiny-video" --frames 2
expect_text "no generative branch: only the model as it is"
expect_exit 3 profile --online --checkpoint "$T/vlm-tiny-video" --model "$T/wan-tiny"
expect_text "no generative branch" "VEGA-3D"

# --- wrong calls.
expect_exit 2 profile "${vega[@]}"
expect_text "neither of the two" "--cached or --online"
expect_exit 2 profile --online "${vega[@]}"
expect_text "--model"
expect_exit 2 profile room --cached --checkpoint "$T/vlm-tiny"
expect_text "no --semantic"
expect_exit 3 profile other --cached --checkpoint "$T/vlm-tiny" "${files[@]}"
expect_text "other.h5" "no such file"
expect_exit 2 profile --cached "${vega[@]}" --plot "$T/p.gif"
expect_exit 3 profile --cached --checkpoint "$T/nowhere"
finish
