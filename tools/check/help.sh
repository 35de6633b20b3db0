#!/usr/bin/env bash
# help.sh [--write]: docs/cli/PROGRAM.md and docs/cli/PROGRAM-VERB.md are what --help of the built programs says.
# --write makes them anew. BUILD=build is the build folder; its programs are BUILD/bin/vega-*.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

page() {   # PROGRAM [VERB]: one page
  local text
  text=$("$build/bin/$1" ${2:+"$2"} --help </dev/null) ||
    { echo "check help: failed, '$1${2:+ $2} --help' does not exit 0" >&2; exit 1; }
  # shellcheck disable=SC2016   # the fences are Markdown
  printf '# %s\n\nWritten by `make docs` from `%s --help`.\n\n```text\n%s\n```\n' \
    "$1${2:+ $2}" "$1${2:+ $2}" "$text" >"$new/$1${2:+-$2}.md"
}

verbs() {   # PROGRAM: first words of the list under the heading "Verbs:" or "Subcommands:"; deeper lines go on a text
  "$build/bin/$1" --help </dev/null | awk '
    tolower($0) ~ /^(subcommands|verbs|commands):/ { on = 1; next }
    /^[^ ]/ { on = 0 }
    on && /^ +[a-z]/ { match($0, /^ +/); if (!indent) indent = RLENGTH; if (RLENGTH == indent) print $1 }'
}

programs=()
for path in "$build"/bin/vega-*; do
  if [ -f "$path" ] && [ -x "$path" ]; then programs+=("$(basename "$path")"); fi
done
for program in "${programs[@]}"; do
  page "$program"
  for verb in $(verbs "$program"); do page "$program" "$verb"; done
done
pages=$(find "$new" -name '*.md' | wc -l)

# "See also: VERB, PROGRAM VERB --option; docs/PAGE.md": what it names is there.
lost=0
while IFS=: read -r page line; do
  program=$(basename "$page" .md | cut -d- -f1-2)
  IFS=',;' read -ra names <<<"${line#See also: }"
  for name in "${names[@]}"; do
    name=${name# } name=${name%.}
    case $name in
      docs/*) [ -e "$name" ] && continue ;;
      vega-*) read -r whose verb _ <<<"$name"; [ -e "$new/$whose${verb:+-$verb}.md" ] && continue ;;
      *) [ -e "$new/$program-${name%% *}.md" ] && continue ;;
    esac
    echo "check help: $(basename "$page"): 'See also' names $name, which is not there" >&2
    lost=1
  done
done < <(grep -o '^See also: .*' "$new"/*.md)

if [ "${1:-}" = --write ]; then
  [ "$pages" -gt 0 ] || { echo "no programs in $build/bin; run: make" >&2; exit 1; }
  mkdir -p docs/cli
  rm -f docs/cli/vega-*.md
  cp "$new"/*.md docs/cli/
  echo "docs/cli: $pages pages"
  exit "$lost"
fi
mkdir -p "$new/old"
cp docs/cli/vega-*.md "$new/old/" 2>/dev/null || true   # none yet
if ! changes=$(diff -U1 -rN --exclude=old "$new/old" "$new"); then
  printf '%s\n' "$changes" | grep -v '^diff ' >&2
  echo "check help: failed, docs/cli differs from --help; remedy: make docs" >&2
  exit 1
fi
[ "$lost" = 0 ] || { echo "check help: failed" >&2; exit 1; }
echo "check help: ok, $pages pages"
