# From nothing to pictures: model and scene, features, what a rerun does, preview, inspect, verify.
. "$(dirname "$0")/lib.sh" || exit 1

# Made-up inputs. A manifest line for each thing made, and nothing else on stdout.
expect_exit 0 synth model --preset wan-tiny --dtype bf16 --layout both -o "$T/m" --progress lines
expect_out "wan-tiny$TAB$T/m/original" "wan-tiny$TAB$T/m/diffusers"
check "the log goes to stderr" test -s "$ERR"
expect_exit 0 synth scene --size 160x120 --frames 12 -o "$T/room" --progress lines
expect_out "room$TAB$T/room"
expect_exit 0 synth scene --size 160x120 --frames 12 -o "$T/room"
expect_out "room$TAB$T/room"
expect_exit 3 synth scene --size 160x120 --frames 13 -o "$T/room"

# The same frames as a ScanNet stream: the folder's features, key for key.
expect_exit 0 synth scene --size 160x120 --frames 12 --sens -o "$T/recorded/"
check "a stream beside the pictures" test -s "$T/recorded/recorded.sens"
for input in recorded recorded/recorded.sens; do
  expect_exit 0 extract features "$T/$input" --backbone rgb --size 96x64 --jpeg original \
    --candidates all --select stride:1 -o "$T/$(basename "$input").out"
done
expect_equal "$T"/recorded.out/*/recorded.h5 "$T"/recorded.sens.out/*/recorded.h5

# rgb.
expect_exit 0 extract features "$T/room" --backbone rgb --size 96x64 -o "$T/f" --progress lines
rgb=$T/f/rgb-96x64-mllm-14x14/room.h5
expect_out "room$TAB$rgb"
run extract inspect "$rgb"
check "rows of 32 asked of 12 frames" grep -qE '/taps/rgb/tokens +bf16 +\[32, 14, 14, 3\]' "$OUT"

# Wan, original layout.
FOLDER=$T/f SIZE=96x64 SELECT=uniform:4
wan() {
  extract features "$T/room" --model "$T/m/original" --size "$SIZE" --select "$SELECT" --threads 2 \
    -o "$FOLDER" --tag wan "$@"
}
file=$T/f/wan/room.h5
expect_exit 0 wan
expect_out "room$TAB$file"
run extract inspect "$file"
check "tokens of block 20" grep -qE '/taps/b20_t300/tokens +bf16 +\[4, 14, 14, 256\]' "$OUT"
first=$(checksum_of "$file" /taps/b20_t300/tokens)
check "a checksum to compare" test ${#first} = 32

# A folder of a model is one thing to inspect and verify, whatever files lie in it.
run extract inspect "$T/m"
check "both layouts of the model" test "$(grep -cE 'Wan2.1 text-to-video, (original|diffusers) layout' "$OUT")" = 2
check "what it was trained on" grep -q 'trained on  *not said: no vega_model.json' "$OUT"
expect_exit 0 extract verify "$T/m/original"
expect_out "$T/m/original: ok"

# A rerun prints the same line, changes nothing and believes the memory of fingerprints.
cp "$file" "$T/copy.h5"
expect_exit 0 wan
expect_out "room$TAB$file"
expect_text "complete already"
check "a rerun leaves the file alone" cmp "$file" "$T/copy.h5"
cp -r "$XDG_CACHE_HOME" "$T/xdg-aside"
memory=$XDG_CACHE_HOME/vega/fingerprints.json
known=$(grep -oE '"[0-9a-f]{32}"' "$memory" | tail -n 1)
sed -i "s/$known/\"0123456789abcdef0123456789abcdef\"/" "$memory"
expect_exit 3 wan
expect_text "$file" "model: file has fingerprint"
rm -rf "$XDG_CACHE_HOME" && mv "$T/xdg-aside" "$XDG_CACHE_HOME"
expect_exit 0 wan

# Another model of the same name, size and time is another model: written in place, renamed over the old one, behind
# a link that leads elsewhere now; the first one is known again when it is back.
weights=$T/m/original/diffusion_pytorch_model.safetensors
another() { # WHAT
  expect_exit 3 wan
  expect_text "$file" "model: file has fingerprint"
  check "$1: the file is left alone" cmp "$file" "$T/copy.h5"
}
cp "$weights" "$T/pristine"
cp -p "$weights" "$T/weights"
printf '\x01\x02\x03\x04' | dd of="$weights" bs=1 seek=1000000 conv=notrunc status=none
touch -r "$T/weights" "$weights"
another "written in place"
cp -p "$weights" "$T/other"
cp -p "$T/weights" "$T/moved" && mv "$T/moved" "$weights"
expect_exit 0 wan
mv "$T/other" "$weights"
another "renamed over"
rm "$weights" && ln -s "$T/weights" "$weights"
expect_exit 0 wan
printf '\x05' | dd of="$T/weights" bs=1 seek=1000000 conv=notrunc status=none
another "behind a link"
rm "$weights" && mv "$T/pristine" "$weights"
expect_exit 0 wan

# Other options are refused: the option, both values, the remedy; the file stays.
refused() {
  local text=$1
  shift
  expect_exit 3 wan "$@"
  expect_text "$text" "--overwrite"
  expect_out
  check "a refusal leaves the file alone" cmp "$file" "$T/copy.h5"
}
refused "shift: file has 5.0, asked 3.0" --shift 3
refused "noise.seed: file has 42, asked 7" --seed 7
refused "noise.kind: file has v1, asked zero" --noise zero
refused "schedule: file has release, asked exact" --schedule exact
refused "store_dtype: file has bf16, asked f32" --store-dtype fp32
refused "view: file has mllm, asked stretch" --compat fixed
SIZE=96x80 refused "size: file has 96x64, asked 96x80"
refused "pool: file has 14x14, asked 7x7" --pool 7x7
SELECT=uniform:3 refused "input frames: file has fingerprint"

# --overwrite computes again: other noise, then back to the first bits.
expect_exit 0 wan --seed 7 --overwrite
expect_text "written"
check "another seed, other tokens" test "$(checksum_of "$file" /taps/b20_t300/tokens)" != "$first"
expect_exit 0 wan --overwrite
expect_equal "$file" "$T/copy.h5"

# Another block and another noise level go into the same file; what was there stays bit for bit,
# and what comes equals a run of its own.
expect_exit 0 wan --block 5
expect_out "room$TAB$file"
expect_text "taps added"
expect_exit 0 wan --block 5 --timestep 500
check "the old tap is kept" test "$(checksum_of "$file" /taps/b20_t300/tokens)" = "$first"
check "the file key is kept" test "$(key_of "$file")" = "$(key_of "$T/copy.h5")"
check "three taps" test "$(datasets "$file" | grep -c tokens)" = 3
run extract inspect --json "$file"
check "the default tap is kept" grep -q '"default_tap": "b20_t300"' "$OUT"
FOLDER=$T/own expect_exit 0 wan --block 5 --timestep 500
check "an added tap equals one of its own" test \
  "$(checksum_of "$file" /taps/b5_t500/tokens)" = \
  "$(checksum_of "$T/own/wan/room.h5" /taps/b5_t500/tokens)"
check "taps differ" test "$(datasets "$file" | grep tokens | sort -u -k2 | wc -l)" = 3
expect_exit 0 wan --block 5
expect_text "complete already"

# The diffusers layout is the same model. Default tag: model, size, view, pool.
expect_exit 0 extract features "$T/room" --model "$T/m/diffusers" --size 96x64 \
  --select uniform:4 -o "$T/f"
expect_out "room$TAB$T/f/diffusers-96x64-mllm-14x14/room.h5"
expect_equal "$T/f/diffusers-96x64-mllm-14x14/room.h5" "$T/copy.h5"

# Lists: manifests of one stage are lists of the next.
list() { printf 'a\t%s\n%s\r\n\n' "$T/room" "$T/room"; }
listed() { list | extract features --list - --backbone rgb --size 96x64 --select stride:6 "$@"; }
expect_exit 0 listed -o "$T/l"
expect_out "a$TAB$T/l/rgb-96x64-mllm-14x14/a.h5" "room$TAB$T/l/rgb-96x64-mllm-14x14/room.h5"
listed -o "$T/l" 2>/dev/null | grep '^a' >"$T/list"
check "a manifest can be cut like a list" test "$(wc -l <"$T/list")" = 1
expect_exit 2 extract features --list "$T/list" "$T/room" --backbone rgb -o "$T/l"
expect_text "--list"

# Frames of another file; options from a file, the command line first.
printf 'select = "frames:%s/f/wan"\nbackbone = rgb\nsize = 32x32\n' "$T" >"$T/options.ini"
expect_exit 0 extract features "$T/room" --config "$T/options.ini" --size 96x64 -o "$T/ini"
check "the same frames" test "$(checksum_of "$T/ini/rgb-96x64-mllm-14x14/room.h5" /frames/id)" = \
  "$(checksum_of "$file" /frames/id)"
echo 'selekt = uniform:3' >"$T/options.ini"
expect_exit 2 extract features "$T/room" --config "$T/options.ini" --backbone rgb -o "$T/ini"
expect_text "options.ini" "selekt"
expect_exit 2 extract features "$T/room" --config "$T/nowhere.ini" --backbone rgb -o "$T/ini"
expect_text "nowhere.ini"

# Pictures.
expect_exit 0 extract preview "$file" -o "$T/p.png" --frames 3 --tap b5_t300
expect_out "room$TAB$T/p.png"
check "a PNG" test "$(head -c 8 "$T/p.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a
check "with something in it" test "$(wc -c <"$T/p.png")" -gt 10000
expect_exit 3 extract preview "$file" -o "$T/q.png" --tap b9_t300
expect_text "b9_t300" "b20_t300"
expect_exit 0 extract preview "$rgb" "$file" -o "$T/pictures" --frames 2
check "one picture a file, also of files with one name" test "$(ls "$T/pictures" | wc -l)" = 2
# --compare: a row of frames, then a row of colours for each file.
png_size() { od -An -tu1 -j16 -N8 "$1" | awk '{ print ($1 * 256 + $2) * 65536 + $3 * 256 + $4, ($5 * 256 + $6) * 65536 + $7 * 256 + $8 }'; }
expect_exit 0 extract preview --compare "$file" -o "$T/one.png" --frames 3
expect_exit 0 extract preview --compare "$file" "$rgb" -o "$T/two.png" --frames 3
expect_out "room$TAB$T/two.png"
read -r width_one height_one < <(png_size "$T/one.png")
read -r width_two height_two < <(png_size "$T/two.png")
check "as wide" test "$width_one" = "$width_two"
check "a row of pictures higher" test $((height_two - height_one)) -gt 180   # three frames of 240x180
expect_exit 3 extract preview --compare "$rgb" "$file" -o "$T/no.png"
expect_text "wan/room.h5" "no frame 1" "extract both with the same --select"
expect_exit 3 extract preview --compare "$rgb" "$T/l/rgb-96x64-mllm-14x14/a.h5" -o "$T/no.png"
expect_text "scene a" "room"
expect_nothing "$T/no.png"

# verify finds one flipped bit, a cut file and a stray one.
expect_exit 0 extract verify "$T/f"
check "every file is named" test "$(grep -c ': ok$' "$OUT")" = "$(find "$T/f" -name '*.h5' | wc -l)"
size=$(wc -c <"$file")
cp "$file" "$T/flip.h5"
byte=$(od -An -tu1 -j $((size / 2)) -N1 "$file")
printf "\\x$(printf %02x $((byte ^ 1)))" |
  dd of="$T/flip.h5" bs=1 seek=$((size / 2)) conv=notrunc status=none
expect_exit 3 extract verify "$T/flip.h5"
check "the fault is named on stdout" grep -q "flip.h5: /" "$OUT"
head -c $((size / 2)) "$file" >"$T/cut.h5"
expect_exit 3 extract verify "$T/cut.h5"
expect_exit 3 extract inspect "$T/cut.h5"
expect_text "cut.h5"
echo "not HDF5" >"$T/text.h5"
expect_exit 3 extract verify "$T/text.h5"
expect_exit 3 extract inspect "$T/nowhere.h5"
expect_text "nowhere.h5"

# The empty prompt from a text encoder of either layout.
expect_exit 0 synth model --preset umt5-tiny --layout both -o "$T/t"
expect_exit 0 extract prompt --model "$T/t/original" -o "$T/prompt.h5"
expect_out "prompt$TAB$T/prompt.h5"
expect_exit 0 extract prompt --model "$T/t/diffusers" -o "$T/prompt2.h5"
check "one prompt from both layouts" test \
  "$(checksum_of "$T/prompt.h5" /context)" = "$(checksum_of "$T/prompt2.h5" /context)"
for layout in original diffusers; do
  expect_exit 0 extract prompt --model "$T/t/$layout" -o "$T/prompt.h5"
  expect_out "prompt$TAB$T/prompt.h5"
  expect_text "complete already"
done
expect_exit 0 synth model --preset umt5-tiny --seed 7 -o "$T/other"
expect_exit 3 extract prompt --model "$T/other" -o "$T/prompt.h5"
expect_text "prompt.h5" "fingerprint" "--overwrite"
expect_exit 2 extract prompt --model "$T/other" -o "$T"
expect_exit 0 extract verify "$T/prompt.h5"

# A scene without a pixel below mid-grey (one of level 200) is not the release's number, and that is said.
mkdir "$T/bright"
base64 -d >"$T/bright/0.png" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mM4AQAAygDJNEIn8wAAAABJRU5ErkJggg==
PNG
bright() { extract features "$T/bright" --model "$T/m/original" --size 96x64 --select stride:1 -o "$T/bright.out" "$@"; }
expect_exit 0 bright
expect_text "no pixel of its 1 frames is below mid-grey"
expect_exit 0 bright --view native --tag native
check "another view has no such rule" test "$(grep -c mid-grey "$ERR")" = 0
expect_exit 0 wan --overwrite
check "a room has dark pixels" test "$(grep -c mid-grey "$ERR")" = 0

expect_no_parts "$T"
finish
