#!/usr/bin/env bash
# choices.sh: lists of names in the help come from their tables. An option whose values are "a|b|c" is declared with
# choice() and a table (lib/base/choice.h), never as a text with the list typed by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."
# The argument after the variable is the placeholder; clang-format may put it on the next line.
if found=$(find lib tools -name '*.cpp' -print0 | xargs -0 grep -nPzo \
    '\bv\.(text|parsed)\(\s*"[^"]*",\s*[^,]*,\s*"[a-z0-9_-]+(\|[a-z0-9_-]+)+"' | tr '\0' '\n' | grep .); then
  printf '%s\n' "$found" >&2
  echo "check choices: failed, lists typed by hand; remedy: v.choice(NAME, value, TABLE, HELP)" >&2
  exit 1
fi
echo "check choices: ok, $(grep -rhE '\bv\.choices?\(' lib --include='*.cpp' | wc -l) options take their names from a table"
