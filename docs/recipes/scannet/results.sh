# results.sh: the table, and RESULTS.md. run.sh reads it behind the scores; its variables are known here.
# shellcheck shell=bash disable=SC2154
# shellcheck source=docs/recipes/results_head.sh
. "$here/../results_head.sh"
[ ! -s "$out/command.txt" ] || command=$(cat "$out/command.txt")
table=("$bin/vega-eval" table "${rows[@]}" --log-level warn)
[ "${published:-auto}" = auto ] || table+=(--published "$published")
"${table[@]}" --format latex -o "$out/table.tex"
# measures_of TASK FILE: rows of the table of scores, from the CSV of vega-eval score: metric, value, low, high; groups are left out.
measures_of() { awk -F, -v task="$1" 'NR > 1 && $7 == "" && $3 != "" { printf "| %s | %s | %.2f | %.2f to %.2f |\n", task, $1, $2, $3, $4 }' "$2"; }
[ -n "$title" ] || title="Results on ScanNet's benchmarks"
{
  results_head "$title"
  cost_rows '(scenes|semantic|generative|seen)' 'features and files of scenes' '^train' training '^answer' answers
  echo "| recipe | preset $preset, fusion $fusion, \`$train\` |"
  echo
  echo "$(wc -l <"$out/lists/all.txt") scenes, of which $(wc -l <"$out/lists/evaluated.txt") are asked about in evaluation. Training took $(grep -c . "$out/run/metrics.jsonl") steps and"
  echo "$(sed -nE 's/.*"samples":([0-9]+).*/\1/p' "$out/run/metrics.jsonl" | awk '{ n += $1 } END { print n + 0 }') samples."
  echo
  echo "## Table 1"
  echo
  "${table[@]}" --intervals --format markdown
  echo
  echo "## Every metric of this row"
  echo
  echo "95 % intervals over draws of scenes (\`vega-eval score\`)."
  echo
  echo "| benchmark | metric | value | interval |"
  echo "|---|---|---|---|"
  for task in $tasks; do measures_of "$task" "$out/scores/$task.csv"; done
} >"$out/RESULTS.md.new"
mv "$out/RESULTS.md.new" "$out/RESULTS.md"
[ -z "$results" ] || cp "$out/RESULTS.md" "$results"
cat "$out/RESULTS.md"
