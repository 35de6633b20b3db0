#!/usr/bin/env bash
# run.sh: the study. Rows that see nothing, places alone, colours, semantic features, generative features, and both
# fused are trained by one recipe and asked about rooms that no row has seen; RESULTS.md is written anew. What is there
# already is kept: the same command goes on where it was stopped.
#
#   docs/recipes/study/run.sh                                          # the made-up world of study.conf
#   docs/recipes/study/run.sh --scenes scenes --semantic features/siglip --features features/wan \
#     --train scanrefer_train.json --test scanrefer_val.json --tokenizer Qwen2 -o runs/study     # one's own features
#
#   -o DIR            results (study): data/ questions/ scenes/ features/ models/ runs/ answers/ scores/ RESULTS.md
#   --conf FILE       sizes and recipe (study.conf beside this script)
#   --generative-model NAME=DIR   a diffusion model: its features are the row NAME, in place of the row generative;
#                     given several times, there are as many rows, and the row fused takes the last one
#   --scenes DIR --semantic DIR --features DIR   files of one's own scenes; then also
#   --train FILE --test FILE                     their questions, as vega-eval prepare scanrefer writes them, and perhaps
#   --qa-train FILE --qa-test FILE               questions in words, as vega-eval prepare scanqa writes them
#   --rgb DIR         of vega-extract features --backbone rgb --pool 27x27; without it no row rgb
#   --tokenizer DIR   without it every byte is a token
#   --rows "A B"      of geometry rgb semantic generative fused
#   --seeds "1 2 3"   of start values, order, augmentation
#   --steps N --visual-from N
#   --device NAME     cpu or cuda (cpu)
#   --jobs N          models that are trained at a time (2)
#   --threads N       of every program (all cores, shared by the jobs)
#   --results FILE    a copy of RESULTS.md
#   --tables-only     write RESULTS.md anew from the answers that are there
#   --files-only      end when the files of the rooms are there, before anything is trained
#
# BUILD=build is the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
# shellcheck source=docs/recipes/common.sh
. "$here/../common.sh"
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}   # threads that wait for work leave their cores to others
bin=${BUILD:-$root/build}/bin
command="docs/recipes/study/run.sh${*:+ $*}"
out=study conf=$here/study.conf scenes='' semantic='' features='' rgb='' train='' test='' qa_train='' qa_test='' tokenizer=''
device=cpu jobs=2 threads='' results='' files_only='' tables_only='' models=()
declare -A asked
while [ $# -gt 0 ]; do
  case $1 in
    --files-only) files_only=1; shift ;;
    --tables-only) tables_only=1; shift ;;
    -h | --help) usage; exit 0 ;;
    -o | --conf | --generative-model | --scenes | --semantic | --features | --rgb | --train | --test | --qa-train | --qa-test | \
      --tokenizer | --rows | --seeds | --steps | --visual-from | --device | --jobs | --threads | --results)
      [ $# -ge 2 ] || { echo "run.sh: $1: got nothing behind it" >&2; exit 2; }
      name=${1#--} name=${name//-/_}
      case $1 in
        -o) out=$2 ;;
        --generative-model) models+=("$2") ;;
        --rows | --seeds | --steps | --visual-from) asked[$name]=$2 ;;
        *) printf -v "$name" %s "$2" ;;
      esac
      shift 2 ;;
    *) echo "run.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
[ -x "$bin/vega-train" ] || { echo "run.sh: no $bin/vega-train; run make, or set BUILD" >&2; exit 2; }
[[ $jobs =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: --jobs: got '$jobs', expected a number from 1 on" >&2; exit 2; }
world_seed='' train_rooms='' test_rooms='' stacked='' frames='' size='' wan_size='' wan_block='' wan_timestep='' about='' texts=''
title='' rows='' seeds='' compare='' steps='' rate='' rooms_a_step='' questions_a_room='' visual_from='' keep_frames='' shift=''
qa_steps='' qa_seeds='' qa_rooms_a_step='' qa_questions_a_room='' qa_visual_from=''
# shellcheck source=docs/recipes/study/study.conf
. "$conf"
for name in "${!asked[@]}"; do printf -v "$name" %s "${asked[$name]}"; done
made_up=1
if [ -n "$scenes$semantic$features$train$test$qa_train$qa_test" ]; then
  made_up=''
  for name in scenes semantic features train test; do
    [ -n "${!name}" ] || { echo "run.sh: --$name: got nothing, expected it beside the other files of one's own" >&2; exit 2; }
  done
  [ ${#models[@]} = 0 ] || { echo "run.sh: --generative-model: got it beside --features, expected one of them" >&2; exit 2; }
  [ -n "$rgb" ] || rows=" $rows " rows=${rows/ rgb / }
  [ -n "$qa_train" ] && [ -n "$qa_test" ] || qa_steps=''
  [ -z "$qa_train$qa_test" ] || [ -n "$qa_steps" ] ||
    { echo "run.sh: --qa-train and --qa-test: got one of them, or no qa_steps in $conf, expected both" >&2; exit 2; }
fi
generative=()   # names of the rows of generative features alone
for model in "${models[@]}"; do
  [[ $model =~ ^[a-z][a-z0-9_]*=. ]] || { echo "run.sh: --generative-model: got '$model', expected NAME=DIR" >&2; exit 2; }
  generative+=("${model%%=*}")
done
if [ ${#generative[@]} = 0 ]; then
  generative=(generative)
else
  rows=" $rows " rows=${rows/ generative / ${generative[*]} }
fi
read -ra words <<<"$rows"
rows=${words[*]}   # one blank between two
: "${threads:=$((($(nproc) + jobs - 1) / jobs))}"
mkdir -p "$out/log" "$out/models" "$out/runs" "$out/answers" "$out/scores" "$out/questions"
[ -n "$tables_only" ] || printf '%s\t%s\n' "$(date +%s)" "$command" >>"$out/log/calls.tsv"   # when each call began

if [ -n "$tables_only" ]; then measured() { :; }; fi
all=(--threads "$((threads * jobs))" "${quiet[@]}")   # of what runs alone

# ---------------------------------------------------------------------------------------------- world, questions, files
declare -A generative_files   # features of each row of generative features alone
if [ -n "$made_up" ]; then
  data=$out/data
  say "A world: $train_rooms rooms to train with, $test_rooms unseen ones, and what is said about them"
  measured world "$bin/vega-synth" dataset -o "$data" --seed "$world_seed" --rooms $((train_rooms + test_rooms)) \
    --val "$test_rooms" --test 0 --frames "$frames" --size "$size" --masks exact ${stacked:+--stacked} --scanrefer "$about" --texts "$texts" "${all[@]}"
  tokenizer=$data/tokenizer
  train=$out/questions/train.json test=$out/questions/test.json qa_train=$out/questions/qa_train.json qa_test=$out/questions/qa_test.json
  prepare() {   # TASK SPLIT FILE
    [ -f "$3" ] || "$bin/vega-eval" prepare "$1" "$data" --split "$2" --prompts "$here/prompts.json" -o "$3" "${quiet[@]}" >&2
  }
  prepare scanrefer train "$train" && prepare scanrefer val "$test"
  [ -z "$qa_steps" ] || { prepare scanqa train "$qa_train" && prepare scanqa val "$qa_test"; }

  say "Files of the rooms: depth, poses and all annotated objects; colours, semantic and generative features"
  model_of() {   # PRESET
    [ -f "$out/models/$1/config.json" ] || "$bin/vega-synth" model --preset "$1" -o "$out/models/$1" "${quiet[@]}" >&2
  }
  model_of siglip-tiny
  if [ ${#models[@]} = 0 ]; then
    model_of wan-tiny
    models=("generative=$out/models/wan-tiny")
  fi
  cat "$data/scannetv2_train.txt" "$data/scannetv2_val.txt" >"$out/rooms.txt"
  frames_of=(--root "$data" --list "$out/rooms.txt" --select "uniform:$frames" --compat fixed "${all[@]}")
  scenes=$out/scenes rgb=$out/features/rgb semantic=$out/features/semantic
  measured scenes "$bin/vega-extract" scene "${frames_of[@]}" --proposals gt -o "$scenes"
  measured rgb "$bin/vega-extract" features "${frames_of[@]}" --backbone rgb --pool 27x27 --tag rgb -o "$out/features"
  measured semantic "$bin/vega-extract" features "${frames_of[@]}" --backbone siglip --model "$out/models/siglip-tiny" \
    --tag semantic --device "$device" -o "$out/features"
  for model in "${models[@]}"; do
    name=${model%%=*} generative_files[$name]=$out/features/$name
    measured "$name" "$bin/vega-extract" features "${frames_of[@]}" --backbone wan --model "${model#*=}" ${wan_size:+--size "$wan_size"} \
      ${wan_block:+--blocks "$wan_block"} ${wan_timestep:+--timesteps "$wan_timestep"} --tag "$name" --device "$device" -o "$out/features"
  done
else
  generative_files[generative]=$features
fi
[ -z "$files_only" ] || exit 0

width_of() {   # DIR: channels of its features
  local file
  file=$(find "$1/" -maxdepth 1 -name '*.h5' | sort | sed -n 1p)
  [ -n "$file" ] || { echo "run.sh: $1: got no KEY.h5, expected features" >&2; exit 3; }
  "$bin/vega-extract" inspect "$file" "${quiet[@]}" | awk '$1 ~ /^\/taps\/.*\/tokens$/ { sub(/\].*/, ""); print $NF; exit }'
}

# ---------------------------------------------------------------------------------------------- rows
mixture() { printf '[{"annotations": "%s", "task": "%s", "count": "all"}]\n' "$(realpath "$2")" "$1"; }
mixture scanrefer "$train" >"$out/questions.json"
[ -z "$qa_steps" ] || mixture scanqa "$qa_train" >"$out/qa_questions.json"
run=(--device "$device" --threads "$threads" "${quiet[@]}")   # of what runs beside others
# row_files ROW: options of the row's model, the parts of it that train, the files that it reads.
row_files() {
  local seen=$semantic tokens=''
  model=(--fusion none) parts=projector,newline,ground-head,decoder
  case $1 in
    geometry) seen=${rgb:-$semantic} model+=(--zero-visual) ;;
    rgb) seen=$rgb ;;
    semantic) ;;
    fused) tokens=${generative_files[${generative[-1]}]} model=(--fusion token_gated) parts=fusion,generative-projector,$parts ;;
    *)
      tokens=${generative_files[$1]-}   # semantic files of these rows are not read
      [ -n "$tokens" ] || { echo "run.sh: rows: got '$1', expected geometry rgb semantic ${generative[*]} fused" >&2; exit 2; }
      model=(--fusion only) parts=${parts/projector/generative-projector} ;;
  esac
  files=(--scenes "$scenes" --semantic "$seen") model+=(--semantic-width "$(width_of "$seen")")
  [ -z "$tokens" ] || { files+=(--features "$tokens") && model+=(--generative-width "$(width_of "$tokens")"); }
}
# run_row ROW SEED: trains the row's model and lets it answer.
run_row() {
  local row=$1 seed=$2 start=$out/models/$1-$2 trained=$out/runs/$1-$2
  say "$row, seed $seed"
  row_files "$row"
  [ -f "$start/config.json" ] || "$bin/vega-synth" model --preset vlm-study "${model[@]}" --seed "$seed" \
    ${tokenizer:+--tokenizer "$tokenizer"} -o "$start" "${quiet[@]}" >&2
  # All parts of a model train from scratch with one rate; each step turns and shifts a room and takes some of its frames.
  # The last stage goes on with questions in words alone.
  local recipe=("${files[@]}" --rate "$rate" --sampler scene --augment-turn --augment-shift "$shift"
    --augment-frames "$keep_frames" --seed "$seed" --masking answer --compat reference --spatial-instruction off
    --recompute off --keep 1 "${run[@]}")
  local asking=("${files[@]}" --compat reference "${run[@]}")
  measured "train-$row-$seed" "$bin/vega-train" run --checkpoint "$start" --data "$out/questions.json" "${recipe[@]}" \
    --train "$parts" --steps "$steps" --save-every "$steps" --step-scenes "$rooms_a_step" --scene-questions "$questions_a_room" \
    --visual-from "$visual_from" -o "$trained"
  measured "answer-test-$row-$seed" "$bin/vega-eval" answer scanrefer "$test" --checkpoint "$trained" --objects gt "${asking[@]}" \
    -o "$out/answers/$row-$seed/test"
  # A third of the training rooms, for comparison.
  measured "answer-train-$row-$seed" "$bin/vega-eval" answer scanrefer "$train" --checkpoint "$trained" --objects gt --shard 0/3 \
    "${asking[@]}" -o "$out/answers/$row-$seed/train"
  [[ -n $qa_steps && " ${qa_seeds:-$seeds} " = *" $seed "* ]] || return 0
  measured "qa-$row-$seed" "$bin/vega-train" run --checkpoint "$trained" --data "$out/qa_questions.json" "${recipe[@]}" \
    --train "${parts/ground-head,/}" --steps "$qa_steps" --save-every "$qa_steps" --step-scenes "$qa_rooms_a_step" \
    --scene-questions "$qa_questions_a_room" --visual-from "$qa_visual_from" -o "$out/runs/$row-$seed-words"
  measured "answer-qa-$row-$seed" "$bin/vega-eval" answer scanqa "$qa_test" --checkpoint "$out/runs/$row-$seed-words" "${asking[@]}" \
    -o "$out/answers/$row-$seed/qa"
}
for row in $rows; do (row_files "$row"); done   # every row is known, before the first one trains
side_by_side
for row in $rows; do
  for seed in $seeds; do
    [ -n "$tables_only" ] || beside run_row "$row" "$seed"
  done
done
all_ended

# shellcheck source=docs/recipes/study/results.sh
. "$here/results.sh"
