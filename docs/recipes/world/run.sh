#!/usr/bin/env bash
# run.sh: the experiment with the world model. A small video generator is trained on made-up rooms, and its features of
# unseen rooms are scored beside colours and beside the same network with random weights: over training steps, blocks and
# noise levels, and with clips against single frames. RESULTS.md is written anew. What is there already is kept: the same
# command goes on where it was stopped (exit code 75 after SIGTERM: everything is saved).
#
#   docs/recipes/world/run.sh                                # all of world.conf: four hours of two cores
#   docs/recipes/world/run.sh --runs "mixed-1" --grow "0 750"  # one training run, scored
#
#   -o DIR            results (world): rooms/ scenes/ runs/ models/ features/ scores/ figures.csv RESULTS.md
#   --conf FILE       sizes and recipe (world.conf beside this script)
#   --runs "A-1 B-2"  which runs, arm and seed; the first is the one that chooses block and noise level
#   --steps N         of every arm
#   --grow "N M"      steps whose models are scored, of the runs `mixed`
#   --until STAGE     rooms, train, choose, score or all (all): where to end
#   --model DIR       score this model beside the same network with random weights, in place of training; then also
#   --tap bB_tT       its block and timestep
#   --shard i/n|auto  train only the runs whose number modulo n is i (from 0), and end; auto: by the task of a SLURM array
#   --device NAME     cpu or cuda (cpu)
#   --threads N       of every program (all cores)
#   --progress HOW    of training: auto, bar, lines or off (lines)
#   --report FILE     a line in JSON: what a shard trained
#   --results FILE    a copy of RESULTS.md
#
# BUILD=build is the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
# shellcheck source=docs/recipes/common.sh
. "$here/../common.sh"
export LC_ALL=C OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}   # threads that wait for work leave their cores to others
bin=${BUILD:-$root/build}/bin
command="docs/recipes/world/run.sh${*:+ $*}"
out=world conf=$here/world.conf steps='' until=all model='' tap='' shard='' device=cpu threads=0 progress=lines report='' results=''
declare -A asked
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    -o | --conf | --runs | --steps | --grow | --until | --model | --tap | --shard | --device | --threads | --progress | --report | --results)
      [ $# -ge 2 ] || { echo "run.sh: $1: got nothing behind it" >&2; exit 2; }
      case $1 in
        -o) out=$2 ;;
        --runs | --grow) asked[${1#--}]=$2 ;;
        *) printf -v "${1#--}" %s "$2" ;;
      esac
      shift 2 ;;
    *) echo "run.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
case $until in rooms | train | choose | score | all) ;; *)
  echo "run.sh: --until: got '$until', expected rooms, train, choose, score or all" >&2; exit 2 ;;
esac
[ -x "$bin/vega-train" ] || { echo "run.sh: no $bin/vega-train; run make, or set BUILD" >&2; exit 2; }
train_rooms='' choose_rooms='' score_rooms='' fit='' size='' frames='' every='' quality='' width='' layers='' heads='' ffn='' vae_width='' mirror='' input='' patch=2 noise_mean=0.3 rate=0.002
runs='' grow='' blocks='' timesteps=''
# shellcheck source=docs/recipes/world/world.conf
. "$conf"
input=${input:-$size}
for name in "${!asked[@]}"; do printf -v "$name" %s "${asked[$name]}"; done
if [ -n "$model" ]; then
  [[ $tap =~ ^b[0-9]+_t[0-9]+$ ]] || { echo "run.sh: --tap: got '$tap', expected bB_tT beside --model, for example b3_t200" >&2; exit 2; }
  runs=given-1 given_steps=1 given_single=0 given_save=1
fi
mkdir -p "$out"/{log,lists,rooms,scenes,runs,models,features,scores}

workers=$threads
[ "$workers" != 0 ] || workers=$(nproc)

# ---------------------------------------------------------------------------------------------- rooms
# render KIND FIRST LAST OPTION...: rooms/KIND/roomSEED for every seed. A room is there whole or not at all.
render() {
  local kind=$1 first=$2 last=$3 seed
  shift 3
  for ((seed = first; seed <= last; seed++)); do
    [ -d "$out/rooms/$kind/room$seed" ] || printf '%s\n' "$seed"
  done | xargs -r -P "$workers" -I '{}' sh -c 'study=
    [ $(({} % 2)) = 1 ] || study=--study
    program=$1 to=$2
    shift 2
    exec "$program" scene $study --seed {} "$@" -o "$to/room{}"' sh "$bin/vega-synth" "$out/rooms/$kind" \
    --size "$size" --frames "$frames" --every "$every" --quality "$quality" --threads 1 "${quiet[@]}" "$@"
}
# shellcheck disable=SC2086   # first and last seed
rooms() {
  local kinds=(choose score) kind
  [ -z "$model" ] || kinds=(score)
  say "Rooms to train on and to score"
  [ -n "$model" ] || measured rooms-train render train $train_rooms --plain
  for kind in "${kinds[@]}"; do
    local range=${kind}_rooms
    measured "rooms-$kind" render "$kind" ${!range} --masks exact
    measured "scenes-$kind" "$bin/vega-extract" scene "$out/rooms/$kind"/room* --proposals gt --compat fixed \
      --threads "$threads" "${quiet[@]}" -o "$out/scenes/$kind"
    find "$out/scenes/$kind/" -name '*.h5' -printf '%f\n' | sed 's/\.h5$//' | sort >"$out/lists/$kind.txt"
    sed "1,${fit}d" "$out/lists/$kind.txt" >"$out/lists/$kind-unseen.txt"   # the first ones fit the probe
  done
}
rooms
[ "$until" != rooms ] || exit 0

# ---------------------------------------------------------------------------------------------- training
arm_of() { printf '%s' "${1%-*}"; }
# setting RUN NAME: what world.conf says of the run's arm.
setting() {
  local name
  name=$(arm_of "$1")_$2
  [ -n "${!name:-}" ] || { echo "run.sh: $conf: got no $name, expected it for the run $1" >&2; exit 2; }
  printf '%s' "${!name}"
}
steps_of() { [ -n "$steps" ] && printf '%s' "$steps" || setting "$1" steps; }
train() {
  local n walks=("$out"/rooms/train/room*) vae=(--vae-width "$vae_width")
  n=$(steps_of "$1")
  if [ "$1" = given-1 ]; then   # for its start alone: the same network with random weights, and the VAE of the model
    say "The same network with random weights"
    walks=("$(find "$out/rooms/score/" -mindepth 1 -maxdepth 1 -name 'room*' | sort | head -n 1)") vae=(--vae "$model")
  else
    say "Run $1: $n steps"
  fi
  [ -f "$out/runs/$1/finished.json" ] ||
    measured "train-$1" "$bin/vega-train" world "${walks[@]}" "${vae[@]}" --size "$input" --patch "$patch" --closed --mirror "$mirror" --width "$width" --blocks "$layers" \
      --heads "$heads" --ffn "$ffn" --steps "$n" --rate "$rate" --noise-mean "$noise_mean" --single "$(setting "$1" single)" --seed "${1##*-}" \
      --save-every "$(setting "$1" save)" --keep 1000 --device "$device" --threads "$threads" --progress "$progress" -o "$out/runs/$1"
}
take_share "$shard"
place=0 trained=''
for run in $runs; do
  if [ $((place++ % of)) = "$share" ]; then train "$run"; trained+="${trained:+, }\"$run\""; fi
done
[ -z "$report" ] || printf '{"shard": "%s/%s", "trained": [%s]}\n' "$share" "$of" "$trained" >"$report"
[ "$until" != train ] && [ "$of" = 1 ] || exit 0

# ---------------------------------------------------------------------------------------------- features and their scores
quietly=(--threads "$threads" "${quiet[@]}")
# A set of features is called rgb, RUN-STEP or, while a tap is chosen, as its tap, that of the random network "random_" and the tap.
# set_of NAME: its folder in features/KIND and its tap, "TAG:TAP".
set_of() {
  case $1 in
    rgb) printf 'rgb:rgb' ;;
    b*_t*) printf 'taps:%s' "$1" ;;
    random_b*_t*) printf 'random:%s' "${1#random_}" ;;
    *) printf '%s:%s' "$1" "$tap" ;;
  esac
}
# model_at RUN STEP: its folder; 0: the network as training began, with its random weights.
model_at() {
  [ "$1:$2" != given-1:1 ] || { printf '%s' "$model"; return; }
  case $2 in
    0) printf '%s' "$out/runs/$1/initial" ;;
    "$(steps_of "$1")") printf '%s' "$out/runs/$1/model" ;;
    *)
      local to=$out/models/$1-$2
      [ -d "$to" ] || "$bin/vega-train" export "$out/runs/$1/$(printf 'step-%08d' "$2")" -o "$to" --layout diffusers "${quiet[@]}" >&2
      printf '%s' "$to" ;;
  esac
}
# features KIND TAG MODEL BLOCKS TIMESTEPS: of the rooms of a kind, in features/KIND/TAG. MODEL rgb: mean colours.
features() {
  local what=(--backbone rgb --size "$size")
  [ "$3" = rgb ] || what=(--model "$3" --size "$input" --blocks "$4" --timesteps "$5" --device "$device")
  measured "features-$1-$2" "$bin/vega-extract" features "$out/rooms/$1"/room* "${what[@]}" --compat fixed --tag "$2" \
    --no-thumbs -o "$out/features/$1" "${quietly[@]}"
}
# auc KIND NAME: the AUC of every unseen room with the features of a set, "ROOM VALUE" a line, in scores/KIND/auc/NAME.
auc() {
  local to=$out/scores/$1 set
  set=$(set_of "$2")
  [ ! -s "$to/auc/$2" ] || return 0
  mkdir -p "$to/auc"
  sed "s|.*|$out/features/$1/${set%%:*}/&.h5|" "$out/lists/$1-unseen.txt" >"$out/lists/auc.txt"
  measured "auc-$1-$2" "$bin/vega-eval" correspondence --list "$out/lists/auc.txt" --tap "${set#*:}" --scenes "$out/scenes/$1" \
    --compat fixed --rank-by auc -o "$to/correspondence/$2" "${quietly[@]}"
  awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "auc") column = i; next } $1 !~ /^mean / { print $1, $column }' \
    "$to/correspondence/$2"/*-scenes.csv >"$to/auc/$2.part"
  mv "$to/auc/$2.part" "$to/auc/$2"
}
# mean_of FILE [FILE]: the mean over rooms, of the first minus the second where there are two, and its 95 % interval over 2,000
# draws of rooms (the same rooms of both): "VALUE LOW HIGH".
mean_of() {
  awk 'NR == FNR { value[$1] = $2; room[n++] = $1; next } { value[$1] -= $2 }
    END {
      for (i = 0; i < n; i++) sum += value[room[i]]
      print sum / n
      state = 1
      for (draw = 0; draw < 2000; draw++) {
        total = 0
        for (i = 0; i < n; i++) { state = state * 16807 % 2147483647; total += value[room[int(state / 2147483647 * n)]] }
        print total / n
      }
    }' "$@" | { read -r value; printf '%.4f' "$value"; sort -g | awk 'NR == 51 || NR == 1950 { printf " %.4f", $1 }'; }
}
# compare KIND NAME BASELINE SET...: probe and AUC of the sets, on the unseen rooms of a kind, and their differences to the
# baseline (empty: to what the place of a cell alone tells): scores/KIND/NAME.csv, with the columns of vega-eval probe.
compare() {
  local kind=$1 name=$2 baseline=$3 set of=() csv=$out/scores/$1/$2.csv
  shift 3
  for set in "$@"; do
    auc "$kind" "$set"
    of+=("$set=$out/features/$kind/$(set_of "$set")")
  done
  mkdir -p "$out/scores/$kind"
  measured "probe-$kind-$name" "$bin/vega-eval" probe "${of[@]}" --scenes "$out/scenes/$kind" --fit "$fit" \
    ${baseline:+--baseline "$baseline"} -o "$out/scores/$kind/$name" --plot "$out/scores/$kind/$name.png" "${quietly[@]}"
  {
    cat "$out/scores/$kind/$name/probe.csv"
    for set in "$@"; do
      read -r value low high <<<"$(mean_of "$out/scores/$kind/auc/$set")"
      if [ -z "$baseline" ] || [ "$set" = "$baseline" ]; then
        echo "$set,auc,$value,$low,$high,,-,-,-"
      else
        echo "$set,auc,$value,$low,$high,$baseline,$(mean_of "$out/scores/$kind/auc/$set" "$out/scores/$kind/auc/$baseline" | tr ' ' ,)"
      fi
    done
  } >"$csv.part"
  mv "$csv.part" "$csv"
}

# ---------------------------------------------------------------------------------------------- block and noise level
first=${runs%% *}
if [ -z "$model" ] && [ ! -s "$out/chosen.txt" ]; then
  say "Block and noise level, chosen with the run $first on the rooms of seeds $choose_rooms"
  taps=() random_taps=()
  for t in $timesteps; do for b in $blocks; do taps+=("b${b}_t$t") random_taps+=("random_b${b}_t$t"); done; done
  for kind in taps random; do   # of the trained network, and of the same one with random weights
    [ ! -s "$out/scores/choose/$kind.csv" ] || continue
    if [ $kind = taps ]; then n=$(steps_of "$first") sets=("${taps[@]}"); else n=0 sets=("${random_taps[@]}"); fi
    features choose $kind "$(model_at "$first" "$n")" "${blocks// /,}" "${timesteps// /,}"
    compare choose $kind '' "${sets[@]}"
    rm -rf "${out:?}/features/choose/$kind"   # some GB
  done
  # The tap at which training gives most: AUC, label and normals minus those of the random network, each in units of its bar;
  # the smallest of the three is largest. Of equal ones the first.
  awk -F, '
    FNR == NR { value[$1, $2] = $3; next }
    $2 ~ /^(auc|label_mean|normal_deg)$/ && sub(/^random_/, "", $1) {
      if (!($1 in least)) { name[n++] = $1; least[$1] = 1e9 }
      gain = value[$1, $2] - $3
      gain /= $2 == "auc" ? 0.07 : $2 == "label_mean" ? 0.12 : -3
      if (gain < least[$1]) least[$1] = gain
    }
    END {
      for (i = best = 0; i < n; i++) if (least[name[i]] > least[name[best]]) best = i
      print name[best]
    }' "$out/scores/choose/taps.csv" "$out/scores/choose/random.csv" >"$out/chosen.part"
  mv "$out/chosen.part" "$out/chosen.txt"
fi
[ -n "$model" ] || tap=$(cat "$out/chosen.txt")
block=${tap#b} block=${block%_t*} timestep=${tap#*_t}
echo "chosen: block $block, timestep $timestep" >&2
[ "$until" != choose ] || exit 0

# ---------------------------------------------------------------------------------------------- scores
say "Scores of the rooms $score_rooms"
features score rgb rgb
by_seed() {   # SEED: the sets of its runs
  local run n
  for run in $runs; do
    [ "${run##*-}" = "$1" ] || continue
    if [ "$(arm_of "$run")" = mixed ]; then
      for n in $grow; do [ "$n" = 0 ] || [ "$n" -ge "$(steps_of "$run")" ] || printf '%s ' "$run-$n"; done
    fi
    printf '%s ' "$run-$(steps_of "$run")"
  done
}
seeds=$(for run in $runs; do printf '%s\n' "${run##*-}"; done | sort -un)
for seed in $seeds; do
  read -ra sets <<<"$(by_seed "$seed")"
  run=${sets[0]%-*} random=random-$seed
  features score "$random" "$(model_at "$run" 0)" "$block" "$timestep"
  for set in "${sets[@]}"; do features score "$set" "$(model_at "${set%-*}" "${set##*-}")" "$block" "$timestep"; done
  compare score "seed-$seed" "$random" rgb "$random" "${sets[@]}"
done
finals=()
for run in $runs; do finals+=("$run-$(steps_of "$run")"); done
compare score against-rgb rgb rgb "${finals[@]}"
case " $runs " in
  *" singles-1 "*)   # one seed: does it matter that frames come as clips?
    arms=()
    for run in $runs; do case $run in mixed-1 | clips-1) arms+=("$run-$(steps_of "$run")") ;; esac; done
    compare score clips "singles-1-$(steps_of singles-1)" "singles-1-$(steps_of singles-1)" "${arms[@]}" ;;
esac
[ "$until" != score ] || exit 0

# ---------------------------------------------------------------------------------------------- RESULTS.md
say "RESULTS.md"
measures="auc label_mean normal_deg depth_r2"
# shown CSV SET MEASURE: "VALUE (LOW to HIGH)"; difference CSV SET MEASURE: the same of the difference, with its sign.
cell() {   # CSV SET MEASURE FIRST-COLUMN FORMAT
  awk -F, -v set="$2" -v measure="$3" -v c="$4" -v plus="$5" '$1 == set && $2 == measure && $c != "-" {
      form = "%" plus (measure == "normal_deg" ? ".1f" : ".3f")
      printf form " (" form " to " form ")", $c, $(c + 1), $(c + 2); exit
    }' "$out/scores/$1.csv"
}
shown() { cell "$1" "$2" "$3" 3 ''; }
difference() { cell "$1" "$2" "$3" 7 +; }
number() { awk -F, -v set="$2" -v measure="$3" '$1 == set && $2 == measure { printf measure == "normal_deg" ? "%.1f" : "%.3f", $3; exit }' "$out/scores/$1.csv"; }
row() {   # FUNCTION CSV SET NAME: a line of a table
  local line="| $4 |" measure
  for measure in $measures; do line+=" $("$1" "$2" "$3" "$measure") |"; done
  printf '%s\n' "$line"
}
header() { printf '| %s | AUC | label | normals, degrees | depth, R2 |\n|---|---|---|---|---|\n' "$1"; }
# bar SET SEED MEASURE LIMIT: whether the interval of trained minus random keeps to the limit.
bar() {
  awk -F, -v set="$1" -v measure="$3" -v limit="$4" '$1 == set && $2 == measure {
    kept = measure == "normal_deg" ? $9 <= limit : $8 >= limit; print (kept ? "yes" : "**no**"); exit }' "$out/scores/score/seed-$2.csv"
}
# shellcheck source=docs/recipes/results_head.sh
. "$here/../results_head.sh"
counted() { find "$out/rooms/$1/" -mindepth 1 -maxdepth 1 -name 'room*' | wc -l; }
{
  results_head "Results of the experiment with the world model"
  echo "| processor time | rooms $(cpu_of '^(rooms|scenes)') s, training $(cpu_of '^train') s, features and scores $(cpu_of '^(features|auc|probe)') s |"
  echo
  echo "$(counted train) rooms to train on (seeds ${train_rooms/ / to }). The probe is fitted on $fit of the $(counted score) rooms of seeds"
  echo "${score_rooms/ / to } and scored on the other $(wc -l <"$out/lists/score-unseen.txt"), which nothing was chosen on. Block $block and timestep $timestep were"
  echo "chosen on $(counted choose) other rooms (seeds ${choose_rooms/ / to }). In brackets: 95 % intervals over the unseen rooms."
  echo
  echo "## Trained, random, colours"
  for seed in $seeds; do
    echo
    header "seed $seed"
    csv=score/seed-$seed
    row shown "$csv" "place only" "place of a cell alone"
    row shown "$csv" rgb rgb
    row shown "$csv" "random-$seed" "the same network, random"
    for run in $runs; do
      [ "${run##*-}" != "$seed" ] || row shown "$csv" "$run-$(steps_of "$run")" "**$(arm_of "$run"), $(steps_of "$run") steps**"
    done
    for run in $runs; do
      [ "${run##*-}" != "$seed" ] || row difference "$csv" "$run-$(steps_of "$run")" "$(arm_of "$run") minus random"
    done
    for run in $runs; do
      [ "${run##*-}" != "$seed" ] || row difference score/against-rgb "$run-$(steps_of "$run")" "$(arm_of "$run") minus rgb"
    done
  done
  echo
  echo "## Bars"
  echo
  echo "Lower bounds of trained minus random: AUC +0.07, label +0.12; normals: at least 3 degrees less; AUC above that of rgb."
  echo
  echo "| run | AUC | label | normals | AUC above rgb |"
  echo "|---|---|---|---|---|"
  for run in $runs; do
    [ "$(arm_of "$run")" = mixed ] || continue
    set=$run-$(steps_of "$run") seed=${run##*-}
    above=$(awk -F, -v set="$set" '$1 == set && $2 == "auc" { print ($8 > 0 ? "yes" : "**no**") }' "$out/scores/score/against-rgb.csv")
    echo "| $run | $(bar "$set" "$seed" auc 0.07) | $(bar "$set" "$seed" label_mean 0.12) | $(bar "$set" "$seed" normal_deg -3) | $above |"
  done
  echo
  echo "## Growth with training steps"
  for seed in $seeds; do
    case " $runs " in *" mixed-$seed "*) ;; *) continue ;; esac
    echo
    header "steps, seed $seed"
    row shown "score/seed-$seed" "random-$seed" 0
    for set in $(by_seed "$seed"); do
      case $set in mixed-* | long-*) row shown "score/seed-$seed" "$set" "${set##*-}" ;; esac
    done
  done
  if [ -s "$out/scores/score/clips.csv" ]; then
    echo
    echo "## Clips against single frames, equal numbers of frames"
    echo
    header "seed 1"
    for set in "singles-1-$(steps_of singles-1)" "${arms[@]}"; do row shown score/clips "$set" "${set%%-*}"; done
    for set in "${arms[@]}"; do row difference score/clips "$set" "${set%%-*} minus singles"; done
  fi
  echo
  echo "## Blocks and noise levels"
  echo
  echo "On the rooms to choose on: AUC / label / normals / depth. The chosen tap is the one at which training gives most: AUC,"
  echo "label and normals minus those of the random network, each in units of its bar; the smallest of the three is largest."
  taps_table() {   # CSV PREFIX
    local b t line="| block |" rule="|---|" values measure
    for t in $timesteps; do line+=" t $t |" rule+="---|"; done
    printf '\n%s\n%s\n' "$line" "$rule"
    for b in $blocks; do
      line="| $b |"
      for t in $timesteps; do
        values=''
        for measure in $measures; do values+="${values:+ / }$(number "choose/$1" "$2b${b}_t$t" "$measure")"; done
        [ "b${b}_t$t" != "$tap" ] || values="**$values**"
        line+=" $values |"
      done
      printf '%s\n' "$line"
    done
  }
  printf '\nThe run %s:\n' "$first"
  taps_table taps ''
  printf '\nThe same network with random weights:\n'
  taps_table random random_
} >"$out/RESULTS.md.new"
mv "$out/RESULTS.md.new" "$out/RESULTS.md"
[ -z "$results" ] || cp "$out/RESULTS.md" "$results"
cat "$out/RESULTS.md"
