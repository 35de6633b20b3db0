#!/usr/bin/env bash
# format.sh [--write]: every C++ and CUDA file is as clang-format 14 with .clang-format makes it.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=clang-format-14
mapfile -d '' files < <(find lib tools tests cmake \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0 | sort -z)
if [ "${1:-}" = --write ]; then
  printf '%s\0' "${files[@]}" | xargs -0 "$tool" -i
  exit 0
fi
command -v "$tool" >/dev/null || { echo "check format: failed, $tool is missing; run: make setup" >&2; exit 1; }
bad=()
while IFS= read -r file; do bad+=("$file"); done < <(
  printf '%s\0' "${files[@]}" | xargs -0 -n 8 -P "$(nproc)" "$tool" --dry-run -Werror 2>&1 |
    sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: .*/\1/p' | sort -u)
if [ ${#bad[@]} -gt 0 ]; then
  printf '  %s\n' "${bad[@]}" >&2
  echo "check format: failed, ${#bad[@]} files; remedy: make format" >&2
  exit 1
fi
echo "check format: ok, ${#files[@]} files"
