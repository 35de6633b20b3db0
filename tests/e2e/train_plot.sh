# vega-train plot: formats, runs that were resumed, several runs, torn lines, refusals.
#   bash train_plot.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
cd "$T" || exit 1
plot() { "$BIN/vega-train" plot "$@"; }
steps() {   # FIRST LAST LOSS: lines of metrics
  local i
  for ((i = $1; i <= $2; ++i)); do
    printf '{"step": %d, "loss": %s, "loss_by_task": {"scanqa": %s}, "rate": {"fusion": 1e-5, "tower": 2e-6}, "grad_norm": 0.5, "gate": 0.6}\n' \
      "$i" "$3" "$3"
  done
}
mkdir -p a b
{ steps 1 150 2.5; steps 101 200 1.5; printf '{"step": 20'; } >a/metrics.jsonl
steps 1 40 2 >b/metrics.jsonl
printf '{"step": 100, "tasks": {"scanrefer": {"main": "Acc@0.5", "metrics": {"Acc@0.5": {"value": 30, "lo": 25, "hi": 35, "n": 9}}}}}\n' >a/validation.jsonl

# One command, three formats; a resumed run is one line of 200 points.
expect_exit 0 plot a -o a.svg -o a.pdf -o a.png
check "SVG" grep -q '<svg xmlns' a.svg
check "PDF" grep -aq '^%PDF-' a.pdf
check "PNG" grep -aq PNG a.png
for word in '>loss<' '>learning rate<' '>gate: weight of the semantic stream<' '>gradient norm before clipping<' '>validation: scanrefer<' '>step<'; do
  check "the picture says $word" grep -qF -e "$word" a.svg
done
expect_exit 0 plot a --panels loss --smooth 1 -o points.svg
points=$(grep -o 'd="M[^"]*"\|points="[^"]*"' points.svg | awk '{ n = gsub(/[-0-9.]+[ ,][-0-9.]+/, "") ; if (n > most) most = n } END { print most }')
check "200 points, not 250 (got $points)" test "$points" = 200
expect_exit 0 plot a -o again.pdf
check "the same bytes again" cmp a.pdf again.pdf

# Several runs, with names.
expect_exit 0 plot first=a second=b -o both.svg --title "Two runs"
check "names of runs" grep -q '>second<' both.svg
check "title" grep -q '>Two runs<' both.svg

# Refusals leave nothing behind.
expect_exit 2 plot a
expect_exit 2 plot a -o picture.gif
expect_exit 3 plot absent -o x.svg
expect_text "absent"
expect_exit 3 plot b --panels validation -o x.svg
expect_exit 2 plot a a -o x.svg
expect_text "two runs named 'a'"
expect_exit 2 plot a -o a/metrics.jsonl
: >b/metrics.jsonl
expect_exit 3 plot b -o x.svg
expect_nothing x.svg
finish
