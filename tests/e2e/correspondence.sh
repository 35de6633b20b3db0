# vega-eval correspondence: on a made-up room and on the real kitchen, ranked side by side with and without the right
# poses; what does not belong together is refused; the answer in every format.
. "$(dirname "$0")/lib.sh" || exit 1
evaluate() { "$BIN/vega-eval" correspondence --progress off "$@"; }

# value METRIC COLUMN...: of a CSV on stdout, first row.
column() { # FILE NAME ROW
  awk -F, -v name="$2" -v row="$3" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) at = i } NR == row + 1 { print $at }' "$1"
}
refute() { ! "$@"; }
more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

expect_exit 0 synth scene --size 320x240 --frames 24 -o "$T/room" --progress off
expect_exit 0 extract features "$T/room" --backbone rgb --view native --select uniform:12 --tag native -o "$T/f" --progress off
expect_exit 0 extract features "$T/room" --backbone rgb --compat fixed --select uniform:12 --tag stretch -o "$T/f" --progress off

# --- without a scene file: what to run. Then that is run.
mkdir "$T/scenes"
expect_exit 3 evaluate "$T/f/native" --scenes "$T/scenes"
expect_text "$T/scenes/room.h5" "no such file" "vega-extract scene" "--select frames:$T/f/native"
expect_exit 0 extract scene "$T/room" --select "frames:$T/f/native" -o "$T/scenes" --progress off

# --- one set: the answer in four formats, numbers the same by any number of threads.
expect_exit 0 evaluate "$T/f/native" --scenes "$T/scenes"
check "a heading" grep -q '^native: 1 scene, 12 views, ' "$OUT"
check "a row a metric" grep -qE '^multi_view % +[0-9.]+ +[-0-9.]+ ' "$OUT"
expect_exit 0 evaluate "$T/f/native/room.h5" --scenes "$T/scenes" --format csv --threads 1
cp "$OUT" "$T/one.csv"
expect_exit 0 evaluate "$T/f/native/room.h5" --scenes "$T/scenes" --format csv --threads 3
check "threads do not matter" cmp "$OUT" "$T/one.csv"
check "colours of a place agree" more "$(column "$T/one.csv" auc 1)" 0.6
expect_exit 0 evaluate "$T/f/native" --scenes "$T/scenes" --format json
check "a schema" grep -q '"schema": "vega.correspondence/1"' "$OUT"
check "the settings" grep -q '"cells": "crop"' "$OUT"
expect_exit 0 evaluate "$T/f/native" --scenes "$T/scenes" --format markdown
check "a Markdown table" grep -q '^| metric | as they are | minus mean |' "$OUT"

# --- side by side, with the null test, tables and pictures; the list form; both ways to the same numbers.
expect_exit 0 evaluate --compare "$T/f/native" "$T/f/stretch" --scenes "$T/scenes" --permuted-poses --metrics all \
  --points 400 -o "$T/out" --pictures --picture-frames 3 --report "$T/report.json"
check "four sets" grep -q '^4 feature sets on 1 scene, by multi_view' "$OUT"
csv=$T/out/comparison.csv
for row in 1 2 3 4; do
  set=$(column "$csv" features $row)
  eval "auc_$(printf %s "$set" | tr -c 'a-z\n' _)=$(column "$csv" auc $row)"
  eval "probe_$(printf %s "$set" | tr -c 'a-z\n' _)=$(column "$csv" probe3d_0.1m $row)"
done
check "right poses score higher" more "$auc_native" "$auc_native__poses_permuted_"
check "right poses score higher" more "$auc_stretch" "$auc_stretch__poses_permuted_"
check "dense matches too" more "$probe_stretch" "$probe_stretch__poses_permuted_"
for name in report.md comparison.json native.json native-scenes.csv native-pairs.csv pictures/native/room-heat.png \
  pictures/native/room-matches.png pictures/stretch__poses_permuted_/room-heat.png; do
  check "$name is there" test -s "$T/out/$name"
done
check "the report" grep -q '"outcome": "written"' "$T/report.json"
expect_no_parts "$T/out"
printf 'room\t%s\n' "$T/f/native/room.h5" >"$T/list"
run evaluate --list - --scenes "$T/scenes" --format csv <"$T/list"
check "a list gives the same numbers" cmp "$OUT" "$T/one.csv"

# --- the released geometry and the mended one differ, and say so.
expect_exit 0 evaluate "$T/f/native" --scenes "$T/scenes" --compat fixed --format json
check "the settings of --compat fixed" grep -q '"min_valid": 0.5' "$OUT"

# --- bad input: refused before anything is written.
expect_exit 2 evaluate "$T/f/native" --scenes "$T/nowhere"
expect_text "--scenes $T/nowhere" "vega-extract scene"
expect_exit 2 evaluate --compare "$T/f/native" --scenes "$T/scenes"
expect_exit 2 evaluate "$T/f/native" --scenes "$T/scenes" --center median
expect_exit 3 evaluate "$T/f/native" --scenes "$T/scenes" --tap b20_t300
expect_text "b20_t300" "rgb"
expect_exit 3 evaluate "$T/scenes" --scenes "$T/scenes"   # no feature file
expect_text "vega.scene/1"
head -c 4000 "$T/f/native/room.h5" >"$T/cut.h5"
printf 'room\t%s\nother\t%s\n' "$T/f/native/room.h5" "$T/cut.h5" >"$T/list"
expect_exit 4 evaluate --list "$T/list" --scenes "$T/scenes" --format csv
check "HDF5 itself is silent" test "$(grep -c HDF5-DIAG "$ERR")" = 0
check "the good scene is scored" test "$(column "$OUT" scene 1)" = room
expect_exit 0 extract features "$T/room" --backbone rgb --select stride:5 --tag others -o "$T/f" --progress off
expect_exit 3 evaluate "$T/f/others" --scenes "$T/scenes"
expect_text "got frame " "--select frames:"
expect_exit 2 evaluate "$T/f/native" --scenes "$T/scenes" --rank-by accuracy
expect_text "'accuracy'" "multi_view, " "auc@mean"
expect_exit 3 evaluate "$T/f/nothing" --scenes "$T/scenes"
expect_text "$T/f/nothing" "no such file"
# A folder that cannot be written is found before anything is scored.
expect_exit 6 evaluate "$T/f/native" --scenes "$T/scenes" -o "$T/list"
check "nothing was scored" refute grep -q ': scored' "$ERR"
# --tap all where the first file is broken: the others are scored.
printf 'broken\t%s\nroom\t%s\n' "$T/cut.h5" "$T/f/native/room.h5" >"$T/list"
expect_exit 4 evaluate --list "$T/list" --scenes "$T/scenes" --tap all --format csv
check "the good scene is scored" test "$(column "$OUT" scene 1)" = room

# --- scores are kept with -o: nothing is computed twice, shards come together, other settings are other scores.
for i in 1 2 3; do
  expect_exit 0 synth scene --plain --seed $i --size 96x64 --frames 4 -o "$T/small$i" --progress off
  expect_exit 0 extract features "$T/small$i" --backbone rgb --compat fixed --tag small -o "$T/f" --progress off
  expect_exit 0 extract scene "$T/small$i" --compat fixed -o "$T/scenes" --progress off
  printf '%s\n' "$T/f/small/small$i.h5" >>"$T/smalls"
done
many() { evaluate --list "$T/smalls" --scenes "$T/scenes" --compat fixed --metrics all --points 200 "$@"; }
expect_exit 0 many -o "$T/whole"
cp "$OUT" "$T/answer"
for shard in 0/2 1/2; do expect_exit 0 many -o "$T/parts" --shard $shard; done
expect_exit 0 many -o "$T/parts" --report "$T/parts.json"
check "shards give the answer of the whole" cmp "$OUT" "$T/answer"
check "nothing was computed again" test "$(grep -c '"outcome": "complete already"' "$T/parts.json")" = 3
check "the same files" cmp "$T/parts/small.json" "$T/whole/small.json"
check "the same pairs" cmp "$T/parts/small-pairs.csv" "$T/whole/small-pairs.csv"
echo cut >"$T/parts/scores/small/small2.json"
expect_exit 0 many -o "$T/parts" --report "$T/parts.json"
check "a damaged one is scored again" test "$(grep -c '"outcome": "complete already"' "$T/parts.json")" = 2
check "and the same" cmp "$OUT" "$T/answer"
expect_exit 0 many -o "$T/parts" --seed 7 --report "$T/parts.json"
check "other settings" test "$(grep -c '"outcome": "written"' "$T/parts.json")" = 3
expect_exit 0 many -o "$T/parts" --seed 7 --overwrite --report "$T/parts.json"
check "--overwrite" test "$(grep -c '"outcome": "written"' "$T/parts.json")" = 3
expect_exit 0 many -o "$T/parts" --seed 7 --pictures --report "$T/parts.json"
check "pictures that are not there are drawn" test -s "$T/parts/pictures/small/small3-heat.png"

# --- the real kitchen: colours and a network with random weights, right poses against others'.
kitchen=${VEGA_SHARED_DATA:-$(dirname "$0")/../../../shared/data}/rgbd_kitchen
if [ -d "$kitchen" ]; then
  expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/wan-tiny"
  expect_exit 0 extract features "$kitchen" --key kitchen --backbone rgb --compat fixed --tag rgb -o "$T/k" --progress off
  expect_exit 0 extract features "$kitchen" --key kitchen --model "$T/wan-tiny" --size 416x240 --compat fixed --tag wan \
    -o "$T/k" --progress off
  expect_exit 0 extract scene "$kitchen" --key kitchen --compat fixed -o "$T/kscenes" --progress off
  expect_exit 0 evaluate --compare "$T/k/rgb" "$T/k/wan" --scenes "$T/kscenes" --compat fixed --permuted-poses \
    --metrics all -o "$T/kout"
  for row in 1 2 3 4; do
    set=$(column "$T/kout/comparison.csv" features $row | tr -c 'a-z\n' _)
    eval "auc_$set=$(column "$T/kout/comparison.csv" auc@mean $row) view_$set=$(column "$T/kout/comparison.csv" multi_view@mean $row)"
    eval "probe_$set=$(column "$T/kout/comparison.csv" probe3d_0.1m $row)"
  done
  for set in rgb wan; do
    for name in auc view probe; do
      right=${name}_$set wrong=${name}_${set}__poses_permuted_
      check "kitchen, $set: $name $right=${!right}, permuted ${!wrong}" more "${!right}" "${!wrong}"
    done
    right=auc_$set wrong=auc_${set}__poses_permuted_
    check "kitchen, $set: AUC ${!right} with right poses" more "${!right}" 0.75
    check "kitchen, $set: AUC ${!wrong} with wrong poses" more 0.65 "${!wrong}"
  done
else
  skip_note "the kitchen: $kitchen is absent"
fi
finish
