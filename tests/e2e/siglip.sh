# Semantic tokens: SigLIP from its own checkpoint and from inside LLaVA-Video's.
. "$(dirname "$0")/lib.sh" || exit 1

expect_exit 0 synth model --preset siglip-tiny --layout both -o "$T/m" --progress off
expect_out "siglip-tiny$TAB$T/m/original" "siglip-tiny$TAB$T/m/llava-video"
expect_exit 0 synth scene --size 160x120 --frames 6 -o "$T/room" --progress off
MODEL=$T/m/original
siglip() {
  extract features "$T/room" --backbone siglip --model "$MODEL" --select uniform:3 \
    --progress off "$@"
}

# The default recipe: 384x384, squashed, every token.
expect_exit 0 siglip -o "$T/f"
file=$T/f/original-384x384-mllm-native/room.h5
expect_out "room$TAB$file"
run extract inspect "$file"
check "a 27x27 grid" grep -qE '/taps/siglip_l26/tokens +bf16 +\[3, 27, 27, 144\]' "$OUT"
check "no noise" grep -qE '^    noise_xxh3 *$' "$OUT"
expect_exit 0 siglip -o "$T/f"
expect_text "complete already"
expect_exit 0 extract verify "$file"
expect_exit 0 extract preview "$file" -o "$T/p.png" --frames 2
check "a PNG" test "$(head -c 8 "$T/p.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a
check "with something in it" test "$(wc -c <"$T/p.png")" -gt 10000

# The same tower inside LLaVA-Video, other workers, a shard of a list: equal files.
MODEL="$T/m/llava-video" expect_exit 0 siglip --threads 1 -o "$T/one" --tag t
expect_equal "$T/one/t/room.h5" "$file"
MODEL="$T/m/llava-video" expect_exit 0 siglip --threads 3 -o "$T/three" --tag t
expect_equal "$T/three/t/room.h5" "$file"
# --compat fixed and the size by name are the same recipe for a folder of pictures.
expect_exit 0 siglip --compat fixed --size 384x384 -o "$T/fixed" --tag t
expect_equal "$T/fixed/t/room.h5" "$file"

# Other pools, views and types are other recipes.
expect_exit 0 siglip --pool 14x14 --view center_crop --dtype bf16 -o "$T/f"
other=$T/f/original-384x384-center_crop-14x14/room.h5
run extract inspect "$other"
check "an averaged grid" grep -qE '/taps/siglip_l26/tokens +bf16 +\[3, 14, 14, 144\]' "$OUT"
check "two towers' types, two keys" test "$(key_of "$other")" != "$(key_of "$file")"
expect_exit 3 siglip --dtype bf16 -o "$T/f"
expect_text "compute_dtype: file has f32, asked bf16"

# A dry run reads no weight; its verdict is the run's.
expect_exit 0 siglip -o "$T/g" --dry-run
check "the tap is named" grep -q "siglip_l26" "$OUT"
expect_nothing "$T/g"

# What makes no sense is refused with a way out.
expect_exit 2 siglip --size 832x480 -o "$T/g"
expect_text "--size" "832x480" "384x384" "leave the option out"
expect_exit 2 siglip --view stretch -o "$T/g"
expect_text "--view" "mllm or center_crop"
expect_exit 2 siglip --timestep 500 -o "$T/g"
expect_text "--timestep" "siglip"
expect_exit 2 extract features "$T/room" --backbone siglip -o "$T/g"
expect_text "--model" "siglip-tiny"
expect_exit 2 synth model --preset siglip-tiny --layout diffusers -o "$T/g"
expect_text "llava-video"

# Wrong models.
MODEL="$T/nowhere" expect_exit 3 siglip -o "$T/g"
expect_text "$T/nowhere" "no such folder"
MODEL="$T/room" expect_exit 3 siglip -o "$T/g"
expect_text "model*.safetensors"
expect_exit 0 synth model --preset umt5-tiny --layout diffusers -o "$T/t5" --progress off
MODEL="$T/t5/text_encoder" expect_exit 3 siglip -o "$T/g"
expect_text "no tensor embeddings.patch_embedding.weight" "LLaVA-Video"
head -c 9000000 "$T/m/original/model.safetensors" >"$T/cut"
mkdir "$T/m/cut" && cp "$T/m/original/config.json" "$T/m/cut" &&
  mv "$T/cut" "$T/m/cut/model.safetensors"
MODEL="$T/m/cut" expect_exit 3 siglip -o "$T/g"
expect_text "$T/m/cut/model.safetensors"
expect_nothing "$T/g"

finish
