# vega-eval plot: every kind in every format, published numbers, score files, refusals, names in foreign letters.
#   bash plot.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
eval_() { "$BIN/vega-eval" "$@"; }
plot() { expect_exit 0 eval_ plot "$@"; }

for ending in svg pdf png; do
  plot ablation -o "$T/timestep.$ending"
  plot ablation --vary layer -o "$T/layer.$ending"
  plot delta -o "$T/delta.$ending"
  plot radar --rows "VEGA-3D,3DRS,Video-3D LLM" -o "$T/radar.$ending"
  plot bars --rows "VEGA-3D,3DRS" --columns scanqa:EM,sqa3d:EM -o "$T/bars.$ending"
done
check "SVG" grep -q '<svg xmlns' "$T/radar.svg"
check "PDF" grep -aq '^%PDF-' "$T/radar.pdf"
check "PNG" grep -aq PNG "$T/radar.png"
check "texts of SVG are text" grep -q '>ScanRefer Acc@0.5 (%)</text>' "$T/layer.svg"
check "a number of the paper" grep -q '>−27.5</text>' "$T/delta.svg"

# The same bytes again, also where the decimal point is a comma.
plot delta -o "$T/again.pdf"
check "same PDF" cmp "$T/delta.pdf" "$T/again.pdf"
if german_locale; then
  expect_exit 0 german "$BIN/vega-eval" plot delta -o "$T/again.svg"
  check "same SVG" cmp "$T/delta.svg" "$T/again.svg"
else
  skip_note "no locale with a decimal comma can be made here (package locales)"
fi

# Score files and points of one's own.
scores() {   # FILE VALUE
  mkdir -p "$(dirname "$1")"
  printf '{"schema": "vega.scores/1", "task": "scanrefer", "split": "val", "matcher": "official", "n": 9508, "of": 9508,
"partial": false, "unreadable": 0, "empty": 0, "cut": null, "metrics": {"Acc@0.5": {"value": %s, "lo": %s, "hi": %s,
"n": 9508}}, "breakdown": {}, "run": null, "inputs": {}}\n' "$2" "$2" "$2" >"$1"
}
scores "$T/b10/scores.json" 54.5
scores "$T/b20/scores.json" 56.5
printf 'series,x,value,low,high\nseed 7,15,55,54,56\n' >"$T/points.csv"
plot ablation --vary layer "10=$T/b10" "20=$T/b20/scores.json" "$T/points.csv" -o "$T/own.svg"
for name in scored "seed 7" "VEGA-3D (published)"; do check "$name" grep -qF ">$name</text>" "$T/own.svg"; done
plot ablation --vary fusion "add=$T/b10" "concat=$T/b20" -o "$T/fusion.svg"
check "names below the axis" grep -q '>concat</text>' "$T/fusion.svg"
plot delta "semantic=$T/b10" "fused=$T/b20" --unit points -o "$T/points.svg"
check "the difference" grep -q '>+2.0</text>' "$T/points.svg"

# Letters that the font lacks: text in SVG, named for PNG.
printf 'name,match (%%),EM (%%)\n模型 β,90,50\nb,80,40\nc,70,45\n' >"$T/c.csv"
plot correlation "$T/c.csv" -o "$T/c.svg"
expect_out "Pearson 0.500, Spearman 0.500 (n = 3)"
check "text" grep -q '>模型 β</text>' "$T/c.svg"
plot correlation "$T/c.csv" -o "$T/c.png"
expect_text 模型 "written as boxes"

expect_exit 2 eval_ plot
expect_exit 2 eval_ plot pie -o "$T/x.svg"
expect_text "ablation, delta, correlation, radar, bars"
expect_exit 2 eval_ plot delta -o "$T/x.jpg"
expect_exit 2 eval_ plot radar -o "$T/x.svg"
expect_text "nothing to draw"
expect_exit 3 eval_ plot bars "$T/none.json" -o "$T/x.svg"
printf 'series,x,value\na,1,2,5\n' >"$T/bad.csv"
expect_exit 3 eval_ plot ablation "$T/bad.csv" -o "$T/x.svg"
expect_text "bad.csv:2"
check "nothing half-written" test -z "$(find "$T" -name 'x.*')"
finish
