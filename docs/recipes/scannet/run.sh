#!/usr/bin/env bash
# run.sh: from scans and annotations to a row of Table 1: files of the scenes, features, questions, training, answers, scores
# with intervals. RESULTS.md is written anew. What is there already is kept: the same command goes on where it was stopped
# (exit code 75 after SIGTERM: everything is saved).
#
#   docs/recipes/scannet/run.sh --check                       # in seconds: what is missing of data, weights and programs
#   docs/recipes/scannet/run.sh --plan                        # disk, memory and hours of every stage, for 1 and 8 GPUs
#   docs/recipes/scannet/run.sh                               # all stages here
#   docs/recipes/scannet/run.sh --submit slurm                # a job a stage
#   docs/recipes/scannet/run.sh --stage 7 --submit slurm      # from the answers on
#
# Stages: 1 lists, 2 scenes, 3 semantic, 4 generative, 5 questions, 6 train, 7 seen, 8 answer, 9 score
#
#   -o DIR            results (scannet): lists/ scenes/ features/ questions/ run/ answers/ scores/ RESULTS.md
#   --conf FILE       data, weights, recipe, options of sbatch (scannet.conf beside this script)
#   --stage N         where to begin, a number or a name (1)
#   --until N         where to end (9)
#   --submit WHERE    local or slurm (local)
#   --shard i/n|auto  the share i (from 0) of scenes, features and answers; auto: by the task of a SLURM array
#   --device NAME     cpu or cuda (that of the configuration)
#   --threads N       of every program (all cores)
#   --progress HOW    auto, bar, lines or off (lines)
#   --report FILE     a line in JSON: which stages ended well
#   --results FILE    a copy of RESULTS.md
#
# BUILD=build is the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
recipe=scannet stages="lists scenes semantic generative questions train seen answer score" divided="scenes semantic generative seen answer"
# shellcheck source=docs/recipes/scans.sh
. "$here/../scans.sh"
read_options "$@"
read_conf data base tower wan prompt meteor tasks mixture count row published select size block timestep preset fusion train ranks ranks_per_node zero \
  launch answer device tflops skip_missing sbatch train_sbatch title
for name in ranks ranks_per_node; do
  [[ ${!name:-1} =~ ^[1-9][0-9]*$ ]] || refuse "$conf: $name: got '${!name}', expected a whole number from 1 on"
done
ranks=${ranks:-1} ranks_per_node=${ranks_per_node:-$ranks}
[ "$ranks_per_node" -le "$ranks" ] || ranks_per_node=$ranks
[ $((ranks % ranks_per_node)) = 0 ] || refuse "$conf: ranks: got $ranks, expected a multiple of ranks_per_node=$ranks_per_node"
train_sbatch="--nodes=$((ranks / ranks_per_node)) --ntasks=$ranks --ntasks-per-node=$ranks_per_node $train_sbatch"

stage_semantic() {
  if trains_tower; then echo "training reads pictures: nothing to do before it" >&2; else siglip semantic "${tower:-$base}" all; fi
}
train_options() {
  read -ra options <<<"$train"
  options=(--checkpoint "$base" --data "$out/mixture.json" --scenes "$out/scenes" --features "$out/features/generative"
    --preset "$preset" --fusion "$fusion" "${options[@]}" --device "$device" --threads "$threads")
  trains_tower || options+=(--semantic "$out/features/semantic")
  [ -z "$zero" ] || options+=(--zero "$zero")
  [ -z "$skip_missing" ] || options+=(--skip-missing)
}
stage_train() {
  local start options
  train_options
  read -ra start <<<"$launch"
  if [ "${SLURM_NTASKS:-1}" != 1 ]; then   # srun passes USR1 on to all ranks; TERM is its own end
    pass_on=USR1
    start=(srun --kill-on-bad-exit=0 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}")   # a task that fails ends the others itself
  fi
  measured train "${start[@]}" "$bin/vega-train" run "${options[@]}" --progress "$progress" -o "$out/run"
  if trains_tower && [ ! -f "$out/model/config.json" ]; then   # vega-extract reads towers in released layouts alone
    measured export "$bin/vega-train" export "$out/run" -o "$out/model" "${quiet[@]}"
  fi
}
# stage_seen: what the vision tower sees of the scenes that are asked about, where training has changed it.
stage_seen() {
  trains_tower || { echo "the vision tower is as before: nothing to do" >&2; return; }
  siglip seen "$out/model" evaluated
}
answer_options() {
  local model=$out/run
  ! trains_tower || model=$out/model   # whose tower the features are of: weights are rounded when they are exported
  read -ra options <<<"$answer"
  options=(--checkpoint "$model" --scenes "$out/scenes" --features "$out/features/generative" "${options[@]}" --device "$device"
    --threads "$threads" --progress "$progress" --log-level warn)
  if trains_tower; then options+=(--semantic "$out/features/seen"); else options+=(--semantic "$out/features/semantic"); fi
  [ "$of" = 1 ] || options+=(--shard "$share/$of")
}
stage_answer() {
  local task options
  answer_options
  for task in $tasks; do
    attempt "$(part "answer-$task")" "$bin/vega-eval" answer "$task" "$(questions_of "$task")" "${options[@]}" -o "$out/answers/$task"
  done
}
stage_score() {
  local task rows=()
  for task in $tasks; do
    score "$task" "$out/answers/$task" "$out/scores/$task"
    rows+=("${row:-ours}=$out/scores/$task.json")
  done
  # shellcheck source=docs/recipes/scannet/results.sh
  . "$here/results.sh"
}
programs=''   # beside those of every recipe
plan_recipe() {
  local options
  stage_scenes
  stage_semantic
  stage_generative
  planned scenes scenes-train scenes-val scenes-test
  planned semantic semantic
  planned generative generative
  train_options
  planned_training train 1 "$ranks" "${options[@]}"
  answer_options
  planned_answers answer $tasks
}
case $mode in
  run) run_stages ;;
  *) . "$here/../$mode.sh" ;;
esac
