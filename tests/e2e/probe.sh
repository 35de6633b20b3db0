# vega-eval probe: on made-up rooms, mean colours and a network with random weights beside place alone; shuffled truths
# score nothing; what does not belong together is refused; the answer in every format.
. "$(dirname "$0")/lib.sh" || exit 1
probe() { "$BIN/vega-eval" probe --progress off "$@"; }

# value FILE ROW MEASURE COLUMN: of the CSV.
value() {
  awk -F, -v row="$2" -v measure="$3" -v name="$4" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) at = i }
    $1 == row && $2 == measure { print $at }' "$1"
}
more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }
same() { awk -v a="$1" -v b="$2" 'BEGIN { exit !((a - b) * (a - b) < 1e-16) }'; }

for i in 1 2 3 4 5 6; do
  expect_exit 0 synth scene --seed 4$i --size 96x72 --frames 120 --every 20 -o "$T/rooms/room$i" --progress off
done
rooms=("$T"/rooms/*)
expect_exit 0 synth model --preset wan-tiny -o "$T/wan" --progress off
expect_exit 0 extract features "${rooms[@]}" --backbone rgb --compat fixed --select uniform:6 --tag rgb -o "$T/f" --progress off
expect_exit 0 extract features "${rooms[@]}" --backbone rgb --view native --select uniform:6 --tag native -o "$T/f" --progress off
expect_exit 0 extract features "${rooms[@]}" --model "$T/wan" --size 96x64 --compat fixed --select uniform:6 --blocks 1,2 \
  --tag wan -o "$T/f" --progress off

# --- without scene files: what to run. Then that is run.
mkdir "$T/scenes"
expect_exit 3 probe "$T/f/rgb" --scenes "$T/scenes"
expect_text "room1.h5" "no such file" "vega-extract scene" "--select frames:$T/f/rgb"
expect_exit 0 extract scene "${rooms[@]}" --select "frames:$T/f/rgb" --compat fixed -o "$T/scenes" --progress off

# --- several sets: place alone first, differences to it, every format; the same by any number of threads.
sets=(rgb="$T/f/rgb" wan="$T/f/wan:b2_t300")
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --fit 4 --class-cells 30
check "a heading" grep -qE '^2 feature sets: fitted on 4 scenes \([0-9]+ cells\), scored on 2 other scenes' "$OUT"
check "the control comes first" test "$(grep -oE '^(place only|rgb|wan) ' "$OUT" | head -n 1)" = "place only "
check "differences to it" grep -qE '^wan minus place only +[-+]0\.[0-9]+ \(' "$OUT"
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --fit 4 --class-cells 30 --format csv --threads 1
cp "$OUT" "$T/one.csv"
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --fit 4 --class-cells 30 --format csv --threads 3
check "threads do not matter" cmp "$OUT" "$T/one.csv"
check "place says much of depth" more "$(value "$T/one.csv" "place only" depth_r2 value)" 0.3
check "colours tell labels" more "$(value "$T/one.csv" rgb label_all difference)" 0.02
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --format latex
check "a tabular" grep -q 'begin{tabular}' "$OUT"

# --- a baseline, a list of each kind, files of all kinds, the report.
printf 'room5\n# a note\n\nroom2\nroom1\nroom6\n' >"$T/fit.txt"
printf 'room3\n' >"$T/score.txt"
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --fit "$T/fit.txt" --score "$T/score.txt" --baseline rgb \
  -o "$T/out" --plot "$T/plot.pdf" --report "$T/report.json" --format json
check "a schema" grep -q '"schema": "vega.probe/1"' "$OUT"
check "the baseline" grep -q '"baseline": "rgb"' "$OUT"
check "the tap" grep -q '"tap": "b2_t300"' "$OUT"
check "the record is the answer" cmp "$OUT" "$T/out/probe.json"
for name in report.md probe.csv probe-scenes.csv probe.svg; do check "$name is there" test -s "$T/out/$name"; done
check "a PDF" test "$(head -c 4 "$T/plot.pdf")" = %PDF
check "only room3 is scored" test "$(grep -c room3 "$T/out/probe-scenes.csv")" = 3   # place, rgb, wan
check "and nothing else" test "$(wc -l <"$T/out/probe-scenes.csv")" = 4
check "the report" grep -q '"use": "score"' "$T/report.json"
expect_no_parts "$T/out"
expect_exit 0 probe "$T/f/rgb" --scenes "$T/scenes" -o "$T/alone.json" --plot "$T/plot.png"
check "a PNG" test "$(head -c 4 "$T/plot.png" | tail -c 3)" = PNG
check "JSON in a file" grep -q '"vega.probe/1"' "$T/alone.json"

# --- sets with other cells have a control of their own; a native grid; named classes.
expect_exit 0 probe a="$T/f/rgb" b="$T/f/native" --scenes "$T/scenes" --format csv
check "two controls" test "$(cut -d, -f1 "$OUT" | grep -c '^place only (cells of [ab])$')" = 10
check "paired with its own" test "$(value "$OUT" b depth_r2 baseline)" = "place only (cells of b)"
printf 'floor\nwall\n' >"$T/classes.txt"
expect_exit 0 probe "$T/f/wan" --tap b1_t300 --grid native --scenes "$T/scenes" --classes "$T/classes.txt" --format json
check "two classes" test "$(grep -c '"fit_cells": [0-9]*$' <(sed -n '/"classes"/,/]/p' "$OUT" | head -n 12))" = 2

# --- shuffled truths: what is left is nothing. Of 4,500 cells R2 is 6 / sqrt(4500) by chance, at three deviations.
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --fit 4 --class-cells 30 --shuffle 1 --format csv
for row in "place only" rgb wan; do
  for measure in depth_r2 height_r2; do
    check "$row, shuffled: $measure" more 0.09 "$(value "$OUT" "$row" $measure value)"
  done
  # The answer is the largest class everywhere: one class of those that are there is right.
  check "$row, shuffled: labels" more 0.12 "$(value "$OUT" "$row" label_mean value)"
done

# --- a dry run says what would be done.
expect_exit 0 probe "${sets[@]}" --scenes "$T/scenes" --dry-run
check "the split" grep -q '^4 scenes to fit, 2 scenes to score, 0 left out' "$OUT"
check "the tap and its columns" grep -qE '^wan +b2_t300 +[0-9]+ +[0-9]+ +4704 +2352 ' "$OUT"

# --- bad input: refused before anything is written.
expect_exit 2 probe --scenes "$T/scenes"
expect_exit 3 probe x="$T/nowhere" --scenes "$T/scenes"
expect_text "$T/nowhere" "no such folder"
expect_exit 2 probe "$T/f/rgb" --scenes "$T/nowhere"
expect_exit 2 probe x="$T/f/rgb" x="$T/f/wan" --scenes "$T/scenes"
expect_text "'x'" "NAME="
expect_exit 2 probe "${sets[@]}" --scenes "$T/scenes" --baseline siglip
expect_text "siglip" "rgb, wan"
expect_exit 2 probe "${sets[@]}" --scenes "$T/scenes" --fit 6
expect_exit 2 probe "${sets[@]}" --scenes "$T/scenes" --ridge 0
expect_exit 2 probe "${sets[@]}" --scenes "$T/scenes" --grid 14
expect_exit 2 probe "${sets[@]}" --scenes "$T/scenes" --plot "$T/plot.txt"
printf 'room1\nroom1\n' >"$T/twice.txt"
expect_exit 3 probe "${sets[@]}" --scenes "$T/scenes" --fit "$T/twice.txt"
expect_text "twice.txt:2" "a second time"
printf 'room7\n' >"$T/absent.txt"
expect_exit 3 probe "${sets[@]}" --scenes "$T/scenes" --fit "$T/absent.txt"
expect_text "room7" "$T/f/rgb"
expect_exit 3 probe "${sets[@]}" --scenes "$T/scenes" --fit "$T/fit.txt" --score "$T/fit.txt"
expect_text "in the fit" "room1"
expect_exit 3 probe "${sets[@]}" --scenes "$T/scenes" --tap b9_t300
expect_exit 3 probe "${sets[@]}" --scenes "$T/scenes" --classes "$T/absent.txt"
expect_text "room7"
mkdir "$T/cut"
cp "$T"/f/rgb/*.h5 "$T/cut"
head -c 4000 "$T/f/rgb/room2.h5" >"$T/cut/room2.h5"
expect_exit 4 probe "$T/cut" --scenes "$T/scenes" --fit 4 -o "$T/part.json"
expect_text "room2"
check "the other scenes are fitted" test "$(sed -n '/"fit"/,/]/p' "$T/part.json" | grep -c room)" = 3
expect_exit 4 probe "$T/cut" --scenes "$T/scenes" --dry-run
finish
