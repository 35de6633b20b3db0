# vega-train sample: clips from noise, frames that were noised, refusals.
#   bash world_sample.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
cd "$T" || exit 1
sample() { "$BIN/vega-train" sample "$@"; }
size_of() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4, $7 * 256 + $8 }'; }   # of a PNG: width, height

expect_exit 0 synth scene --plain --seed 1 --frames 80 --every 10 --size 64x48 -o rooms/room1 --progress off
expect_exit 0 "$BIN/vega-train" world rooms/room1 --size 64x48 --width 32 --blocks 2 --heads 2 --ffn 64 --clips 2 \
  --clip-frames 2 --steps 4 --dtype fp32 --threads 1 --progress off -o run

# --- clips: of a run and of its model the same; another seed is another picture
few=(--clips 2 --clip-frames 3 --steps 3 --threads 1)
expect_exit 0 sample run "${few[@]}" -o clips.png
expect_text "clips.png: "
expect_exit 0 sample run "${few[@]}" --batch 1 --tile 64 -o one.png
expect_exit 0 sample run "${few[@]}" --batch 2 --tile 64 -o two.png
check "two rows of three pictures of 64x48" test "$(size_of one.png | awk '{ print ($1 > 3 * 64), ($1 < 5 * 64), ($2 > 2 * 48) }')" = "1 1 1"
check "clips do not depend on their batch" cmp one.png two.png
expect_exit 0 sample run/model "${few[@]}" --batch 2 --tile 64 --seed 7 -o other.png
check "another seed, other clips" test "$(cksum <two.png)" != "$(cksum <other.png)"
expect_exit 0 sample run/initial "${few[@]}" -o initial.png
check "training shows" test "$(cksum <initial.png)" != "$(cksum <clips.png)"

# --- frames that were noised
expect_exit 0 sample run --denoise rooms/room1 --select uniform:2 --noise 0.1,0.9 --tile 64 --threads 1 -o noised.png
check "two rows of three pictures, each above another" \
  test "$(size_of noised.png | awk '{ print ($1 > 3 * 64), ($1 < 7 * 64), ($2 > 4 * 48) }')" = "1 1 1"
expect_exit 0 sample run --denoise rooms/room1 --select uniform:2 --noise 0.1,0.9 --tile 64 --dtype bf16 --threads 1 -o half.png
expect_no_parts .

# --- refusals leave nothing behind
expect_exit 2 sample -o x.png
expect_exit 2 sample run run -o x.png
expect_exit 2 sample run -o x.jpg
expect_text "a file ending in .png"
expect_exit 2 sample run --size 60x48 -o x.png
expect_text "multiples of 16"
expect_exit 2 sample run --denoise rooms/room1 --noise 0.1,2 -o x.png
expect_text "--noise"
expect_exit 3 sample absent -o x.png
expect_exit 3 sample run/step-00000004 -o x.png
expect_text "a checkpoint of a run" "vega-train export run/step-00000004 -o DIR"
expect_exit 3 sample run --denoise absent -o x.png
expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o random --progress off
expect_exit 3 sample random -o x.png
expect_text "no way back from latents to pixels" "pixels.safetensors"
check "no picture" test ! -e x.png -a ! -e x.jpg
finish
