# results.sh: scores, plots and RESULTS.md of the settings. run.sh reads it; its variables are known here.
# shellcheck shell=bash disable=SC2154
# shellcheck source=docs/recipes/results_head.sh
. "$here/../results_head.sh"
[ ! -s "$out/command.txt" ] || command=$(cat "$out/command.txt")
truth=$(questions_of "$task") centre=$fusion-wan-b${block}_t$timestep
mkdir -p "$out/scores"
partial=()
[ -z "$skip_missing" ] || partial=(--partial)
answers_of() { local seed; for seed in $seeds; do printf '%s\n' "$out/answers/$1-$seed"; done; }   # SETTING: a folder a seed
# scored NAME SETTING [OTHER]: scores/NAME.json and .csv: of a setting, or against another one.
scored() {
  local mine other=()
  mapfile -t mine < <(answers_of "$2")
  [ $# = 2 ] || mapfile -t other < <(answers_of "$3")
  "$bin/vega-eval" score "$task" "${mine[@]}" --gt "$truth" "${other[@]/#/--against=}" ${meteor:+--meteor-dir "$meteor"} "${partial[@]}" \
    --format csv "${quiet[@]}" -o "$out/scores/$1.json" | sed 's/"\[\([^,]*\), \([^]]*\)\]"/\1 to \2/' >"$out/scores/$1.csv"
}
value() { awk -F, -v m="$metric" '$1 == m && $7 == "" { printf "%.2f | %.2f to %.2f", $2, $3, $4; exit }' "$out/scores/$1.csv"; }
# difference NAME: of a comparison: "+1.00 (-2.00 to +4.00)".
difference() { awk -F, -v m="$metric" '$1 == m { print $4 " (" $5 ")"; exit }' "$out/scores/$1.csv"; }
# scores_between SETTING OTHER: "MINUS", computed; "-" where both are one.
minus() {
  [ "$1" != "$2" ] || { echo -; return; }
  scored "$1.against.$2" "$1" "$2"
  difference "$1.against.$2"
}
mapfile -t names < <(settings)
for name in "${names[@]}"; do scored "$name" "$name"; done

# Plots: ours and, of the same axis, the published points; the random network is a series of its own.
plot() {   # VARY FILE INPUT...
  local vary=$1 file=$2
  shift 2
  "$bin/vega-eval" plot ablation --vary "$vary" "$@" --columns "$task:$metric" --published "${published:-auto}" "${quiet[@]}" -o "$out/$file"
}
inputs=()
for name in "${names[@]}"; do   # the row of the recipe's timestep
  case $name in
    "$fusion"-wan-*_t"$timestep") tap=${name##*-b} inputs+=("ours:${tap%_t*}=$out/scores/$name.json") ;;
    "$fusion"-random-*_t"$timestep") tap=${name##*-b} inputs+=("random weights:${tap%_t*}=$out/scores/$name.json") ;;
  esac
done
plot layer layer.svg "${inputs[@]}"
inputs=()
ratio() { awk -v t="${1##*_t}" 'BEGIN { print t / 1000 }'; }   # of noise: the x axis of the published points
for name in "${names[@]}"; do
  case $name in
    "$fusion"-wan-b"$block"_*) inputs+=("ours:$(ratio "$name")=$out/scores/$name.json") ;;
    "$fusion"-random-b"$block"_*) inputs+=("random weights:$(ratio "$name")=$out/scores/$name.json") ;;
  esac
done
plot timestep timestep.svg "${inputs[@]}"
inputs=("none=$out/scores/none.json" "$fusion=$out/scores/$centre.json")
for name in "${names[@]}"; do
  case $name in "$fusion"-* | none) ;; *) inputs+=("${name%%-*}=$out/scores/$name.json") ;; esac
done
plot fusion fusion.svg "${inputs[@]}"

# table TITLE NAME...: a row a setting.
# control_of SETTING: the random network at its tap, or else at the recipe's.
control_of() {
  local name
  for name in "$fusion-random-${1##*-}" "$fusion-random-b${block}_t$timestep" $(pick "^$fusion-random-"); do
    if [[ " ${names[*]} " = *" $name "* ]]; then echo "$name"; return; fi
  done
}
pick() { printf '%s\n' "${names[@]}" | grep -E -- "$1" || true; }
table() {
  local name
  printf '\n## %s\n\n| setting | %s | 95 %% interval | minus no generative features | minus random weights |\n|---|---|---|---|---|\n' "$1" "$metric"
  shift
  for name; do echo "| $name | $(value "$name") | $(minus "$name" none) | $(minus "$name" "$(control_of "$name")") |"; done
}
# grid_table: a row a block, a column a timestep, where all pairs are settings.
grid_table() {
  local b t line="| block |" rule="|---|"
  printf '\n## All pairs\n\n'
  for t in $timesteps; do line+=" t $t |" rule+="---|"; done
  printf '%s\n%s\n' "$line" "$rule"
  for b in $blocks; do
    line="| $b |"
    for t in $timesteps; do line+=" $(value "$fusion-wan-b${b}_t$t" | sed 's/ | \(.*\)/ (\1)/') |"; done
    printf '%s\n' "$line"
  done
}
{
  results_head "${title:-Results of the ablations}"
  cost_rows '^(scenes|semantic|wan|random)' 'features and files of scenes' '^train' training '^answer' answers
  echo "| recipe | preset $preset, \`$train\` |"
  echo
  echo "$task, $metric, $(wc -l <"$out/lists/evaluated.txt") scenes; seeds of each setting: $seeds. Differences are paired: both sides answer the same questions."
  echo "Intervals are over draws of scenes. A setting is FUSION-NETWORK-TAP; the tap bB_tT is block B (from 0) at timestep T."
  echo "The control, *random*, is the same network with random weights behind Wan's own VAE; a setting is compared with it"
  echo "at its own tap where that was trained, else at b${block}_t$timestep."
  table "The control" none "$centre" $(pick "^$fusion-random-")
  table "Blocks and timesteps" $(pick "^$fusion-wan-")
  [ "$grid" = cross ] || grid_table
  table "Ways of fusion" "$centre" $(pick '-wan-' | grep -v "^$fusion-")
  echo
  echo "![blocks](layer.svg) ![timesteps](timestep.svg) ![fusion](fusion.svg)"
} >"$out/RESULTS.md.new"
mv "$out/RESULTS.md.new" "$out/RESULTS.md"
[ -z "$results" ] || { cp "$out"/{layer,timestep,fusion}.svg "$(dirname "$results")" && cp "$out/RESULTS.md" "$results"; }
cat "$out/RESULTS.md"
