#!/usr/bin/env bash
# docs/recipes/world/run.sh and tools/world_model.sh with few rooms and few steps: rooms, training, choice of a tap, scores,
# RESULTS.md, a model with its card; the second run does nothing; a shard trains its runs alone; the check finds a figure
# that is wrong.
#   bash world_recipe.sh BIN
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
export BUILD=$T/build
mkdir -p "$BUILD" && ln -s "$BIN" "$BUILD/bin"
world() { "$root/docs/recipes/world/run.sh" --threads 2 "$@"; }
cat >small.conf <<'EOC'
train_rooms="1 2" choose_rooms="3 5" score_rooms="7 9" fit=1 size=96x64 frames=30 every=10 quality=90
width=32 layers=2 heads=2 ffn=64 vae_width=6 mirror=on
runs="mixed-1 singles-1" mixed_steps=4 mixed_single=0.25 mixed_save=2 singles_steps=4 singles_single=1 singles_save=4
grow=2 blocks="0 1" timesteps="300"
EOC

expect_exit 2 world --runs
expect_text "run.sh: --runs: got nothing behind it"
expect_exit 2 world --until dawn
expect_text "--until: got 'dawn', expected rooms, train, choose, score or all"
expect_exit 2 world --model somewhere
expect_text "--tap: got '', expected bB_tT"

expect_exit 0 world --conf small.conf -o out --until rooms
check "rooms of three kinds" test "$(find out/rooms -mindepth 2 -maxdepth 2 -name 'room*' | wc -l)" = 8
expect_exit 0 world --conf small.conf -o out --shard 1/2 --report shard.json
check "a shard trains its run alone" test "$(cd out/runs && echo *)" = singles-1
check "and says so" grep -qF '"trained": ["singles-1"]' shard.json
expect_exit 0 world --conf small.conf -o out
number='[0-9]\.[0-9]{3}' interval='\([0-9]\.[0-9]{3} to [0-9]\.[0-9]{3}\)'
for row in rgb "the same network, random" "\*\*mixed, 4 steps\*\*" 2; do
  check "$row has an AUC and a label with intervals" grep -qE "^\| $row \| $number $interval \| $number $interval \|" out/RESULTS.md
done
check "differences have signs" grep -qE '^\| mixed minus random \| [+-]' out/RESULTS.md
check "clips are compared with single frames" grep -qE '^\| mixed minus singles \| [+-]' out/RESULTS.md
check "the chosen tap stands out in the tables of both networks" test "$(grep -cE '^\| [01] \|.*\*\*' out/RESULTS.md)" = 2

sed '/^| program\|^| processor/d' out/RESULTS.md >before
expect_exit 0 world --conf small.conf -o out
sed '/^| program\|^| processor/d' out/RESULTS.md >after
check "the same tables again" cmp -s before after
check "nothing was computed again" test "$(find out/rooms out/runs out/features out/scores -name '*.h5' -newer before | wc -l)" = 0

# the shipped model's own script, on what is there; then the check, which sees that a figure is wrong
model() { "$root/tools/world_model.sh" --conf small.conf --threads 2 "$@"; }
expect_exit 0 model -o out --seeds 1 --ship --model shipped
check "a model with a card" grep -qE "^\| trained \| $number $interval \|" shipped/README.md
check "the card has the loss" grep -qE 'mean loss \| steps 1 to 2: [0-9.]+; last 2: [0-9.]+' shipped/README.md
check "the record has the figures" grep -qE '^    "auc": 0\.' shipped/vega_model.json
expect_exit 0 model --check -o again --model shipped
check "the figures are as stated" grep -qE '^[1-9][0-9]* figures are as stated' "$OUT"
sed -i 's/^trained,auc,0/trained,auc,1/' shipped/figures.csv
expect_exit 3 model --check -o again --model shipped
expect_text "auc of trained: got 0."
finish
