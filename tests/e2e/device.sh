# --device cuda from end to end on a machine without a GPU: the device code compiled for the host (docs/device_on_host.md).
# Batches, sweeps, halved batches, no memory, no device, fusion.
#   bash device.sh BIN LIBRARY DRIVER     LIBRARY: stands in for libvega_cuda.so; DRIVER: the folder of its libcuda.so.1
library=$(readlink -f "$2") driver=$(readlink -f "$3")
. "$(dirname "$0")/lib.sh" || exit 1
export VEGA_CUDA_LIBRARY=$library LD_LIBRARY_PATH=$driver${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fuse() { "$BIN/vega-fuse" "$@"; }

expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/m" --progress off
expect_exit 0 synth scene --size 96x64 --frames 8 -o "$T/room" --progress off
wan() {
  extract features "$T/room" --model "$T/m" --size 96x64 --select uniform:5 --device "${DEVICE:-cuda}" --progress off \
    -o "$T/f" "$@"
}
tokens_of() { checksum_of "$1" /taps/b20_t300/tokens; }

# The stand-in says what it is, in the log and in the file.
expect_exit 0 wan --tag whole --batch 5
expect_out "room$TAB$T/f/whole/room.h5"
expect_text "host emulation"
whole=$T/f/whole/room.h5
run extract inspect "$whole"
check "the device in the file" grep -qE '^ +device +host emulation' "$OUT"
check "bfloat16 by default" grep -qE '^ +compute_dtype +bf16' "$OUT"
expect_exit 0 extract verify "$whole"

# Another device is the same recipe: equal keys, and the file is complete on both.
expect_exit 0 extract features "$T/room" --model "$T/m" --size 96x64 --select uniform:5 --dtype bf16 \
  --progress off -o "$T/f" --tag whole
expect_text "complete already"

# A batch changes no bit.
for batch in 1 2 auto; do
  expect_exit 0 wan --tag "batch$batch" --batch $batch
  expect_equal "$T/f/batch$batch/room.h5" "$whole"
done

# A sweep: frames encoded once, a pass of the transformer for each noise level.
expect_exit 0 wan --tag sweep --blocks 5,20 --timesteps 300,500 --batch 2
expect_text "5 frames encoded once, 2 passes over them, 4 taps"
check "the sweep's tap is the single one" test "$(tokens_of "$T/f/sweep/room.h5")" = "$(tokens_of "$whole")"

# --batch auto goes on with half the batch where the device has no memory, and the file is the same.
halved() {
  expect_exit 0 wan --tag "$1" --batch auto
  expect_text "out of memory" "goes on with --batch"
  expect_equal "$T/f/$1/room.h5" "$whole"
  run extract inspect "$T/f/$1/room.h5"
  check "halvings in the file" grep -qE '^ +batch_halvings +[1-9]' "$OUT"
}
VEGA_DEVICE_FAIL_ALLOCATION=100 halved once

# A small memory: fitted or halved, the same file. Without room for one frame: exit code 5, and nothing is left.
VEGA_DEVICE_MEMORY=30000000 expect_exit 0 wan --tag small --batch auto
expect_equal "$T/f/small/room.h5" "$whole"
for batch in 5 auto; do
  VEGA_DEVICE_MEMORY=20000000 expect_exit 5 wan --tag none --batch $batch
  expect_text "out of memory" "smaller --batch or --size"
  expect_out
done
VEGA_DEVICE_FAIL_ALLOCATION=100 expect_exit 5 wan --tag none --batch 5
expect_text "out of memory"
expect_nothing "$T/f/none"

# A convolution whose workspace has no memory takes another plan: said, once.
VEGA_DEVICE_REFUSE_WORKSPACE=3 expect_exit 0 wan --tag plan --batch 2
expect_text "workspace of 1 of the VAE's convolutions" "another plan"

# Scenes follow each other while the one before is still stored: two of them are as each alone, the device's own times
# stand in the report, and a full disk is found behind the device.
expect_exit 0 synth scene --seed 2 --size 96x64 --frames 5 -o "$T/room2" --progress off
expect_exit 0 wan "$T/room2" --tag pair --batch 2 --report "$T/report.json"
expect_equal "$T/f/pair/room.h5" "$whole"
number() { grep -oE "\"$1\": [0-9.e-]+" "$T/report.json" | head -n 1 | cut -d' ' -f2; }
check "the device computed" awk "BEGIN { exit !($(number compute_s) > 0) }"
check "it waited less than the run took" awk "BEGIN { exit !($(number compute_wait_s) <= $(number wall_s)) }"
check "no latents on the host" test "$(number latents_on_host)" = 0
limited() { (trap '' XFSZ && ulimit -f 16 && wan "$@"); }
expect_exit 6 limited "$T/room2" --tag full --batch 2
expect_text "File too large"
expect_out
expect_nothing "$T/f/full"

# The feed-forward in 8-bit floats: a recipe of its own, whose error stands in log, file and report beside bfloat16's.
expect_exit 0 wan --tag fp8 --batch 2 --precision fp8 --report "$T/fp8.json"
expect_text "distance from float32" "b20_t300: fp8 0." "bf16 0."
run extract inspect "$T/f/fp8/room.h5"
check "the error in the file" grep -qE 'precision_error +b20_t300: fp8 0' "$OUT"
error_of() { grep -oE "\"$1_error\": [0-9.e-]+" "$T/fp8.json" | cut -d' ' -f2; }
check "bf16 is nearer" awk "BEGIN { exit !(0 < $(error_of bf16) && $(error_of bf16) < $(error_of fp8)) }"
check "and fp8 near" awk "BEGIN { exit !($(error_of fp8) < 0.125) }"
check "other numbers than bf16's" test "$(tokens_of "$T/f/fp8/room.h5")" != "$(tokens_of "$whole")"
expect_exit 3 wan --tag whole --precision fp8
expect_text "feed_forward" "fp8"
DEVICE=cpu expect_exit 2 wan --tag none --precision fp8
expect_text "--dtype bf16"
DEVICE=cpu expect_exit 0 wan --tag fp8cpu --dtype bf16 --precision fp8
expect_text "distance from float32"
expect_exit 2 wan --backbone rgb --precision fp8
expect_text "--precision" "which does not use it"

# No such device.
DEVICE=cuda:1 expect_exit 5 wan --tag none
expect_text "cuda:1" "cuda:0 to cuda:0"
VEGA_CUDA_LIBRARY=$T/nowhere.so expect_exit 5 wan --tag none
expect_text "$T/nowhere.so"
expect_nothing "$T/f/none"

# Where the time goes: the groups of the processor, with the device's copies.
expect_exit 0 extract profile --model "$T/m" --size 112x64 --block 1 --device cuda --batch 2 --frames 4 \
  --no-roofline
expect_text "host emulation" "2 a step"
for group in "frames to the device" "VAE convolutions" "features to the host" "a frame"; do
  check "$group in the table" grep -q "^$group " "$OUT"
done

# Fusion, of features whose crop has the shape of a release's.
expect_exit 0 synth model --preset siglip-tiny -o "$T/siglip" --progress off
expect_exit 0 extract features "$T/room" --backbone siglip --model "$T/siglip" --select uniform:2 \
  --device cuda --progress off -o "$T/f" --tag s
expect_exit 0 extract features "$T/room" --model "$T/m" --size 112x64 --select uniform:2 --device cuda \
  --progress off -o "$T/f" --tag w
tokens() { fuse tokens "$T/f/w/room.h5" --semantic "$T/f/s" --width 768 --tag t --progress off "$@"; }
expect_exit 0 tokens -o "$T/one" --device cuda --batch 1
expect_text "host emulation"
expect_exit 0 tokens -o "$T/two" --device cuda --batch 2
expect_equal "$T/one/t/room.h5" "$T/two/t/room.h5"
expect_exit 0 fuse verify "$T/one"
run fuse inspect "$T/one/t/room.h5"
check "the device in the tokens" grep -qE '^ +device +host emulation' "$OUT"
VEGA_DEVICE_MEMORY=1000000 expect_exit 5 tokens -o "$T/none" --device cuda
expect_text "out of memory"
expect_nothing "$T/none"

# Questions: the answers of the processor in float32, whether steps are recorded or not.
for preset in vlm-tiny wan-tiny; do expect_exit 0 synth model --preset $preset -o "$T/$preset" --progress off; done
expect_exit 0 synth scene --size 96x64 --frames 3 -o "$T/small" --progress off
answer() {
  "$BIN/vega-eval" answer "$T/small" --checkpoint "$T/vlm-tiny" --model "$T/wan-tiny" --work "$T/work" --dtype fp32 \
    --greedy --max-new-tokens 5 --format json --progress off --ask "What is red?" --ask "Is it dark?" "$@"
}
expect_exit 0 answer
here=$(cat "$OUT")
check "two answers" test "$(wc -l <<<"$here")" = 2
expect_exit 0 answer --device cuda
expect_out "$here"
expect_text "steps run as CUDA graphs"
VEGA_DEVICE_REFUSE_CAPTURE=1 expect_exit 0 answer --device cuda
expect_out "$here"
expect_text "steps run plainly, without CUDA graphs"

expect_no_parts "$T"
finish
