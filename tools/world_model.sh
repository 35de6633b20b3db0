#!/usr/bin/env bash
# world_model.sh: makes the world model that lies in data/world again, or checks it. What is there already is kept: the same
# command goes on where it was stopped.
#
#   tools/world_model.sh                 # rooms, three training runs, choice of block and noise level, scores: two hours of two cores
#   tools/world_model.sh --ship          # the same, and the model of the first run goes into data/world, with its card
#   tools/world_model.sh --check         # scores data/world on unseen rooms and compares with the figures beside it
#
#   -o DIR            results (world; with --check: world-check)
#   --seeds "1 2 3"   of the training runs
#   --steps N         of a run (as world.conf says)
#   --conf FILE       sizes and recipe (docs/recipes/world/world.conf)
#   --results FILE    a copy of RESULTS.md
#   --threads N       of every program (all cores)
#   --model DIR       what is checked, and where --ship writes (data/world)
#
# BUILD=build is the build folder. The recipe is docs/recipes/world, which has more runs to compare.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
export LC_ALL=C
bin=${BUILD:-$root/build}/bin
words="${*:+ $*}" out='' seeds="1 2 3" steps='' results='' threads=0 conf=$root/docs/recipes/world/world.conf model=$root/data/world check='' ship=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    --check | --ship) printf -v "${1#--}" 1; shift ;;
    -o | --seeds | --steps | --conf | --results | --threads | --model)
      [ $# -ge 2 ] || { echo "world_model.sh: $1: got nothing behind it" >&2; exit 2; }
      if [ "$1" = -o ]; then out=$2; else printf -v "${1#--}" %s "$2"; fi
      shift 2 ;;
    *) echo "world_model.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
train_rooms='' choose_rooms='' score_rooms='' fit='' size='' frames='' every='' width='' layers='' heads='' ffn='' vae_width='' mixed_single='' input='' patch=2 rate=0.002 noise_mean=0.3
# shellcheck source=docs/recipes/world/world.conf
. "$conf"
input=${input:-$size}
pictures=$(((frames + every - 1) / every))   # of a room
# figures CSV SET SEED: rows of a table of run.sh, called as they are in figures.csv.
figures() {
  awk -F, -v OFS=, -v set="$2" -v random="random-$3" '
    NR == 1 { print "features,measure,value,low,high"; next }
    $2 == "height_r2" || $2 == "label_all" { next }
    $1 == set { $1 = "trained" } $1 == random { $1 = "random" }
    $1 ~ /^(trained|random|rgb|place only)$/ { print $1, $2, $3, $4, $5 }' "$1"
}
recipe() { "$root/docs/recipes/world/run.sh" --conf "$conf" --threads "$threads" "$@" >/dev/null; }
# field NAME: a number of the model's record.
field() { sed -n "s/^ *\"$1\": *\([0-9.]*\),\{0,1\}\$/\1/p" "$model/vega_model.json" | head -n 1; }

if [ -n "$check" ]; then
  out=${out:-world-check}
  [ -s "$model/figures.csv" ] || { echo "world_model.sh: $model: got no figures.csv, expected the folder of the shipped model" >&2; exit 3; }
  recipe -o "$out" --model "$model" --tap "b$(field block)_t$(field timestep)" --until score
  figures "$out/scores/score/seed-1.csv" given-1-1 1 >"$out/figures.csv"
  # Other machines round otherwise: AUC, R2 and shares may differ by 0.005, angles by 0.1 degrees.
  awk -F, 'FNR == 1 { next }
    NR == FNR { found[$1, $2] = $3; next }
    {
      wanted++
      limit = $2 == "normal_deg" ? 0.1 : 0.005
      difference = found[$1, $2] - $3
      if (!(($1, $2) in found) || difference > limit || -difference > limit) {
        printf "world_model.sh: %s of %s: got %s, expected %s\n", $2, $1, found[$1, $2], $3 > "/dev/stderr"; bad = 1
      }
    }
    END {
      if (!wanted) { print "world_model.sh: no figures to compare" > "/dev/stderr"; exit 3 }
      if (bad) exit 3
      printf "%d figures are as stated\n", wanted
    }' "$out/figures.csv" "$model/figures.csv"
  exit
fi

out=${out:-world} runs=''
for seed in $seeds; do runs+="${runs:+ }mixed-$seed"; done
recipe -o "$out" --runs "$runs" ${steps:+--steps "$steps"} ${results:+--results "$results"}

# ---------------------------------------------------------------------------------------------- the model of the first run, and its card
seed=${seeds%% *} run=mixed-${seeds%% *}
tap=$(cat "$out/chosen.txt") n=$(wc -l <"$out/runs/$run/metrics.jsonl")
block=${tap#b} block=${block%_t*} timestep=${tap#*_t}
new=$out/ship
rm -rf "$new"
rooms=$(find "$out/rooms/train/" -mindepth 1 -maxdepth 1 -name 'room*' | wc -l)
"$bin/vega-train" export "$out/runs/$run" -o "$new" --layout diffusers --dtype bf16 --block "$block" --timestep "$timestep" \
  --note "$rooms made-up rooms of vega-synth scene, $((rooms * pictures)) pictures" --log-level warn >/dev/null
sed -E 's/(\.[0-9]{6})[0-9]+/\1/g' "$out/runs/$run/metrics.jsonl" >"$new/metrics.jsonl"   # no longer than they need be
figures "$out/scores/score/seed-$seed.csv" "$run-$n" "$seed" >"$new/figures.csv"
# The record has the figures of the model, too.
said=$(awk -F, '$1 == "trained" { printf "\\n    \"%s\": %.4f,", $2, $3 }' "$new/figures.csv")
sed -i "s/^  \"figures\": {/&$said/" "$new/vega_model.json"

value() { awk -F, -v set="$1" -v measure="$2" '$1 == set && $2 == measure { form = measure == "normal_deg" ? "%.1f" : "%.3f"
  printf form " (" form " to " form ")", $3, $4, $5; exit }' "$new/figures.csv"; }
loss_at() { sed -n "${1}p" "$new/metrics.jsonl" | sed -n 's/.*"loss": *\([0-9.]*\).*/\1/p'; }
early=$((n < 20 ? n / 2 : 10)) late=$((n < 100 ? n / 2 : 50))
# Mean loss of the steps FIRST to LAST.
mean_loss() { for ((i = $1; i <= $2; i++)); do loss_at "$i"; done | awk '{ s += $1 } END { printf "%.3f", s / NR }'; }
{
  cat <<TEXT
# The world model

A small video generator in the layout of Wan2.1 (diffusers), trained from nothing on $rooms made-up rooms. It is here so
that whoever builds vega can see what features of a trained generator know, without downloading anybody's weights:

    vega-extract features FRAMES --model data/world --compat fixed -o features

Block $block, timestep $timestep and pictures of $input are its own defaults (\`vega_model.json\`).

**Good for** demos, tests, lessons, and for asking on a laptop what a generator learns of space.
**Not good for** anything else. It has seen rooms of \`vega-synth scene\` alone, no photograph and no other data set; its text
parts are silent (\`prompt.h5\` is one row of zeros); its clips are blurred; nothing about it says how good features of
the real Wan2.1 are.

## Figures

On unseen made-up rooms (seeds ${score_rooms/ / to }: $fit fit the probe, the others score), block and noise level
chosen on other rooms (seeds ${choose_rooms/ / to }). *Random* is the same network with the values that training began with. In brackets: 95 %
intervals over the unseen rooms. \`figures.csv\` has all digits; what the figures mean stands in
[docs/recipes/world](../../docs/recipes/world/README.md).

| features | AUC | label | normals, degrees | depth, R2 |
|---|---|---|---|---|
TEXT
  for set in "place only" rgb random trained; do
    printf '| %s | %s | %s | %s | %s |\n' "$set" "$(value "$set" auc)" "$(value "$set" label_mean)" "$(value "$set" normal_deg)" \
      "$(value "$set" depth_r2)"
  done
  awk -F, '$2 == "auc" { found[$1] = $3 } END { if (found["trained"] < found["rgb"]) print "\nBy AUC plain colours (rgb) are ahead of it." }' \
    "$new/figures.csv"
  cat <<TEXT

    tools/world_model.sh --check        # scores data/world again and compares; ten minutes of two cores

## How it was made

    tools/world_model.sh$words

| | |
|---|---|
| program | $("$bin/vega-train" --version 2>/dev/null | sed -n 1p) |
| rooms | \`vega-synth scene\`, seeds ${train_rooms/ / to }, odd ones furnished, even ones \`--study\`; $pictures pictures of $size each |
| network | Wan2.1's transformer: width $width, $layers blocks, $heads heads, FFN $ffn, tokens of ${patch}x$patch latents of pictures of $input; cross-attention adds zero |
| VAE | Wan2.1's encoder at base width $vae_width, its weights written down from principal components; \`pixels.safetensors\` leads back to pixels |
| training | flow matching, $n steps of 32 frames: in a share of $mixed_single of the steps 32 single ones, else 8 clips of 4; noise of mean $noise_mean; Muon and AdamW at $rate, linear to 0 over the second half; running mean of the weights |
| seed | $seed |
| mean loss | steps 1 to $early: $(mean_loss 1 "$early"); last $late: $(mean_loss $((n - late + 1)) "$n") (\`metrics.jsonl\` has every step) |

[docs/recipes/world/RESULTS.md](../../docs/recipes/world/RESULTS.md) has the bars that the figures are held to, every run that was
scored, the growth with training steps, blocks and noise levels.
TEXT
} >"$new/README.md"
echo "$new"
if [ -n "$ship" ]; then
  if [ -e "$model" ] && ! [ -s "$model/vega_model.json" ]; then
    echo "world_model.sh: --ship: $model: got another folder, expected a model of vega-train world or nothing" >&2
    exit 3
  fi
  rm -rf "$model.new"
  cp -r "$new" "$model.new"
  rm -rf "$model"
  mv "$model.new" "$model"
fi
