# vega-train with a Qwen2.5-VL that is shown pictures and videos: preset spatial, what goes on, checkpoints that answer,
# data that is broken or missing, plans.
#   bash train_spatial.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
cd "$T" || exit 1
trainer() { "$BIN/vega-train" "$@" --progress off; }
evaluate() { "$BIN/vega-eval" "$@" --progress off; }
numbers() { sed -E 's/,"tokens_per_s":.*//' "$1/metrics.jsonl"; }

# --- a tiny model with a generative branch and one without, rooms with videos, pictures with marks
for preset in spatial-tiny qwen2.5-vl-tiny wan-tiny; do
  expect_exit 0 synth model --preset $preset -o $preset --progress off
done
sed -i 's/"use_generative_encoder": true,/&\n  "generative_vision_tower_size": "96*64",/' spatial-tiny/config.json
sed -i '0,/"model_type"/s/"model_type"/"generative_vision_tower_size": "96*64",\n  &/' qwen2.5-vl-tiny/config.json
sed -i 's/"max_pixels": [0-9]*/"max_pixels": 20000/' spatial-tiny/preprocessor_config.json qwen2.5-vl-tiny/preprocessor_config.json
expect_exit 0 synth dataset -o data --rooms 3 --val 1 --test 0 --frames 9 --size 96x64 --texts 1 --vsi 1 --progress off
videos=data/benchmark/vsi_bench
asked=$(grep -c '"video"' $videos/conversations_train.json)
check "conversations about videos" test "$asked" -ge 6
room=data/scannet/scans/scene0000_00
mkdir media media/walk
number=0
for picture in $(find "$room" -name '*.jpg' | sort | head -n 6); do
  cp "$picture" media/walk/frame_$number.jpg
  number=$((number + 1))
done
check "frames of a room" test $number = 6
cp media/walk/frame_[01].jpg media
cat >spar.json <<'JSON'
[{"id": "near", "images": ["frame_0.jpg"], "conversations": [{"from": "human", "value": "<image>\nWhich is nearer?"}, {"from": "gpt", "value": "red"}],
  "spar_info": "{\"type\": \"depth_prediction_oc\", \"red_point\": [[300, 400]], \"blue_point\": [[700, 500]]}"},
 {"id": "same", "images": ["frame_0.jpg", "frame_1.jpg"], "conversations": [{"from": "human", "value": "<image>\n<image>\nWhat moved?"}, {"from": "gpt", "value": "the camera"}],
  "spar_info": "{\"type\": \"distance_infer_center_oo_video\", \"point_list\": [[[300, 400], [700, 500]]], \"point_img_idx\": [[1, 0]]}"},
 {"id": "walk", "video": "walk", "conversations": [{"from": "human", "value": "<video>\nWhere?"}, {"from": "gpt", "value": "Here."}]}]
JSON
cat >mix.json <<JSON
[{"annotations": "$videos/conversations_train.json", "task": "llava-hound", "count": 4, "media": "$videos"},
 {"annotations": "spar.json", "task": "spar", "media": "media"}]
JSON
DATA=mix.json
base=(--checkpoint spatial-tiny --model wan-tiny --preset spatial --batch 2 --threads 1 --rate 1e-3)
train() { trainer run "${base[@]}" --data "$DATA" "$@"; }
last=step-00000004

# --- a whole run: three SPAR records make two steps, four conversations about videos two
expect_exit 0 train -o whole --save-every 1 --keep 9
expect_out "whole${TAB}whole/$last"
expect_text "conversations_train.json (llava-hound, first:4): 4 of" "spar.json (spar, all): 3 of 3" "trains decoder" \
  "trains generative-projector" "trains fusion" "the checkpoint's own transformer: trained" "finished after 4 steps"
check "both kinds" test "$(grep -c '"spar"' whole/metrics.jsonl) $(grep -c '"llava-hound"' whole/metrics.jsonl)" = "2 2"
check "a gate" grep -qE '"gate":0\.' whole/metrics.jsonl
for word in '"weight_decay": 0.01' '"clip": 0' '"loss_division": "released"' '"batch": 2' '"kind": "cosine"' '"wan": "' '"block": 29'; do
  check "run.json has $word" grep -qF -e "$word" whole/run.json
done
expect_exit 0 trainer verify whole

# --- what goes on after a step ends with the same weights, moments and metrics; what is kept in memory changes none
for step in 1 3; do
  rm -rf other && cp -r whole other && rm other/finished.json
  for ((later = step + 1; later <= 4; ++later)); do rm -r other/step-0000000$later; done
  expect_exit 0 train -o other --save-every 1 --keep 9 --scene-memory 0
  expect_text "goes on after step $step of 4"
  check "the same metrics" cmp -s <(numbers whole) <(numbers other)
  for file in model-0-of-1.h5 optimizer-rank-0-of-1.h5; do
    check "the same $file" cmp -s <(datasets whole/$last/$file) <(datasets other/$last/$file)
  done
done
expect_exit 0 train -o whole --save-every 1 --keep 9
expect_text "finished already"
expect_exit 3 train -o whole --steps 9
expect_text "steps"

# --- checkpoints answer as they are, and are others than the base
expect_exit 0 evaluate prepare vsi $videos/train.jsonl --videos $videos -o vsi.json --log-level warn
one=(media/walk --ask "Where?" --max-new-tokens 6 --frames 2 --model wan-tiny --format json --log-level warn)
expect_exit 0 evaluate answer "${one[@]}" --checkpoint whole
cp "$OUT" run.answer
expect_exit 0 evaluate answer "${one[@]}" --checkpoint whole/$last
check "the run is its newest step" cmp -s "$OUT" run.answer
expect_exit 0 evaluate answer "${one[@]}" --checkpoint spatial-tiny
check "the base says something else" test "$(cat "$OUT")" != "$(cat run.answer)"
expect_exit 0 evaluate answer vsi vsi.json --checkpoint whole --videos $videos --model wan-tiny --threads 1 --max-new-tokens 3 --frames 4 -o answers
check "answers" test -s answers/answers.jsonl
expect_exit 0 "$BIN/vega-eval" inspect whole
check "what its step is" grep -q "fusion           token_gated, residual" "$OUT"
expect_exit 0 "$BIN/vega-eval" verify whole/$last
expect_exit 0 trainer export whole -o exported --dtype fp32
expect_exit 0 evaluate answer "${one[@]}" --checkpoint exported
check "exported, the same" cmp -s "$OUT" run.answer
mv spatial-tiny moved
expect_exit 3 evaluate answer "${one[@]}" --checkpoint whole
expect_text "--base"
expect_exit 0 evaluate answer "${one[@]}" --checkpoint whole --base moved
check "from the base's new place" cmp -s "$OUT" run.answer
mv moved spatial-tiny

# --- a plain Qwen2.5-VL gets a branch with initial values, which its checkpoint has; alone its decoder trains
grown=(--checkpoint qwen2.5-vl-tiny --data mix.json --batch 4 --threads 1 --steps 1)
expect_exit 0 trainer run --preset spatial --model wan-tiny "${grown[@]}" -o grown
expect_text "trains generative-projector"
expect_exit 0 evaluate answer "${one[@]}" --checkpoint grown
check "config.json names the branch" grep -qF '"generative_vision_tower_feat_block_idx": 29' grown/step-00000001/config.json
expect_exit 0 trainer run --train decoder "${grown[@]}" -o alone
check "no gate" grep -qF '"gate":null' alone/metrics.jsonl
expect_exit 3 trainer run --preset spatial "${grown[@]}" -o x
expect_text "--model"

# --- data: a bad record is named and left out; missing and broken files before the first step
sed 's/depth_prediction_oc/another_type/; s/<image>\\nWhat/What/' spar.json >bad.json
sed 's/"walk"/"nowhere"/g' spar.json >lost.json
mixture() { printf '[{"annotations": "%s", "task": "spar", "media": "media"}]' "$1" >one.json; }
DATA=one.json
mixture bad.json
expect_exit 0 train -o bad --steps 1
expect_text "bad.json: [0]: spar_info.type" "a type of SPAR-7M" "bad.json: [1]: conversations" "1 of 3 questions train" "2 broken"
mixture lost.json
expect_exit 3 train -o lost
expect_text "files of 1 of 3 scenes are missing" "media/nowhere" "--skip-missing"
expect_nothing lost
expect_exit 0 train -o lost --steps 1 --skip-missing
expect_text "1 without files"
head -c 100 media/frame_1.jpg >media/torn.jpg
sed 's/frame_1/torn/' spar.json >torn.json
mixture torn.json
expect_exit 3 train -o torn
expect_text "media/torn.jpg"
DATA=mix.json
expect_exit 3 train --max-tokens 20 -o short
expect_text "all longer than 20 tokens"

# --- held-out questions about videos: answers and scores are those of vega-eval, the best step stays
judge=(--validate vsi.json --videos $videos --validate-frames 3)
expect_exit 0 train -o judged --steps 2 --save-every 1 --keep 1 "${judge[@]}" --validate-every 1
expect_text "vsi average"
check "two validations" test "$(grep -c '"vsi"' judged/validation.jsonl)" = 2
best=$(grep '"best":true' judged/validation.jsonl | tail -n 1 | sed -E 's/.*"step":([0-9]+).*/\1/')
check "the best step is marked" grep -q "\"step\": $best\b" judged/best.json
check "the best step and the last one stay" \
  test "$(ls -d judged/step-* | tr '\n' ' ')" = "$(printf 'judged/step-%08d\n' "$best" 2 | sort -u | tr '\n' ' ')"
expect_exit 0 evaluate answer vsi vsi.json --checkpoint judged/step-00000002 --videos $videos --model wan-tiny --threads 1 \
  --frames 3 -o same --log-level warn
said() { sed -E 's/"model_id": ?"[^"]*"//' "$1" | tr -d ' ' | sort; }
check "the same answers" cmp -s <(said judged/validation/step-00000002/vsi.jsonl) <(said same/answers.jsonl)
expect_exit 0 evaluate score vsi same/answers.jsonl --gt vsi.json --partial --format json
average() { sed -nE 's/.*"average":\{"value":([^,]+),.*/\1/p'; }
scored=$(tr -d ' \n' <"$OUT" | average)
check "the scorer says ${scored:-nothing}" test -n "$scored" -a "$(tail -n 1 judged/validation.jsonl | average)" = "$scored"
expect_exit 2 train -o x --validate vsi.json
expect_text "--videos" "DATASET/SCENE.mp4"
expect_exit 2 train -o x --videos $videos
expect_text "--validate FILE"
sed 's/"dataset": "vsi"/"dataset": "scanQA"/' vsi.json >scanqa.json
expect_exit 3 train -o x --validate scanqa.json --videos $videos
expect_text "questions of scanQA" "those of vsi" "vega-eval answer"
expect_exit 3 train -o x --validate spar.json --videos $videos
expect_text "no metadata.dataset" "vsi"
expect_exit 3 train -o x --validate vsi.json --videos media
expect_text "cannot be shown" ".mp4: no such file"
expect_nothing x

# --- features that were stored: the losses of the run that makes them in every step. In float32 the two may round
# otherwise, where the tower reads one frame at a time and not four: 4e-6 of what comes of it, so 1e-5 of a loss.
cp -r spatial-tiny wide   # without the bound that --size of vega-extract does not know
sed -i 's/"max_pixels": 20000/"max_pixels": 451584/' wide/preprocessor_config.json
printf '[{"annotations": "%s/conversations_train.json", "task": "llava-hound", "count": 1, "media": "%s"}]' $videos $videos >one_video.json
video=$videos/$(grep -oE '"video": ?"[^"]*"' $videos/conversations_train.json | head -n 1 | sed -E 's/.*: ?"(.*)"/\1/')
key=$(basename "$video" .mp4)
wide=(run --checkpoint wide --model wan-tiny --preset spatial --threads 1 --rate 1e-3 --data one_video.json --steps 1)
expect_exit 0 trainer "${wide[@]}" -o live
make=("$video" --store-dtype fp32 --progress off --log-level warn)
printf '0\n2\n5\n8\n' >ids
head -n 3 ids >few_ids
tower=(--backbone qwen2.5-vl --model wide --size 504x336)
expect_exit 0 extract features "${make[@]}" "${tower[@]}" --select list:ids -o f --tag tower
expect_exit 0 extract features "${make[@]}" --model wan-tiny --recipe wide --select list:ids -o f --tag wan
stored=(--semantic f/tower --features f/wan)
expect_exit 0 trainer "${wide[@]}" "${stored[@]}" -o stored
check "Wan is not read" test "$(grep -c 'generative branch' "$ERR")" = 0
loss() { sed -nE 's/.*"loss":([^,]+),.*/\1/p' $1/metrics.jsonl; }
near() { check "the losses $(loss $1) and $(loss $2)" awk -v a="$(loss $1)" -v b="$(loss $2)" 'BEGIN { d = a - b; exit !(a > 0 && d < 1e-5 * a && -d < 1e-5 * a) }'; }
near live stored
expect_exit 0 trainer "${wide[@]}" --features f/wan -o half
near live half
planned() { "$BIN/vega-train" plan "${wide[@]:1}" -o x --speed 1 --format json --log-level warn "$@" | tr -d ' \n' | sed -E 's/.*"frozen":([0-9]+).*/\1/'; }
check "a plan counts no tower and no Wan" test "$(planned "${stored[@]}")" -lt "$(planned)"
expect_exit 0 extract features "${make[@]}" "${tower[@]}" --select list:few_ids -o f --tag few
expect_exit 3 trainer "${wide[@]}" --semantic f/few -o x
expect_text "f/few/$key.h5" "no frames 8" "0, 2, 5, 8"
expect_exit 0 extract features "${make[@]}" --model wan-tiny --size 96x64 --view spatial --pool native --block 3 --select list:ids -o f --tag early
expect_exit 3 trainer "${wide[@]}" --features f/early -o x
expect_text "f/early/$key.h5" "block" "--allow-mismatch"
expect_exit 3 trainer "${wide[@]}" --features nowhere -o x
expect_text "files of 1 of 1 scene are missing" "nowhere/$key.h5" "no such file"
expect_exit 2 trainer run --train decoder "${grown[@]}" --features f/wan -o x
expect_text "--features" "without generative branch"
expect_nothing x

# --- options of the other kind of model are refused, and the other way round
expect_exit 2 train -o x --scenes data
expect_text "--scenes"
expect_nothing x

# --- a plan of the true sizes, out of config.json and a tokeniser alone
config() {   # HIDDEN LAYERS HEADS KV MLP VOCABULARY TIED
  local ids
  ids=$(grep -E '"(image|vision_start|vision_end)_token_id"' qwen2.5-vl-tiny/config.json | tr -d '\n' | sed 's/, *$//')
  printf '{"model_type": "qwen2_5_vl", "hidden_size": %s, "num_hidden_layers": %s, "num_attention_heads": %s, "num_key_value_heads": %s, "intermediate_size": %s, "vocab_size": %s, "tie_word_embeddings": %s, %s, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 128000, "hidden_act": "silu", "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "vision_config": {"depth": 32, "hidden_size": 1280, "num_heads": 16, "intermediate_size": 3420, "out_hidden_size": %s}}' \
    "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$ids" "$1"
}
mkdir 3b 7b
cp qwen2.5-vl-tiny/tokenizer.json 3b
cp qwen2.5-vl-tiny/tokenizer.json 7b
config 2048 36 16 2 11008 151936 true >3b/config.json
config 3584 28 28 4 18944 152064 false >7b/config.json
# Decoder and head; merger and fusion of the released widths. By hand from the shapes.
plan() { expect_exit 0 "$BIN/vega-train" plan --preset spatial --data mix.json --frames 8 --device cuda --speed 400 -o x --format json "$@"; }
numbers_of() { tr -d ' \n' <"$OUT" | sed -E "s/.*\"$1\":\{\"tensors\":[0-9]+,\"numbers\":([0-9]+).*/\1/"; }
plan --checkpoint 3b
check "decoder of the 3B" test "$(numbers_of decoder)" = 3085938688
check "its merger" test "$(numbers_of generative-projector)" = $((1536 + 4096 * 6144 + 4096 + 2048 * 4096 + 2048))
check "its fusion" test "$(numbers_of fusion)" = $((4 * 2048 + 2 * 2048 + 2))
plan --checkpoint 7b --ranks 8 --zero 2
check "decoder of the 7B" test "$(numbers_of decoder)" = 7615616512
expect_nothing x
finish
