# vega-eval table, validate, merge, and inspect and verify of answers and scores. Needs vega-eval alone: the build
# without LibTorch runs it, too.
. "$(dirname "$0")/lib.sh" || exit 1

evaluate() { "$BIN/vega-eval" "$@" --log-level warn; }
expect_file() { EXPECTED=$((EXPECTED + 1)); cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff "$1" "$2" | head -n 4)"; }
expect_stdout() {   # TEXT...: each stands in the last stdout
  EXPECTED=$((EXPECTED + 1))
  local text
  for text in "$@"; do grep -qF -e "$text" "$OUT" || fail "stdout lacks: $text"; done
}

# ------------------------------------------------------------------------------------------------ answers of two shards
mkdir -p "$T/answers/sqa3d" "$T/other"
answer() {   # ID ANSWER TRUTH
  printf '{"dataset": "sqa3d", "sample_id": "%s", "pred_response": "%s", "gt_response": "%s", "question_type": "what"}\n' "$@"
}
gt=$T/annotations.json
printf '{"annotations": [%s]}\n' "$(for i in 2 10 1 7; do
  printf '%s{"question_id": %s, "scene_id": "scene0380_00", "answers": [{"answer": "red"}]}' "${comma:-}" $i
  comma=,
done)" >"$gt"
a=$T/answers/sqa3d
{ answer 10 red red; answer 7 "" red; } >"$a/part-0-of-2.jsonl"
expect_exit 3 evaluate merge "$a"
expect_text "missing: part-1-of-2.jsonl"
check "nothing is written" test ! -e "$a/answers.jsonl"
{ answer 1 red red; answer 2 blue red; } >"$a/part-1-of-2.jsonl"
echo '{"checkpoint": "abc", "seed": 42}' >"$a/run.json"
expect_exit 0 evaluate merge "$a"
expect_out "sqa3d$TAB$a/answers.jsonl"
for i in 1:red 2:blue 7: 10:red; do answer "${i%%:*}" "${i#*:}" red; done >"$T/wanted.jsonl"
expect_file "$a/answers.jsonl" "$T/wanted.jsonl"
expect_exit 0 evaluate merge "$a"
expect_exit 0 evaluate merge "$a" -o /dev/stdout
expect_file "$OUT" "$T/wanted.jsonl"
expect_exit 0 evaluate merge "$a" -o "$T/whole/answers.jsonl"
expect_file "$T/whole/run.json" "$a/run.json"

# Stopped as one of four, continued as two: the line that the kill cut is answered elsewhere.
{ answer 10 red red; printf '{"dataset": "sq'; } >"$a/part-3-of-4.jsonl"
expect_exit 0 evaluate merge "$a"
expect_text "part-0-of-2.jsonl and" "part-3-of-4.jsonl overlap: 1 answer of both" "a line without its end is left out"
expect_file "$a/answers.jsonl" "$T/wanted.jsonl"
answer 10 green red >"$a/part-3-of-4.jsonl"
expect_exit 3 evaluate merge "$a"
expect_text "another answer to '10'" "part-0-of-2.jsonl:1" "part-3-of-4.jsonl:1"
rm "$a/part-3-of-4.jsonl"
answer 3 red red >"$T/other/part-0-of-1.jsonl"
expect_exit 3 evaluate merge "$T/other" -o "$a/answers.jsonl"
expect_text "a file with other answers" "--overwrite"
echo '{"checkpoint": "xyz", "seed": 42}' >"$T/other/run.json"
expect_exit 3 evaluate merge "$T/other" -o "$a/answers.jsonl" --overwrite
expect_text 'checkpoint: got "abc", expected "xyz"'
expect_file "$a/answers.jsonl" "$T/wanted.jsonl"
expect_exit 2 evaluate merge
expect_no_parts "$T/answers"

# -------------------------------------------------------------------------------------------------------------- validate
expect_exit 0 evaluate validate sqa3d "$a/answers.jsonl" --gt "$gt" --record "$T/record.json"
expect_out "$a/answers.jsonl: ok, 4 answers, 1 of them empty"
expect_exit 0 evaluate validate sqa3d "$a/answers.jsonl" --gt "$gt" --record "$T/record.json"
{ tail -n 3 "$T/wanted.jsonl"; answer 2 red red; answer 99 red red; echo '{"sample_id": '; } >"$T/bad.jsonl"
expect_exit 0 evaluate validate sqa3d "$a" --gt "$gt"   # a folder of answers, as score takes it
expect_exit 3 evaluate validate sqa3d "$T" --gt "$gt"
expect_text "a folder without answers.jsonl" "vega-eval merge"
expect_exit 2 evaluate validate sqa3d - --gt "$gt"
expect_exit 3 evaluate validate sqa3d "$T/bad.jsonl" --gt "$gt"
expect_stdout "bad.jsonl:4: sample_id: got '2' a second time" "bad.jsonl:5: sample_id: got '99'" "bad.jsonl:6: " \
  "got no answer to '1'"
expect_exit 3 evaluate validate sqa3d "$a/answers.jsonl"
expect_stdout "4 answers, expected 3519"
expect_exit 0 evaluate validate sqa3d "$a/answers.jsonl" --partial
sed 's/"answer": "red"/"answer": "blue"/' "$gt" >"$T/changed.json"
expect_exit 3 evaluate validate sqa3d "$a/answers.jsonl" --gt "$T/changed.json" --record "$T/record.json"
expect_stdout "--gt: got sha256" "the annotation file has changed" "answers.jsonl:2: gt_response"
expect_exit 2 evaluate validate sqa3d "$a/answers.jsonl" --gt "$gt" --submission "$T/x.json"
expect_text "SQA3D has no server"
expect_exit 2 evaluate validate nothing "$a/answers.jsonl"
echo '[{"question_id": "test-scene0001_00-0", "scene_id": "scene0001_00", "question": "?"}]' >"$T/test.json"
echo '{"dataset": "scanQA", "sample_id": "test-scene0001_00-0", "pred_response": "brown"}' >"$T/test.jsonl"
expect_exit 0 evaluate validate scanqa "$T/test.jsonl" --gt "$T/test.json" --submission "$T/pred.json"
check "ten answers" test "$(grep -o brown "$T/pred.json" | wc -l)" = 10
expect_exit 3 evaluate validate scanqa "$T/bad.jsonl" --gt "$T/test.json" --submission "$T/none.json"
check "no submission of a faulty file" test ! -e "$T/none.json"

# ----------------------------------------------------------------------------------------------------------------- table
expect_exit 0 evaluate score sqa3d "$a/answers.jsonl" --gt "$gt" -o "$T/mine/sqa3d.json" --draws 100
expect_exit 0 evaluate table "$T/mine"
expect_stdout "Specialists" "Generalists" "Scored by vega-eval" "50.0"
check "the rank of the paper among its rows" grep -q '^VEGA-3D .* 1\.8$' <(evaluate table)
check "half to even" grep -q '^M3DRef-CLIP .* 10\.2$' <(evaluate table)
cat >"$T/theirs.csv" <<'CSV'
# another paper
name,scanrefer:Acc@0.5/unique,scanrefer:Acc@0.5/multiple,scanrefer:Acc@0.5,scanqa:CIDEr,sqa3d:EM[refined]
"vega_3d 50% A&B #1 {x} ~^\ $",66.7,28.6,70.0,0.838,60.0
CSV
expect_exit 0 evaluate table "a name=$T/mine/sqa3d.json" "$T/theirs.csv" -o "$T/table.txt"
expect_text "70 is not between" "0.838 looks like a fraction" "matcher 'refined'"
for format in text markdown latex csv json; do
  expect_exit 0 evaluate table "a name=$T/mine" "$T/theirs.csv" --columns table1,vsi --format $format --intervals
  cp "$OUT" "$T/table.$format"
done
check "LaTeX is escaped" grep -qF 'vega\_3d 50\% A\&B \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{} \$' "$T/table.latex"
check "Markdown is escaped" grep -qF 'vega_3d 50% A\&B \#1 {x} \~^\\ \$' "$T/table.markdown"
check "no NaN" test -z "$(grep -i 'nan\b' "$T/table.json" "$T/table.csv")"
if command -v pdflatex >/dev/null && kpsewhich booktabs.sty >/dev/null; then
  printf '\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table.latex}\\end{document}\n' >"$T/doc.tex"
  compile() { (cd "$T" && pdflatex -interaction=nonstopmode -halt-on-error doc.tex); }
  expect_exit 0 compile
else
  skip_note "no pdflatex with booktabs: the LaTeX table was not compiled"
fi
expect_exit 2 evaluate table --columns tabel1
expect_text "'tabel1'" "table1"
expect_exit 2 evaluate table --rows "no such row"
printf 'name,scanqa:EM\nx,"30,1"\n' >"$T/comma.csv"
expect_exit 3 evaluate table "$T/comma.csv" -o "$T/never.txt"
expect_text "comma.csv:2: scanqa:EM: got '30,1'"
check "nothing is written" test ! -e "$T/never.txt"

# ------------------------------------------------------------------------------------------------------------- inspect
expect_exit 0 evaluate inspect "$a/answers.jsonl"
expect_stdout "questions: 4" "empty: 1" "sqa3d: 4"
expect_exit 0 evaluate inspect --json "$T/mine/sqa3d.json"
expect_stdout '"schema": "vega.scores/1"' '"matcher": "official"'
expect_exit 0 evaluate verify "$T/mine" "$a"
answer 1 red red >>"$a/answers.jsonl"
expect_exit 3 evaluate verify "$T/mine"
expect_stdout "the file has changed since it was scored"
expect_exit 3 evaluate verify "$a/answers.jsonl"
printf '\211HDF\r\n\032\n' >"$T/x.h5"
expect_exit 3 evaluate inspect "$T/x.h5"
expect_exit 3 evaluate verify "$T/x.h5"

# ------------------------------------------------------------------------------------------------- a decimal comma
if german_locale; then
  cp "$T/wanted.jsonl" "$a/answers.jsonl"
  for format in text markdown latex csv json; do
    expect_exit 0 german "$BIN/vega-eval" table "a name=$T/mine" "$T/theirs.csv" --columns table1,vsi --format $format --intervals --log-level warn
    expect_file "$OUT" "$T/table.$format"
  done
  expect_exit 0 german "$BIN/vega-eval" merge "$a" -o "$T/german/answers.jsonl" --log-level warn
  expect_file "$T/german/answers.jsonl" "$T/wanted.jsonl"
else
  skip_note "the locale de_DE.UTF-8 cannot be made here"
fi

finish
