#!/usr/bin/env bash
# docs.sh: prose of README and docs is wrapped at 120 columns (tables, code, headings and pictures may be wider), and every
# relative link leads to a file. docs/cli is made by help.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t files < <(git ls-files README.md 'docs/*.md' 'docs/decisions/*.md' 'docs/kernels/*.md' 'tests/*.md' | sort -u)
status=0
awk '
  FNR == 1 { code = 0 }
  /^```/ { code = !code; next }
  code || /^\|/ || /^#/ || /^    / || /^!\[/ { next }
  { line = $0; gsub(/[\200-\277]/, "", line) }   # a character of UTF-8 counts once
  length(line) > 120 { printf "  %s:%d: %d columns\n", FILENAME, FNR, length(line); bad = 1 }
  END { exit bad }' "${files[@]}" >&2 || status=1
for file in "${files[@]}"; do
  while read -r link; do
    path=$(dirname "$file")/${link%%#*}
    [ -z "${link%%#*}" ] || [ -e "$path" ] || { echo "  $file: no $link" >&2; status=1; }
  done < <(grep -oE '\]\([^)]+\)' "$file" | sed 's/^](//; s/)$//' | grep -vE '^(https?|mailto):' || true)
done
[ $status = 0 ] || { echo "check docs: failed; remedy: wrap the lines at 120 columns, mend the links" >&2; exit 1; }
echo "check docs: ok, ${#files[@]} files"
