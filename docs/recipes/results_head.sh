# results_head.sh: the beginning of every RESULTS.md, for the scripts of the recipes: who wrote it, and processor time.
# They set bin (programs), out (results) and command (the line that was typed).
# shellcheck shell=bash disable=SC2154

# cpu_of PATTERN: processor seconds of the programs whose names in log/times.tsv match.
cpu_of() { awk -F'\t' -v pattern="$1" '$1 ~ pattern { s += $2 + $3 } END { printf "%.0f", s }' "$out/log/times.tsv"; }

# results_head TITLE: heading, and the first rows of the table of what wrote the file.
results_head() {
  local machine
  machine=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo 2>/dev/null || true)
  echo "# $1"
  echo
  echo "What these numbers are, and what they do not say, stands in the README beside run.sh."
  echo
  echo "| written by | |"
  echo "|---|---|"
  echo "| command | \`$command\` |"
  echo "| program | $("$bin/vega-train" --version 2>/dev/null | sed -n 1p) |"
  echo "| machine | ${machine:-unknown}, $(nproc) processors in sight |"
}

# cost_rows PATTERN NAME...: a row of that table: processor seconds of the programs that match, and what they are.
cost_rows() {
  local line=''
  while [ $# -gt 1 ]; do
    line+="${line:+, }$2 $(cpu_of "$1") s"
    shift 2
  done
  echo "| processor time | $line |"
}
