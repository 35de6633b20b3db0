#!/usr/bin/env bash
# run.sh: ablations of the generative features: blocks and timesteps of the network, ways of fusion, and the control that no
# paper shows: the same network with random weights. Features are extracted once; each setting is trained, answers and is
# scored. RESULTS.md and the plots beside the published points are written anew. What is there already is kept: the same
# command goes on where it was stopped (exit code 75 after SIGTERM: everything is saved).
#
#   docs/recipes/ablation/run.sh --check                      # in seconds: what is missing of data, weights and programs
#   docs/recipes/ablation/run.sh --plan                       # disk, memory and hours of every stage, for 1 and 8 GPUs
#   docs/recipes/ablation/run.sh                              # all stages here
#   docs/recipes/ablation/run.sh --submit slurm               # a job a stage; the settings are an array
#
# Stages: 1 lists, 2 scenes, 3 semantic, 4 generative, 5 questions, 6 settings, 7 results
#
#   -o DIR            results (ablation): lists/ scenes/ features/ questions/ models/ runs/ answers/ scores/ plots RESULTS.md
#   --conf FILE       data, weights, settings, recipe, options of sbatch (ablation.conf beside this script)
#   --stage N         where to begin, a number or a name (1)
#   --until N         where to end (7)
#   --submit WHERE    local or slurm (local)
#   --shard i/n|auto  the share i (from 0) of scenes and settings; auto: by the task of a SLURM array
#   --device NAME     cpu or cuda (that of the configuration)
#   --threads N       of every program (all cores)
#   --progress HOW    auto, bar, lines or off (lines)
#   --report FILE     a line in JSON: which stages ended well
#   --results FILE    a copy of RESULTS.md, and of the plots beside it
#
# BUILD=build is the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
recipe=ablation stages="lists scenes semantic generative questions settings results" divided="scenes semantic generative settings"
# shellcheck source=docs/recipes/scans.sh
. "$here/../scans.sh"
read_options "$@"
read_conf data base tower wan prompt meteor task metric mixture count published select size blocks timesteps block timestep grid \
  fusions fusion random random_preset random_seed controls seeds preset train train_without answer device tflops skip_missing sbatch title
tasks=$task seeds=${seeds:-1}
trains_tower && refuse "$conf: preset, train: got the vision tower among what trains, expected it as it is: settings share its features"
case $grid in cross | full) ;; *) refuse "$conf: grid: got '$grid', expected cross or full" ;; esac

# A setting is called FUSION-NETWORK-TAP, as in token_gated-wan-b20_t300, or none: no generative features.
taps() {   # of the network, each once: the cross through the block and timestep of the recipe, or all pairs
  local b t
  for t in $timesteps; do
    for b in $blocks; do
      if [ "$grid" = full ] || [ "$b" = "$block" ] || [ "$t" = "$timestep" ]; then echo "b${b}_t$t"; fi
    done
  done
}
settings() {
  local name tap
  echo none
  for tap in $(taps); do echo "$fusion-wan-$tap"; done
  for tap in ${controls:-b${block}_t$timestep}; do echo "$fusion-random-$tap"; done
  for name in $fusions; do [ "$name" = "$fusion" ] || [ "$name" = none ] || echo "$name-wan-b${block}_t$timestep"; done
}
# The same network with random weights, and Wan's own VAE: what the network sees stays the same.
random_network() {
  local to=$out/models/random layout=original file
  [ -z "$random" ] || return 0
  random=$to
  [ ! -f "$to/DONE" ] || return 0
  [ ! -d "$wan/transformer" ] || layout=diffusers
  [ "$mode" = run ] || return 0
  mkdir -p "$out/models"
  measured random "$bin/vega-synth" model --preset "${random_preset:-wan-1.3b}" --layout $layout --dtype bf16 --seed "${random_seed:-1}" \
    --overwrite "${quiet[@]}" -o "$to"
  rm -rf "$to"/{Wan2.1_VAE.pth,vae,prompt.h5,prompt.pt,wan_prompt_embedding.pt}
  for file in Wan2.1_VAE.pth vae prompt.h5 prompt.pt wan_prompt_embedding.pt; do
    [ ! -e "$wan/$file" ] || ln -s "$(realpath "$wan/$file")" "$to/$file"
  done
  touch "$to/DONE"
}
eval "common_$(declare -f stage_lists)"
stage_lists() {
  common_stage_lists
  random_network
}
stage_generative() {
  local tap controls=${controls:-b${block}_t$timestep}
  if [ "$grid" = full ]; then wan wan "$wan" "$blocks" "$timesteps"
  else   # taps that are asked for later are added
    wan wan "$wan" "$blocks" "$timestep"
    wan wan "$wan" "$block" "$timesteps"
  fi
  random_network
  for tap in $controls; do
    tap=${tap#b}
    wan random "$random" "${tap%_t*}" "${tap#*_t}"
  done
}
# setting_options NAME: the options of training and of answering.
setting_options() {
  local fuse=${1%%-*} network=${1#*-} tap=${1##*-}
  files=(--scenes "$out/scenes" --semantic "$out/features/semantic")
  read -ra how <<<"$train"
  if [ "$1" = none ]; then
    files+=(--allow-mismatch)   # a model without a generative branch would see other crops: here all settings see the same
    read -ra how <<<"${train_without:-$train}"
  else
    files+=(--features "$out/features/${network%-*}" --tap "$tap")
    how+=(--fusion "$fuse")
  fi
  how+=(--checkpoint "$base" --data "$out/mixture.json" --preset "$preset" --device "$device" --threads "$threads")
  [ -z "$skip_missing" ] || how+=(--skip-missing)
}
run_setting() {   # NAME SEED: trained, asked and scored
  local files how asking
  say "$1, seed $2"
  setting_options "$1"
  read -ra asking <<<"$answer"
  measured "train-$1-$2" "$bin/vega-train" run "${how[@]}" "${files[@]}" --seed "$2" --keep 1 --progress "$progress" -o "$out/runs/$1-$2"
  attempt "answer-$1-$2" "$bin/vega-eval" answer "$task" "$(questions_of "$task")" --checkpoint "$out/runs/$1-$2" "${files[@]}" \
    "${asking[@]}" --device "$device" --threads "$threads" --progress "$progress" --log-level warn -o "$out/answers/$1-$2"
}
stage_settings() {
  local name seed place=0
  for name in $(settings); do
    for seed in $seeds; do
      if [ $((place++ % of)) = "$share" ]; then run_setting "$name" "$seed"; fi
    done
  done
}
stage_results() {
  # shellcheck source=docs/recipes/ablation/results.sh
  . "$here/results.sh"
}

programs=vega-synth   # beside those of every recipe
plan_recipe() {
  local files how count
  stage_scenes
  stage_semantic
  stage_generative
  planned scenes scenes-train scenes-val scenes-test
  planned semantic semantic
  planned generative wan random
  setting_options "$fusion-wan-b${block}_t$timestep"
  count=$(($(settings | wc -l) * $(wc -w <<<"$seeds")))
  planned_training settings "$count" 1 "${how[@]}" "${files[@]}"
}
case $mode in
  run) run_stages ;;
  *) . "$here/../$mode.sh" ;;
esac
