# The dry run: what is wrong with scenes and what a run would take, without reading a weight.
. "$(dirname "$0")/lib.sh" || exit 1

expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/model"
expect_exit 0 synth scene --size 96x64 --frames 8 -o "$T/room"
broken() { rm -rf "$T/$1" && cp -r "$T/room" "$T/$1"; }
dry() { extract features "$@" --size 96x64 --select stride:1 -o "$T/out" --dry-run --progress off; }

# says TEXT...: every text stands in the table, however its lines break.
says() {
  EXPECTED=$((EXPECTED + 1))
  local text
  for text in "$@"; do
    tr -s " \n" "  " <"$OUT" | grep -qF -e "$text" || fail "the table lacks: $text"
  done
}

# --- a scene without fault; nothing is left, nothing is read.
expect_exit 0 dry "$T/room" --model "$T/model" --report "$T/audit.json"
says "scannet" "96x64" "absent" "ok" "no weight was read" "b20_t300"
check "the report" grep -q '"schema": "vega.report/1"' "$T/audit.json"
expect_nothing "$T/out"
weights=diffusion_pytorch_model.safetensors
# Values that are no numbers do not disturb a dry run: only names and shapes are looked at.
mkdir "$T/sealed"
ln -s "$T"/model/* "$T/sealed/"
rm "$T/sealed/$weights"
cp "$T/model/$weights" "$T/sealed/$weights"
size=$(wc -c <"$T/sealed/$weights")
head -c 65536 /dev/zero | tr '\0' '\377' |
  dd of="$T/sealed/$weights" bs=1 seek=$((size - 65536)) conv=notrunc status=none
expect_exit 0 dry "$T/room" --model "$T/sealed"

# --- faults: each is told with its frames, and all of them in one go.
broken pose
for i in 2 3 4; do printf '%s\n' '-inf -inf -inf -inf'{,,,} >"$T/pose/0000$i.txt"; done
rm "$T/pose/00006.txt"
: >"$T/pose/00001.jpg"
echo "1 2 3" >"$T/pose/intrinsic.txt"
expect_exit 3 dry "$T/pose" --backbone rgb
says "frames 2-4: 3 of 8 frames have a pose that is infinite" "frame 6: 1 picture without a pose" \
  "00001.jpg" "intrinsic.txt: got 3 numbers" "3 errors"
broken lost
printf '%s\n' 'nan nan nan nan'{,,,} >"$T/lost/00005.txt"
rm "$T/lost/00003.png"
expect_exit 0 dry "$T/lost" --backbone rgb
says "frame 5: 1 of 8 frames have a pose that is not a number" "2 warnings" \
  "frame 3: 1 of 8 frames have no depth map"
expect_exit 4 dry "$T/room" "$T/pose" "$T/lost" "$T/nowhere" --backbone rgb --report "$T/audit.json"
says "2 of 4 fail" "nowhere" "4 scenes"
check "errors in the report" grep -q '"failed": 2' "$T/audit.json"
expect_nothing "$T/out"

# --- the verdict is the run's.
for scene in room pose lost nowhere; do
  run dry "$T/$scene" --backbone rgb
  verdict=$RC
  expect_exit "$verdict" extract features "$T/$scene" --backbone rgb --size 96x64 --select stride:1 \
    -o "$T/run-$scene" --progress off
done

# --- what is there already.
features() { extract features "$T/room" --size 96x64 --select stride:1 -o "$T/out" "$@"; }
expect_exit 0 features --model "$T/model" --blocks 3,5
expect_exit 0 dry "$T/room" --model "$T/model" --blocks 3,5
says "complete"
expect_exit 0 dry "$T/room" --model "$T/model" --blocks 3,5,7 --report "$T/audit.json"
says "taps missing"
check "the tap that is missing" grep -A1 '"taps_to_compute"' "$T/audit.json"
expect_exit 3 dry "$T/room" --model "$T/model" --blocks 3,5 --shift 3
says "other recipe" "shift: file has 5.0, asked 3.0" "--overwrite"
expect_exit 0 dry "$T/room" --model "$T/model" --blocks 3,5 --shift 3 --overwrite
says "replaced"
file=$(find "$T/out" -name room.h5)
head -c 20000 "$file" >"$T/half" && cp "$T/half" "$file"
expect_exit 3 dry "$T/room" --model "$T/model" --blocks 3,5
says "damaged"

# --- usage is refused as ever; a report that cannot be written is exit 6.
expect_exit 2 dry "$T/room" --backbone resnet
echo "a file" >"$T/file"
expect_exit 6 dry "$T/room" --backbone rgb --report "$T/file/audit.json"
expect_no_parts "$T"
finish
