# vega-train world: a run, kills and signals, refusals, a full disk, models in both layouts, other VAEs and beginnings.
#   bash world.sh BIN TOOLS
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
cd "$T" || exit 1
trainer() { "$BIN/vega-train" "$@" --progress off; }

# --- two walks of 16 frames, and one of 2 that has no room for a clip
for seed in 1 2; do
  expect_exit 0 synth scene --plain --seed $seed --frames 160 --every 10 --size 64x48 -o rooms/room$seed --progress off
done
expect_exit 0 synth scene --plain --seed 3 --frames 20 --every 10 --size 64x48 -o rooms/short --progress off

net=(--width 32 --blocks 2 --heads 2 --ffn 64 --dtype fp32 --threads 1)
tiny=(--size 64x48 "${net[@]}" --clips 2 --clip-frames 3 --single 0.5)
walks=(rooms/room1 rooms/room2 rooms/short)
base=("${walks[@]}" "${tiny[@]}" --steps 12 --keep 20 --note "two rooms")
world() { trainer world "${base[@]}" "$@"; }   # OPTIONS...
numbers() { sed -E 's/,"frames_per_s":.*//' "$1/metrics.jsonl"; }
last=step-00000012
equal_runs() {   # RUN RUN
  EXPECTED=$((EXPECTED + 1))
  cmp -s <(numbers "$1") <(numbers "$2") || fail "$1 and $2: metrics differ"
  local file
  for file in model-0-of-1.h5 ema-0-of-1.h5 optimizer-rank-0-of-1.h5; do
    [ -e "$1.$file" ] || datasets "$1/$last/$file" >"$1.$file"
    check "$file has tensors" test "$(wc -l <"$1.$file")" -ge 30
    check "$1 and $2: equal $file" cmp -s "$1.$file" <(datasets "$2/$last/$file")
  done
  for file in transformer/diffusion_pytorch_model.safetensors vae/diffusion_pytorch_model.safetensors; do
    check "$1 and $2: equal $file" cmp -s "$1/model/$file" "$2/model/$file"
  done
}

# --- a whole run
expect_exit 0 world -o whole --save-every 1
expect_out "whole${TAB}whole/model"
expect_text "34 pictures of 64x48 in 3 walks" "1 of 3 walks is too short for a clip of 3 frames" "finished after 12 steps"
check "a line a step" test "$(wc -l <whole/metrics.jsonl)" = 12
check "clips and single frames" grep -q '"clips":' whole/metrics.jsonl
check "single frames" grep -q '"single frames":' whole/metrics.jsonl
check "files of a run" test -s whole/run.json -a -s whole/finished.json -a -s whole/$last/state.json -a -e whole/$last/DONE
check "the note in the record" grep -q 'two rooms (3 walks, 34 pictures of 64x48)' whole/model/vega_model.json
check "the running mean is not the model" test "$(datasets whole/$last/model-0-of-1.h5)" != "$(datasets whole/$last/ema-0-of-1.h5)"
expect_no_parts whole
expect_exit 0 trainer verify whole
expect_exit 0 trainer inspect whole/$last/ema-0-of-1.h5
expect_exit 0 "$BIN/vega-train" plot whole --panels loss,tasks,rate,gradient,speed -o whole.svg
for word in '>loss (squared error)<' '>loss by noise and kind of step<' '>noise &lt; 0.4<' '>frames/s<'; do
  check "the picture says $word" grep -qF -e "$word" whole.svg
done

# --- the command again changes nothing; other settings and other pictures are refused
list_files() { find whole -type f -printf '%p %T@ %s\n' | sort; }
list_files >before
expect_exit 0 world -o whole
expect_text "finished already, after 12 steps"
expect_out "whole${TAB}whole/model"
check "no byte changed" cmp -s before <(list_files)
expect_exit 3 world -o whole --rate 1e-3
expect_text "rate"
expect_exit 3 trainer world rooms/room1 rooms/room2 "${tiny[@]}" --steps 12 -o whole
expect_text "data"
check "still no byte changed" cmp -s before <(list_files)

# --- a finished run writes its model again where that is gone, or where another type, layout or record is asked for
same_models() { check "$1" diff -r -x prompt.h5 whole/model kept; }   # HDF5 has a time of writing
cp -r whole/model kept
rm -r whole/model
expect_exit 0 world -o whole
expect_text "finished already, after 12 steps; its model is not there: it is written again"
expect_out "whole${TAB}whole/model"
same_models "the model as it was"
rm whole/model/transformer/*.safetensors
expect_exit 0 world -o whole
expect_text "its model cannot be read"
same_models "the model as it was, once more"
expect_exit 0 world -o whole --store-dtype fp32 --layout original --block 1 --timestep 100
expect_text "has the layout diffusers, asked is original; has the type bf16, asked is f32; has the block 0, asked is 1" \
  "has the timestep 300, asked is 100"
check "the other layout alone" test -e whole/model/config.json -a ! -e whole/model/transformer
expect_exit 0 extract inspect whole/model
check "fp32 is what trained" grep -qE 'transformer .*bf16, f32' "$OUT"
expect_no_parts whole
expect_exit 0 trainer world "${walks[@]}" "${tiny[@]}" --steps 12 --note "two flats" -o whole
expect_text 'has the note two rooms (3 walks, 34 pictures of 64x48), asked is two flats (3 walks, 34 pictures of 64x48)'
expect_exit 0 world -o whole
same_models "the first command again: the first model"
check "no other file changed" cmp -s <(grep -v '^whole/model/' before) <(list_files | grep -v '^whole/model/')
cp -r whole gone && rm -r gone/model gone/$last
expect_exit 3 world -o gone
expect_text "no checkpoint of step 12" "--overwrite"

# --- killed after any step, while it writes, by signals: the same run in the end
back_to() {   # RUN STEP: a copy of the whole run as it was after a step
  rm -rf "$1" && cp -r whole "$1" && rm -r "$1/finished.json" "$1/model"
  local later
  for ((later = $2 + 1; later <= 12; ++later)); do rm -r "$1/$(printf 'step-%08d' $later)"; done
}
back_to killed 5
rm killed/step-00000005/DONE
mkdir killed/model.part-host-1 killed/initial.part-host-1
expect_exit 0 world -o killed
expect_text "that is not complete" "it is removed" "goes on after step 4 of 12"
expect_no_parts killed
equal_runs whole killed
back_to unwritten 12
expect_exit 0 world -o unwritten
equal_runs whole unwritten

# signalled NUMBER RUN: the signal comes right before the fifth line of metrics is written.
signalled() {
  PREFIX=$T/$2/metrics.jsonl plan CALL=write AT=5 SIGNAL=$1 -- "$BIN/vega-train" world "${base[@]}" -o "$2" --progress off
  run "${PLANNED[@]}"
}
signalled 9 kill9
check "killed before its first checkpoint" test "$RC" = 137 -a -z "$(ls -d kill9/step-* 2>/dev/null)"
expect_exit 0 world -o kill9
equal_runs whole kill9
signalled 15 sigterm
check "SIGTERM: exit code $RC, expected 75" test "$RC" = 75
expect_text "stopped after step 5 of 12, which is saved; run again to go on"
check "a checkpoint, and no model yet" test -e sigterm/step-00000005/DONE -a ! -e sigterm/model
expect_exit 0 world -o sigterm
expect_text "goes on after step 5"
equal_runs whole sigterm

# --- a full disk at a checkpoint: older ones stay, and the run goes on
back_to full 3
expect_exit 6 bash -c 'ulimit -f 16; exec "$@"' - "$BIN/vega-train" world "${base[@]}" -o full --save-every 1 --progress off
check "older checkpoints stay" test -e full/step-00000003/DONE -a ! -e full/step-00000004
expect_no_parts full
expect_exit 0 world -o full
equal_runs whole full

# --- a loss that is not finite: step, clips, last checkpoint; nothing is updated
expect_exit 3 world -o nan --rate 1e30 --warmup 0 --clip 0 --save-every 1
expect_text "finite numbers" "room" "frames" "step-0000000" "nothing was updated"
check "the good checkpoint stays" test -e nan/step-00000001/DONE

# --- begun anew over another run
expect_exit 0 world -o nan --overwrite
equal_runs whole nan

# --- models of a step in both layouts give the same features as each other
for layout in diffusers original; do
  expect_exit 0 trainer export whole/$last --layout $layout -o $layout --block 1 --note "room one"
  expect_exit 0 extract features rooms/room1 --model $layout --size 64x48 --view stretch --pool native --block 1 --select uniform:2 \
    --tag $layout -o features --progress off
done
check "the note" grep -q 'room one' original/vega_model.json
check "both layouts give the same features" cmp -s <(datasets features/diffusers/room1.h5 | grep /tokens) <(datasets features/original/room1.h5 | grep /tokens)
check "the last step is the model" cmp -s diffusers/transformer/diffusion_pytorch_model.safetensors whole/model/transformer/diffusion_pytorch_model.safetensors
expect_exit 0 extract features rooms/room1 --model whole/initial --size 64x48 --view stretch --pool native --block 1 --select uniform:2 \
  --tag initial -o features --progress off
check "training changed them" test "$(datasets features/diffusers/room1.h5 | grep /tokens)" != "$(datasets features/initial/room1.h5 | grep /tokens)"
expect_exit 3 trainer export whole -o diffusers
expect_text "--overwrite"
expect_exit 0 trainer export whole -o diffusers --overwrite
expect_exit 2 trainer export whole --layout hf -o x
expect_exit 3 trainer export whole --block 2 -o x
expect_text "0 to 1"
cp -r whole/$last alone && expect_exit 3 trainer export alone -o x
expect_text "keep a step in the folder of its run"

# --- tokens of one latent cell, in both layouts; --from keeps them
expect_exit 0 trainer world rooms/room2 "${tiny[@]}" --patch 1 --steps 2 -o cells
check "patch_size of one cell" grep -qF '"patch_size": [1, 1, 1]' <(tr -d '\n' <cells/model/transformer/config.json | tr -s ' ' | sed 's/\[ /[/;s/ \]/]/')
expect_exit 0 trainer export cells --layout original -o cells-original
for layout in cells/model cells-original; do
  expect_exit 0 extract features rooms/room1 --model $layout --size 64x48 --view stretch --pool native --block 1 --select uniform:2 \
    --tag "${layout%/*}" -o features --progress off
done
expect_exit 0 extract inspect features/cells/room1.h5
check "8x6 tokens of 64x48 pixels" grep -qE 'tokens +.*\[2, 6, 8, 32\]' "$OUT"
check "both layouts give the same tokens" cmp -s <(datasets features/cells/room1.h5 | grep /tokens) <(datasets features/cells-original/room1.h5 | grep /tokens)
expect_exit 2 trainer world rooms/room2 --from cells-original --size 64x48 --patch 2 -o x
expect_text "--patch" "leave it out"

# --- the model says how its pictures were fitted
expect_exit 0 extract inspect whole/model
check "inspect says the view" grep -qE '^  view +stretch$' "$OUT"
check "and has one type" grep -qE 'transformer .*: [0-9.]+ M values, bf16, ' "$OUT"
expect_exit 0 extract features rooms/room1 --model whole --pool native --select uniform:2 -o features --progress off
expect_text "block 0, timestep 300, size 64x48, view stretch"
check "the view of the model" test -s features/whole-64x48-stretch-native/room1.h5
expect_exit 0 extract features rooms/room1 --model whole --view mllm --pool native --select uniform:2 -o features --progress off
check "a view that is asked for" test -s features/whole-64x48-mllm-native/room1.h5
expect_exit 0 trainer world rooms/room2 --size 64x48 --view native "${net[@]}" --clips 1 --steps 1 -o middle
check "another view is recorded" grep -q '^  "view": "native",$' middle/model/vega_model.json

# --- a video: the JPEG files of a walk in one file are Motion JPEG, which another decoder reads than that of pictures
cat rooms/room1/*.jpg >walk.mjpeg
cut=("${tiny[@]}" --vae original --steps 2 --mirror off)
expect_exit 0 trainer world walk.mjpeg "${cut[@]}" -o video
expect_text "16 pictures of 64x48 in 1 walk;"
expect_exit 0 trainer world rooms/room1 "${cut[@]}" -o folder
# The two decoders are one or two levels of 256 apart, which moves a loss by 0.0003 of itself; frames that are off by one
# move it by 0.003 and more. (Unit tests have a video that loses nothing: equal latents.)
losses() { sed 's/.*"loss":\([0-9.]*\).*/\1/' "$1/metrics.jsonl"; }
check "the frames of the folder, losses $(losses video | xargs) and $(losses folder | xargs)" \
  awk 'NR == FNR { a[FNR] = $1; next } { d = a[FNR] / $1 - 1; if (!(d < 0.001 && d > -0.001)) bad = 1 } END { exit bad || FNR != 2 }' \
  <(losses video) <(losses folder)
expect_exit 3 trainer world rooms/room1 "${cut[@]}" -o video
expect_text "data"
expect_exit 0 extract features walk.mjpeg --model video --pool native --select uniform:2 -o features --progress off
check "features of the video" test -s features/video-64x48-stretch-native/walk.h5

# --- another model's VAE; another model's weights; single frames alone; AdamW
expect_exit 0 trainer world "${walks[@]}" "${tiny[@]}" --steps 2 -o vae --vae original
check "the VAE is that of the other model" cmp -s vae/model/vae/diffusion_pytorch_model.safetensors whole/model/vae/diffusion_pytorch_model.safetensors
expect_exit 0 trainer world rooms/room2 --from original --size 64x48 --clips 2 --steps 2 --threads 1 -o from --single 1 --optimizer adamw --mirror off
# What does not train keeps type and bits.
expect_exit 0 trainer world rooms/room2 --size 64x48 "${net[@]}" --clips 1 --steps 1 --store-dtype fp32 -o fine
expect_exit 0 trainer world rooms/room2 --from fine --size 64x48 --clips 1 --steps 1 --threads 1 -o coarse
expect_exit 0 extract inspect coarse/model
check "types of its own" grep -qE 'transformer .*: [0-9.]+ M values, bf16, f32, ' "$OUT"
check "the VAE is the same" cmp -s fine/model/vae/diffusion_pytorch_model.safetensors coarse/model/vae/diffusion_pytorch_model.safetensors
check "single frames alone" test "$(grep -c '"single frames":' from/metrics.jsonl)" = 2
expect_exit 2 trainer world rooms/room2 --from original --width 64 -o x
expect_text "--width"

# --- wrong calls and pictures that cannot be read, before anything is written
expect_exit 3 world -o x --memory 0.00001
expect_text "--memory" "--every"
expect_exit 2 trainer world rooms/room2 "${net[@]}" -o x --size 60x48
expect_text "multiples of 16"
expect_exit 2 world -o x --every 2 --select uniform:3
expect_exit 2 world -o x --block 2
expect_exit 2 trainer world rooms/room2 --width 33 -o x
expect_exit 2 world
expect_exit 3 trainer world absent "${tiny[@]}" -o x
expect_nothing x
cp -r rooms/room1 broken && : >broken/00050.jpg
expect_exit 3 trainer world broken "${tiny[@]}" --steps 2 -o y
expect_text "broken/00050.jpg"
check "no step of it" test -z "$(ls -d y/step-* 2>/dev/null)"
finish
