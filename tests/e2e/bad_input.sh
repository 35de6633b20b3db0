# Bad input: the exit code, what the message says (where, what was got, what was expected), and that
# nothing is left behind. Checkpoints are made hostile byte by byte, pickles by hand.
. "$(dirname "$0")/lib.sh" || exit 1

expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/good"
expect_exit 0 synth scene --size 96x64 --frames 4 -o "$T/room"
cp -r "$T/room" "$T/room2"

# bad CODE TEXT... -- ARGUMENTS: features fails so, and leaves nothing.
bad() {
  local code=$1 texts=()
  shift
  while [ "$1" != -- ]; do
    texts+=("$1")
    shift
  done
  shift
  expect_exit "$code" extract features "$@" --size 96x64 -o "$T/out" --progress off
  expect_text "${texts[@]}"
  expect_out
  expect_nothing "$T/out"
}
# A copy of the good model, all files of which are links but for $2, which is to be written.
model_without() {
  rm -rf "$T/$1"
  mkdir "$T/$1"
  ln -s "$T"/good/* "$T/$1/"
  rm "$T/$1/$2"
}
wan_fails() { bad 3 "$@" -- "$T/room" --model "$T/bad"; }

# --- safetensors: bytes of a little-endian number, a file of a header and zeros.
le() { # VALUE BYTES
  local i
  for ((i = 0; i < $2; i++)); do printf "\\x$(printf %02x $(($1 >> 8 * i & 255)))"; done
}
weights=diffusion_pytorch_model.safetensors
safetensors() { # HEADER DATA_BYTES
  model_without bad $weights
  { le ${#1} 8 && printf %s "$1" && head -c "$2" /dev/zero; } >"$T/bad/$weights"
}
f32() { printf '"%s":{"dtype":"F32","shape":[%s],"data_offsets":[%s]}' "$@"; }

model_without bad $weights
head -c 30000000 "$T/good/$weights" >"$T/bad/$weights"
wan_fails "bad/$weights" expected
head -c 5 "$T/good/$weights" >"$T/bad/$weights"
wan_fails "bad/$weights"
: >"$T/bad/$weights"
wan_fails "bad/$weights"
{ le 999999999999 8 && echo '{}'; } >"$T/bad/$weights"
wan_fails "bad/$weights" 999999999999
{ le -1 8 && echo '{}'; } >"$T/bad/$weights"
wan_fails "bad/$weights"
safetensors "{$(f32 a 2 0,8),$(f32 b 2 4,12)}" 12
wan_fails "bad/$weights" "overlap"
safetensors "{$(f32 a 2 0,8),$(f32 b 2 12,20)}" 20
wan_fails "bad/$weights" "b"
safetensors "{$(f32 twice 2 0,8),$(f32 twice 2 8,16)}" 16
wan_fails "bad/$weights" "twice"
safetensors "{$(f32 huge 4294967296,4294967296,4 0,0)}" 0
wan_fails "bad/$weights" "huge"
safetensors "{$(f32 huge 9223372036854775807,2 0,8)}" 8
wan_fails "bad/$weights" "huge"
safetensors "{$(f32 beyond 2 0,8)}" 4
wan_fails "bad/$weights" "beyond"
safetensors "{$(f32 minus -2 0,8)}" 8
wan_fails "bad/$weights" "minus"
safetensors '{"a":' 0
wan_fails "bad/$weights"

# --- tensors that are missing, too many, of another shape, not finite; configurations.
config() { # SED-PROGRAM
  model_without bad config.json
  sed "$1" "$T/good/config.json" >"$T/bad/config.json"
}
config 's/"num_layers": 30/"num_layers": 31/'
wan_fails "no tensor blocks.30." "more" "expected"
config 's/"num_layers": 30/"num_layers": 29/'
wan_fails "unknown tensor blocks.29." "remove them"
config 's/"ffn_dim": 512/"ffn_dim": 640/'
wan_fails "ffn" "[512" "[640"
config 's/"WanModel"/"VaceWanModel"/'
wan_fails "config.json" "VaceWanModel" "WanModel"
config 's/"t2v"/"i2v"/'
wan_fails "model_type" "i2v" "t2v"
config 's/"dim": 256/"dim": -256/'
wan_fails "dim" "-256" "a positive number"
config '3,$d'
wan_fails "config.json" "JSON"
model_without bad config.json
wan_fails "config.json" "original layout"
model_without bad Wan2.1_VAE.pth
wan_fails "Wan2.1_VAE.pth"

# The first value of a bias becomes NaN (bf16 0x7fff): named, once, also where a list asks for it.
tensor=blocks.3.ffn.0.bias
model_without bad $weights
cp "$T/good/$weights" "$T/bad/$weights"
header=$(od -An -tu8 -N8 "$T/good/$weights" | tr -d ' ')
offset=$(head -c $((8 + header)) "$T/good/$weights" | tail -c "$header" |
  grep -o "\"$tensor\":{[^}]*}" | sed 's/.*offsets":\[\([0-9]*\),.*/\1/')
printf '\xff\x7f' |
  dd of="$T/bad/$weights" bs=1 seek=$((8 + header + offset)) conv=notrunc status=none
wan_fails "$tensor" "bad/$weights"
bad 3 "$tensor" -- "$T/room" "$T/room2" --model "$T/bad"

# --- pickles: one that would run a command, bare and in an archive. Nothing is executed.
gadget() { printf '\x80\x02cos\nsystem\nX' && le ${#1} 4 && printf '%s\x85R.' "$1"; }
crc() { gzip -c <"$1" | tail -c 8 | head -c 4; }
stored_zip() { # NAME FILE: one stored entry
  local n size
  n=${#1} size=$(wc -c <"$2")
  printf 'PK\x03\x04\x14\0\0\0\0\0\0\0\0\0' && crc "$2" && le "$size" 4 && le "$size" 4
  le $n 2 && le 0 2 && printf %s "$1" && cat "$2"
  printf 'PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0' && crc "$2" && le "$size" 4 && le "$size" 4
  le $n 2 && le 0 12 && le 0 4 && printf %s "$1"
  printf 'PK\x05\x06\0\0\0\0\x01\0\x01\0' && le $((46 + n)) 4 && le $((30 + n + size)) 4 && le 0 2
}
gadget "touch $T/executed" >"$T/gadget"
for name in Wan2.1_VAE.pth prompt.pt; do
  model_without bad $name
  rm -f "$T/bad/prompt.h5"
  stored_zip archive/data.pkl "$T/gadget" >"$T/bad/$name"
  [ $name = prompt.pt ] || ln -s "$T/good/prompt.pt" "$T/bad/prompt.h5"
  wan_fails "bad/$name" "os.system"
  cp "$T/gadget" "$T/bad/$name"
  wan_fails "bad/$name"
  head -c 3000 "$T/good/$name" >"$T/bad/$name"
  wan_fails "bad/$name"
done
check "no pickle was executed" test ! -e "$T/executed"

# --- prompts.
bad 3 "nowhere.pt" -- "$T/room" --model "$T/good" --prompt "$T/nowhere.pt"
echo "no prompt" >"$T/text.pt"
bad 3 "text.pt" -- "$T/room" --model "$T/good" --prompt "$T/text.pt"

# --- pictures and scenes.
expect_exit 0 extract features "$T/room" --backbone rgb --size 96x64 -o "$T/good-features"
expect_exit 0 extract preview "$T"/good-features/*/room.h5 -o "$T/picture.png"
fresh() { rm -rf "$T/broken" && cp -r "$T/room" "$T/broken"; }
scene_fails() { bad 3 "$@" -- "$T/broken" --backbone rgb; }
fresh
size=$(wc -c <"$T/room/00002.jpg")
head -c $((size / 2)) "$T/room/00002.jpg" >"$T/broken/00002.jpg"
scene_fails "broken/00002.jpg"
head -c 100 /dev/zero >"$T/broken/00002.jpg"
scene_fails "broken/00002.jpg"
: >"$T/broken/00002.jpg"
scene_fails "broken/00002.jpg"
rm -rf "$T/broken" && mkdir "$T/broken"
cp "$T/picture.png" "$T/broken/0.png"
head -c 5000 "$T/picture.png" >"$T/broken/1.png"
scene_fails "broken/1.png"
cp "$T/picture.png" "$T/broken/1.png"
printf 'XX' | dd of="$T/broken/1.png" bs=1 seek=5000 conv=notrunc status=none
scene_fails "broken/1.png"
cp "$T/room/00000.png" "$T/broken/1.png"
scene_fails "broken/1.png" "16-bit grey" "a colour picture"
rm "$T"/broken/*
scene_fails "$T/broken" "expected"
bad 3 "nowhere" -- "$T/nowhere" --backbone rgb
bad 3 "config.json" -- "$T/good/config.json" --backbone rgb
fresh
for pose in "$T"/broken/0000?.txt; do printf '%s\n' '-inf -inf -inf -inf'{,,,} >"$pose"; done
scene_fails "broken" "pose"
fresh
rm "$T/broken/00001.txt"
scene_fails "broken" "00001"
fresh
echo '1 2 3' >"$T/broken/00001.txt"
scene_fails "broken/00001.txt"
printf '0\n77\n' >"$T/ids"
bad 3 "77" "ids" -- "$T/room" --backbone rgb --select "list:$T/ids"
bad 3 "nowhere" -- "$T/room" --backbone rgb --select "list:$T/nowhere"
bad 3 "room.h5" -- "$T/room" --backbone rgb --select "frames:$T/good"
bad 3 "nowhere" -- --list "$T/nowhere" --backbone rgb
bad 3 "folder" -- --list "$T/room" --backbone rgb

# --- calls.
bad 2 "--frobnicate" -- "$T/room" --frobnicate
bad 2 "resnet" "wan, rgb" -- "$T/room" --backbone resnet
bad 2 "--model" -- "$T/room"
bad 2 "INPUT" -- --backbone rgb
bad 2 "key room" "one input a key" -- "$T/room" "$T/room/" --backbone rgb
bad 2 "key same" -- --list <(printf 'same\t%s\n' "$T/room" "$T/room2") --backbone rgb
bad 2 "empty path" -- "" --backbone rgb
bad 2 "empty path" -- --list <(printf 'k\t\n') --backbone rgb
bad 2 "a/b" -- --list <(printf 'a/b\t%s\n' "$T/room") --backbone rgb
bad 2 "--key" -- "$T/room" "$T/room2" --key k --backbone rgb
bad 2 "../up" -- "$T/room" --tag ../up --backbone rgb
bad 2 "uniform:0" -- "$T/room" --backbone rgb --select uniform:0
bad 2 "fisheye" "mllm" -- "$T/room" --backbone rgb --view fisheye
bad 2 "--pool" "0x3" -- "$T/room" --backbone rgb --pool 0x3
bad 2 "--compat" -- "$T/room" --backbone rgb --compat loose
bad 2 "--dtype" "fp16" -- "$T/room" --backbone rgb --dtype fp16
bad 2 "--noise" "v2" -- "$T/room" --model "$T/good" --noise v2
bad 2 "--block" "30" "0 to 29" -- "$T/room" --model "$T/good" --block 30
bad 2 "--timestep" "2000" "0 to 1000" -- "$T/room" --model "$T/good" --timestep 2000
bad 2 "--shift" "inf" -- "$T/room" --model "$T/good" --shift inf
bad 2 "--schedule" "linear" "exact" -- "$T/room" --model "$T/good" --schedule linear
bad 2 "abc" -- "$T/room" --model "$T/good" --timestep abc
bad 2 "tpu" "cuda" -- "$T/room" --backbone rgb --device tpu
expect_exit 2 extract features "$T/room" --backbone rgb --size 0x64 -o "$T/out"
expect_exit 2 extract features "$T/room" --model "$T/good" --size 100x64 -o "$T/out"
expect_text "--size" "100x64" "multiples of 16"
expect_nothing "$T/out"

expect_exit 2 synth model --dtype int8 -o "$T/out"
expect_text "--dtype" "int8" "bf16"
expect_exit 2 synth model --preset huge -o "$T/out"
expect_text "--preset" "huge" "wan-tiny"
expect_exit 2 synth model
expect_exit 3 synth model -o "$T/room"
expect_text "not empty" "--overwrite"
expect_exit 2 synth scene --frames 0 -o "$T/out"
expect_text "--frames" "1 to"
expect_exit 2 synth scene --size 8x32 -o "$T/out"
expect_text "--size" "8"
expect_exit 3 synth scene --size 32x32 --frames 2 -o "$T/good"
check "a folder in the way is kept" test -s "$T/good/$weights"
expect_exit 2 extract prompt
expect_exit 3 extract prompt --model "$T/good" -o "$T/out/prompt.h5"
expect_text "--model" "text encoder"
expect_nothing "$T/out"

# --- a device that is not there.
VEGA_CUDA_LIBRARY="$T/nowhere.so" bad 5 "CUDA" "--device cpu" -- "$T/room" --model "$T/good" \
  --device cuda

# --- one bad scene among good ones: named, the others done, exit 4.
fresh
head -c $((size / 2)) "$T/room/00002.jpg" >"$T/broken/00002.jpg"
some="$T/some/rgb-96x64-mllm-14x14"
expect_exit 4 extract features "$T/room" "$T/broken" "$T/room2" --backbone rgb --size 96x64 \
  -o "$T/some"
expect_text "broken: " "00002.jpg" "1 failed"
expect_out "room$TAB$some/room.h5" "room2$TAB$some/room2.h5"
check "no file of the bad scene" test "$(ls "$some")" = "$(printf 'room.h5\nroom2.h5')"
expect_exit 4 extract features "$T/broken" "$T/room" --backbone rgb --size 96x64 --fail-fast \
  -o "$T/fast"
expect_nothing "$T/fast"

# --- outputs that cannot be written stop a list at once: exit 6.
unwritable() { # FOLDER TEXT
  expect_exit 6 extract features "$T/room" "$T/room2" --backbone rgb --size 96x64 -o "$1"
  expect_text "$2"
  expect_out
}
echo "a file" >"$T/file"
unwritable "$T/file" "$T/file"
check "the file in the way is kept" grep -q "a file" "$T/file"
unwritable /proc/vega "/proc/vega"
# A limit of 16 kB a file stands in for a full disk.
limited() { (trap '' XFSZ && ulimit -f 16 && extract "$@"); }
expect_exit 6 limited features "$T/room" "$T/room2" --backbone rgb --size 96x64 -o "$T/out"
expect_text "room.h5" "File too large"
expect_out
expect_nothing "$T/out"
expect_exit 6 extract preview "$some/room.h5" -o "$T/file/p.png"
expect_exit 6 synth scene --size 32x32 --frames 2 -o "$T/file/room"
expect_exit 6 synth model --preset umt5-tiny -o "$T/file/model"
mkdir "$T/full"
if mount -t tmpfs -o size=64k vega-e2e "$T/full" 2>/dev/null; then
  trap 'umount "$T/full"; rm -rf -- "$T"' EXIT
  unwritable "$T/full" "No space left on device"
  expect_nothing "$T/full"
  mount -o remount,ro "$T/full"
  unwritable "$T/full" "Read-only file system"
else
  skip_note "no right to mount: a full and a read-only file system"
fi
# stdout that nobody reads, or that is full.
closed_pipe() { { extract "$@" || echo $? >"$T/code"; } | true; }
for verb in "features $T/room --backbone rgb --size 96x64 -o $T/some" "verify $some"; do
  for _ in 1 2 3; do # the reader may come to life late
    echo 0 >"$T/code"
    run closed_pipe $verb
    [ "$(cat "$T/code")" = 0 ] || break
  done
  check "a closed pipe is exit 6, not $(cat "$T/code")" test "$(cat "$T/code")" = 6
  expect_text "a broken pipe"
  expect_text "stdout"
  if [ -w /dev/full ]; then
    expect_exit 6 eval "extract $verb >/dev/full"
    expect_text "stdout"
  fi
done

expect_no_parts "$T"
finish
