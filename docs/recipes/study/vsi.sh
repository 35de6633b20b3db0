#!/usr/bin/env bash
# vsi.sh: the study of VSI-Bench's questions: a made-up world with videos, one small Qwen2.5-VL a row and seed, trained from
# scratch by preset spatial, answers about unseen rooms, scores; VSI.md. Interrupted, the same command goes on.
#
#   docs/recipes/study/vsi.sh                        # the made-up world of vsi.conf, in study/vsi
#
#   -o DIR            results (study/vsi): data/ blind/ models/ runs/ answers/ scores/ VSI.md
#   --conf FILE       sizes and recipe (vsi.conf beside this script)
#   --generative-model DIR   the diffusion model of the row fused (data/world)
#   --rows "A B"      of blind semantic fused
#   --seeds "1 2"     of start values and order
#   --device NAME     cpu or cuda (cpu)
#   --jobs N          models that are trained at a time (2)
#   --threads N       of every program (all cores, shared by the jobs)
#   --results FILE    a copy of VSI.md
#   --tables-only     write VSI.md anew from the answers that are there
#
# BUILD=build is the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
# shellcheck source=docs/recipes/common.sh
. "$here/../common.sh"
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}   # threads that wait for work leave their cores to others
bin=${BUILD:-$root/build}/bin
command="docs/recipes/study/vsi.sh${*:+ $*}"
out=study/vsi conf=$here/vsi.conf generative_model=$root/data/world device=cpu jobs=2 threads='' results='' tables_only=''
declare -A asked
while [ $# -gt 0 ]; do
  case $1 in
    --tables-only) tables_only=1; shift ;;
    -h | --help) usage; exit 0 ;;
    -o | --conf | --generative-model | --rows | --seeds | --device | --jobs | --threads | --results)
      [ $# -ge 2 ] || { echo "vsi.sh: $1: got nothing behind it" >&2; exit 2; }
      name=${1#--} name=${name//-/_}
      case $1 in
        -o) out=$2 ;;
        --rows | --seeds) asked[$name]=$2 ;;
        *) printf -v "$name" %s "$2" ;;
      esac
      shift 2 ;;
    *) echo "vsi.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
[ -x "$bin/vega-train" ] || { echo "vsi.sh: no $bin/vega-train; run make, or set BUILD" >&2; exit 2; }
[[ $jobs =~ ^[1-9][0-9]*$ ]] || { echo "vsi.sh: --jobs: got '$jobs', expected a number from 1 on" >&2; exit 2; }
world_seed='' train_rooms='' test_rooms='' frames='' size='' questions='' vocabulary='' shown='' pixels='' wan_size='' wan_block=''
rows='' seeds='' rate='' word_steps='' steps=''
# shellcheck source=docs/recipes/study/vsi.conf
. "$conf"
for name in "${!asked[@]}"; do printf -v "$name" %s "${asked[$name]}"; done
for row in $rows; do
  case $row in blind | semantic | fused) ;; *) echo "vsi.sh: rows: got '$row', expected blind, semantic or fused" >&2; exit 2 ;; esac
done
: "${threads:=$((($(nproc) + jobs - 1) / jobs))}"
mkdir -p "$out/log" "$out/models" "$out/runs" "$out/answers" "$out/scores"
[ -z "$tables_only" ] || measured() { :; }
run=(--device "$device" --threads "$threads" "${quiet[@]}")

# ---------------------------------------------------------------------------------------------- world and questions
data=$out/data bench=$out/data/benchmark/vsi_bench
say "A world: $train_rooms rooms to train with, $test_rooms unseen ones, videos of them, and questions as VSI-Bench asks them"
measured world "$bin/vega-synth" dataset -o "$data" --seed "$world_seed" --rooms $((train_rooms + test_rooms + 1)) --val "$test_rooms" \
  --test 1 --frames "$frames" --size "$size" --texts 1 --vsi "$questions" --vocabulary "$vocabulary" --masks exact \
  --threads "$((threads * jobs))" "${quiet[@]}"
[ -f "$out/test.json" ] || "$bin/vega-eval" prepare vsi "$data" --split val -o "$out/test.json" "${quiet[@]}" >&2
# Blind: the video of the one room of the split test, which no question is about, in place of every other one.
mkdir -p "$out/blind/scannet"
stranger=$(realpath "$bench/scannet/$(sed -n 1p "$data/scannetv2_test.txt").mp4")
for video in "$bench"/scannet/*.mp4; do ln -sfn "$stranger" "$out/blind/scannet/${video##*/}"; done
media() { case $1 in blind) realpath "$out/blind" ;; *) realpath "$bench" ;; esac; }
for row in $rows words; do
  printf '[{"annotations": "%s", "task": "llava-hound", "media": "%s"}]\n' \
    "$(realpath "$bench")/conversations_train.json" "$(media "$row")" >"$out/$row.json"
done

# ---------------------------------------------------------------------------------------------- rows
# Every part trains from scratch but for the tower, whose values stay those that it begins with, and the diffusion model. A step
# has all questions of a room.
recipe=(--preset spatial --rate "$rate" --weight-decay 0 --clip 1 --loss-division token --masking answer --sampler scene
  --step-scenes 1 --scene-questions 1000 --recompute off --keep 1 "${run[@]}")
# run_words SEED: start values, and the stage without pictures that all rows of the seed go on from.
run_words() {
  local start=$out/models/start-$1
  if [ ! -f "$start/config.json" ]; then
    "$bin/vega-synth" model --preset qwen2.5-vl-tiny --seed "$1" --tokenizer "$data/tokenizer" -o "$start.new" "${quiet[@]}" >&2
    # What a generative branch is to see, and how large a frame is shown.
    sed -i "0,/\"model_type\"/s//\"generative_vision_tower_size\": \"$wan_size\",\n  \"generative_vision_tower_feat_block_idx\": $wan_block,\n  &/" \
      "$start.new/config.json"
    sed -i "s/\"max_pixels\": [0-9]*/\"max_pixels\": $pixels/" "$start.new/preprocessor_config.json"
    mv "$start.new" "$start"
  fi
  measured "train-words-$1" "$bin/vega-train" run --checkpoint "$start" --data "$out/words.json" --train decoder --seed "$1" \
    --visual-from "$word_steps" --steps "$word_steps" --save-every "$word_steps" -o "$out/runs/words-$1" "${recipe[@]}"
}
# run_row ROW SEED: goes on with pictures, and answers.
run_row() {
  local row=$1 seed=$2 branch=() parts=decoder
  say "$row, seed $seed"
  [ "$row" != fused ] || { branch=(--model "$generative_model") && parts=fusion,generative-projector,decoder; }
  measured "train-$row-$seed" "$bin/vega-train" run --checkpoint "$out/runs/words-$seed" "${branch[@]}" --data "$out/$row.json" \
    --train "$parts" --seed "$seed" --steps "$steps" --save-every "$steps" -o "$out/runs/$row-$seed" "${recipe[@]}"
  measured "answer-$row-$seed" "$bin/vega-eval" answer vsi "$out/test.json" --checkpoint "$out/runs/$row-$seed" "${branch[@]}" \
    --videos "$(media "$row")" --frames "$shown" --repetition-penalty 1 --max-new-tokens 8 -o "$out/answers/$row-$seed" "${run[@]}"
}
side_by_side
for stage in run_words run_row; do
  for seed in $seeds; do
    if [ $stage = run_words ]; then [ -n "$tables_only" ] || beside run_words "$seed"; continue; fi
    for row in $rows; do [ -n "$tables_only" ] || beside run_row "$row" "$seed"; done
  done
  all_ended
done

# ---------------------------------------------------------------------------------------------- scores
say "Scores: rooms drawn as a whole"
scores=$out/scores
score() { "$bin/vega-eval" score vsi "$@" --gt "$out/test.json" "${quiet[@]}"; }
answers_of() { for seed in $seeds; do echo "$out/answers/$1-$seed"; done; }
# The answer that the training rooms give most often to questions of the type; of equal ones the first.
# lines FILE: "TYPE<tab>ANSWER<tab>ID" of a file in VSI-Bench's form.
lines() { sed -nE 's/^\{"id":([0-9]+),.*"question_type":"([^"]*)".*"ground_truth":"([^"]*)".*/\2\t\3\t\1/p' "$1"; }
{
  lines "$bench/train.jsonl" | cut -f 1,2 | LC_ALL=C sort
  lines "$bench/val.jsonl"
} | awk -F'\t' '
  NF == 2 { n = ++count[$1 "\t" $2]; if (n > most[$1]) { most[$1] = n; answer[$1] = $2 } next }
  { print "{\"id\":" $3 ",\"prediction\":\"" answer[$1] "\"}" }' >"$scores/frequent.jsonl"
score "$scores/frequent.jsonl" -o "$scores/frequent.json" --format csv >"$scores/frequent.csv"
for row in $rows; do
  mapfile -t mine < <(answers_of "$row")
  score "${mine[@]}" -o "$scores/$row.json" --format csv >"$scores/$row.csv"
done

# ---------------------------------------------------------------------------------------------- VSI.md
columns=("object count" "absolute distance" "object size" "room size" "relative distance" "relative direction" "route planning" "appearance order")
# cells FILE.csv: average, its interval, then a cell a task.
cells() {
  awk -F, -v names="$(IFS=,; echo "${columns[*]}")" '
    $7 == "" && !($1 in value) { value[$1] = sprintf("%.1f", $2); low[$1] = $3; high[$1] = $4 }
    END {
      printf "%s | %.1f to %.1f |", value["average"], low["average"], high["average"]
      count = split(names, name, ",")
      for (i = 1; i <= count; i++) printf " %s |", value[name[i]]
    }' "$1"
}
# baseline NAME FILE.json: the same of what the scorer states beside a score.
baseline() {
  awk -v wanted="\"$1\":" -v names="average,$(IFS=,; echo "${columns[*]}")" '
    $1 == "\"baselines\":" { inside = 1 } inside && $1 == wanted { here = 1; next } here && /\}/ { exit }
    here { line = $0; sub(/^ *"/, "", line); key = line; sub(/".*/, "", key); sub(/^[^:]*: */, "", line); value[key] = line + 0 }
    END {
      count = split(names, name, ",")
      for (i = 1; i <= count; i++) printf " %s |%s", (name[i] in value) ? sprintf("%.1f", value[name[i]]) : "", i == 1 ? "  |" : ""
    }' "$2"
}
# against ROW OTHER FILE...: the difference of the averages.
against() {
  local row=$1 other=$2 mine
  shift 2
  mapfile -t mine < <(answers_of "$row")
  echo "| $row minus $other | $(score "${mine[@]}" "${@/#/--against=}" --format csv | sed 's/"\[\([^,]*\), \([^]]*\)\]"/\1 to \2/' |
    awk -F, '$1 == "average" { print $4 " | " $5 " | " $6 " | " $8 " / " $9; exit }') |"
}
# shellcheck source=docs/recipes/results_head.sh
. "$here/../results_head.sh"
{
  results_head "Results of the study of VSI-Bench's questions"
  cost_rows '^world$' world '^train-words' "stage without pictures" '^train-(blind|semantic|fused)' rows '^answer-' answers
  echo
  echo "World of seed $world_seed: $train_rooms rooms to train with, $test_rooms unseen ones, made up by \`vega-synth dataset --vsi $questions\`."
  echo "$(lines "$bench/train.jsonl" | grep -c .) questions to train with, $(lines "$bench/val.jsonl" | grep -c .) held-out ones. $word_steps steps without pictures, once for all rows, then $steps with"
  echo "$shown frames each; a step has all questions of a room, the rate is $rate. All numbers are percent, as"
  echo "\`vega-eval score vsi\` counts them."
  echo
  echo "| row | average | 95 % over rooms | ${columns[*]/%/ |}"
  echo "|---|---|---|---|---|---|---|---|---|---|---|"
  echo "| random |$(baseline random "$scores/frequent.json")"
  echo "| frequency (of the held-out answers) |$(baseline frequency "$scores/frequent.json")"
  echo "| frequent in training | $(cells "$scores/frequent.csv")"
  for row in $rows; do echo "| $row | $(cells "$scores/$row.csv")"; done
  echo
  echo "Question by question (whole rooms are drawn, and exchanged for p), of the average:"
  echo
  echo "| | difference | 95 % | p | won / lost |"
  echo "|---|---|---|---|---|"
  for row in $rows; do
    frequent=()
    for seed in $seeds; do frequent+=("$scores/frequent.jsonl"); done
    against "$row" "frequent in training" "${frequent[@]}"
  done
  before=''
  for row in $rows; do
    for other in $before; do
      mapfile -t theirs < <(answers_of "$other")
      against "$row" "$other" "${theirs[@]}"
    done
    before+=" $row"
  done
} >"$out/VSI.md.new"
mv "$out/VSI.md.new" "$out/VSI.md"
[ -z "$results" ] || cp "$out/VSI.md" "$results"
cat "$out/VSI.md"
