#!/usr/bin/env bash
# cited.sh: every file or folder of tests/ that code or a document names is there: oracles ("Oracle: tests/ref/x.h") above all.
# docs/extending.md names files that a reader would add. A name may lack its extension (tests/ref/wan_ref) and may be a pattern (tests/ref/*.h).
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -d '' files < <(find lib tools docs README.md ! -path docs/extending.md \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' -o -name '*.md' \) -print0 | sort -z)
faults=() cited=0
while IFS=: read -r file line name; do
  name=${name%%[.,:;]} name=${name%/}
  cited=$((cited + 1))
  # shellcheck disable=SC2086   # patterns are wanted
  compgen -G "$name" >/dev/null || compgen -G "$name.*" >/dev/null || faults+=("$file:$line: $name")
done < <(grep -noE '\btests/[A-Za-z0-9_*./-]+' "${files[@]}")
oracles=$(grep -lE 'Oracle: tests/ref/' "${files[@]}" | wc -l)
[ "$oracles" -gt 0 ] || faults+=("no oracle is cited in lib/: the form is 'Oracle: tests/ref/FILE.h'")
if [ ${#faults[@]} -gt 0 ]; then
  printf '  %s\n' "${faults[@]}" >&2
  echo "check cited: failed, ${#faults[@]} names of files that are not there" >&2
  exit 1
fi
echo "check cited: ok, $cited names of files under tests/"
