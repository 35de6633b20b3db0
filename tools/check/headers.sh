#!/usr/bin/env bash
# headers.sh: every header of lib/ compiles alone (cmake/HeaderCheck.cmake). BUILD=build is the configured build folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
if ! log=$(cmake --build "$build" --target check_headers -j "$(nproc)" -- -k 0 2>&1); then
  printf '%s\n' "$log" | grep -E 'error|FAILED' >&2 || printf '%s\n' "$log" >&2
  echo "check headers: failed; remedy: let the header include what it uses" >&2
  exit 1
fi
echo "check headers: ok, $(find lib -name '*.h' | wc -l) headers"
