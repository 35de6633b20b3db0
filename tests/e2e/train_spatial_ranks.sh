# vega-train run --preset spatial with several ranks: the same weights, scores and answers as one process, with pictures
# and with stored features; folders of frames; features that changed before a run goes on; a picture that one rank cannot
# read; bfloat16.
#   bash train_spatial_ranks.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/ranks_lib.sh" || exit 1
cd "$T" || exit 1
state_of() {   # STEP: a file with the checksums of all tensors of its model and optimizer; each step is read once
  local file=${1//\//-}.state
  [ -s "$file" ] || datasets "$1"/*.h5 | sort >"$file"
  echo "$file"
}
equal_state() {   # RUN RUN STEP: bit for bit
  check "$2 has tensors of model and optimizer" test "$(wc -l <"$(state_of "$2/$3")")" -ge 152
  check "$1 and $2: equal model and optimizer" cmp -s "$(state_of "$1/$3")" "$(state_of "$2/$3")"
}

# --- rooms with videos; a folder of the frames of one (the numbers in the names are no places), pictures of it
for preset in spatial-tiny wan-tiny; do expect_exit 0 synth model --preset $preset -o $preset --progress off; done
sed -i 's/"use_generative_encoder": true,/&\n  "generative_vision_tower_size": "96*64",/' spatial-tiny/config.json
cp -r spatial-tiny wide   # without the bound that --size of vega-extract does not know
sed -i 's/"max_pixels": [0-9]*/"max_pixels": 20000/' spatial-tiny/preprocessor_config.json
expect_exit 0 synth dataset -o data --rooms 2 --val 1 --test 0 --frames 4 --size 96x64 --texts 1 --vsi 1 --progress off
videos=data/benchmark/vsi_bench
mkdir -p media/hound/walk.1
number=0
for picture in $(find data/scannet/scans/scene0000_00 -name '*.jpg' | sort); do
  number=$((number + 5))
  cp "$picture" media/hound/walk.1/c01_$number.jpeg
done
check "frames of a room" test $number = 20
cp media/hound/walk.1/c01_5.jpeg media/hound/walk.1/c01_10.jpeg media
turns() { printf '"conversations": [{"from": "human", "value": "%s"}, {"from": "gpt", "value": "%s"}]' "$1" "$2"; }
printf '[{"id": "one", "images": ["c01_5.jpeg"], %s}, {"id": "two", "images": ["c01_5.jpeg", "c01_10.jpeg"], %s}]' \
  "$(turns '<image>\nWhere?' 'Here.')" "$(turns '<image>\n<image>\nWhat moved?' 'the camera')" >spar.json
printf '[{"id": "walk", "video": "hound/walk.1/", %s}]' "$(turns '<video>\nWho walks?' 'Nobody.')" >walk.json
clips="{\"annotations\": \"$videos/conversations_train.json\", \"task\": \"llava-hound\", \"media\": \"$videos\"}"
walks='{"annotations": "walk.json", "task": "llava-hound", "media": "media"}'
printf '[%s, %s, {"annotations": "spar.json", "task": "spar", "media": "media"}]' "$clips" "$walks" >mix.json
printf '[%s, %s]' "$clips" "$walks" >hound.json
expect_exit 0 "$BIN/vega-eval" prepare vsi $videos/val.jsonl --videos $videos -o vsi.json --log-level warn
small=(--checkpoint spatial-tiny --model wan-tiny --preset spatial --threads 1 --rate 1e-3 --warmup 0 --progress off)
base=("${small[@]}" --data mix.json)

# --- two scenes a step: a sum of two is the same in any order, so no bit differs between one process, two ranks at level
# 2 and two at level 3, whose answers rank 0 gives out of the parts of a checkpoint
pairs=(--sampler scene --step-scenes 2 --scene-questions 2 --steps 3 --save-every 1 --keep 9)
judge=(--validate vsi.json --videos $videos --validate-frames 2 --validate-count 4)
last=step-00000003
said() { sed -E 's/"model_id": ?"[^"]*"//' "$1/validation/$last/vsi.jsonl"; }
scores() { sed -E 's/"seconds":[^,]*,//' "$1/validation.jsonl"; }
expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${pairs[@]}" "${judge[@]}" -o one
for level in 2 3; do
  ranks 2 two-$level "${pairs[@]}" "${judge[@]}" --zero $level
  equal_state one two-$level $last
  near one two-$level 1e-14
  check "the same answers" cmp -s <(said one) <(said two-$level)
  check "the same scores" test "$(scores one)" = "$(scores two-$level)"
done
check "four answers" test "$(said one | wc -l)" = 4
check "the model is in parts" test "$(cd two-3/$last && echo model-*)" = "model-0-of-2.h5 model-1-of-2.h5"

# --- what was stored of videos and of the folder, whose key is the folder's name: in float32 the losses of the run that
# makes them in every step, but for rounding (see train_spatial.sh)
make=($videos/scannet/*.mp4 media/hound/walk.1 --store-dtype fp32 --progress off --log-level warn)
expect_exit 0 extract features "${make[@]}" --backbone qwen2.5-vl --model wide --size 504x336 --select stride:1 -o f --tag tower
expect_exit 0 extract features "${make[@]}" --model wan-tiny --recipe wide --select frames:f/tower -o f --tag wan
check "features of the folder" test -s f/wan/walk.1.h5
base=(--checkpoint wide "${small[@]:2}" --data hound.json)
files=(--semantic f/tower --features f/wan)
stored=("${files[@]}" "${pairs[@]:0:6}" --save-every 1)
printf '[%s]' "$walks" >walks.json
walk=(run --checkpoint wide "${small[@]:2}" --data walks.json --steps 3 --epsilon 1)
expect_exit 0 "$BIN/vega-train" "${walk[@]}" -o live
expect_exit 0 "$BIN/vega-train" "${walk[@]}" "${files[@]}" -o from-files
near live from-files 1e-5
expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${stored[@]}" --steps 2 -o kept
ranks 2 kept-3 "${stored[@]}" --steps 2 --zero 3
check "Wan is not read" test "$(grep -c 'generative branch' "$ERR")" = 0
equal_state kept kept-3 step-00000002

# --- in bfloat16 too
half=("${stored[@]}" --steps 1 --dtype bf16)
expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${half[@]}" -o half
ranks 2 half-3 "${half[@]}" --zero 3
equal_state half half-3 step-00000001

# --- a run goes on, with other ranks, on features that were made again, and on no others
cut() { rm -rf moved && cp -r kept-3 moved && rm -r moved/finished.json moved/step-00000002; }
go_on() { expect_exit "$1" "$BIN/vega-train" run "${base[@]}" "${stored[@]}" --steps 2 -o moved; }
again() {
  rm f/wan/walk.1.h5
  expect_exit 0 extract features media/hound/walk.1 --model wan-tiny --recipe wide --select frames:f/tower -o f --tag wan \
    --progress off --log-level warn "$@"
}
cut
again   # in bfloat16
go_on 3
expect_text "another run is there" "f/wan/walk.1.h5: made with other options or inputs"
again --store-dtype fp32
go_on 0
expect_text "written again since the run began, with the values of then" "goes on after step 1 of 2"
equal_state kept moved step-00000002
cut
damage=$(($(stat -c %s f/wan/walk.1.h5) / 2))
cp f/wan/walk.1.h5 whole.h5
printf '\377\377\377\176' | dd of=f/wan/walk.1.h5 bs=1 seek=$damage conv=notrunc status=none
check "other bytes" test "$(cmp whole.h5 f/wan/walk.1.h5 | wc -l)" = 1
go_on 3
expect_text "f/wan/walk.1.h5" "values that were changed after the file was made"
check "its steps are there" test "$(cd moved && echo step-*)" = step-00000001

# --- a picture that one rank cannot decode, while all go through the layers together: both end, and say why once
printf '[%s, {"annotations": "spar.json", "task": "spar", "media": "media"}]' "$walks" >torn.json
truncate -s $(($(stat -c %s media/hound/walk.1/c01_15.jpeg) / 2)) media/hound/walk.1/c01_15.jpeg
base=("${small[@]}" --data torn.json)
start 2 torn --sampler random --batch 40 --steps 1 --zero 3
ended torn 3 3
expect_text "media/hound/walk.1/c01_15.jpeg" "broken JPEG"
check "it is said once" test "$(grep -c 'broken JPEG' "$ERR")" = 1
finish
