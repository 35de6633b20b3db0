#!/usr/bin/env bash
# run.sh SOURCE FOLDER: builds the preset score-only in FOLDER (kept, so that a second run compiles what changed), checks that
# its vega-eval links no heavy library, and runs the end-to-end tests of the verbs that it has.
set -euo pipefail
source=$1 build=$2
mkdir -p "$build"
cmake -S "$source" -B "$build" --preset score-only -DVEGA_WERROR=ON >"$build/configure.log" 2>&1 ||
  { cat "$build/configure.log"; exit 1; }
cmake --build "$build" -j "$(nproc)" >"$build/build.log" 2>&1 || { tail -n 40 "$build/build.log"; exit 1; }
program=$build/bin/vega-eval
if heavy=$(ldd "$program" | grep -iE 'torch|libc10|hdf5|libav|libsw|cuda'); then
  echo "score-only links what it must not: $heavy" >&2
  exit 1
fi
for verb in prepare score validate merge table plot inspect verify; do
  "$program" $verb --help >/dev/null || { echo "score-only lacks $verb" >&2; exit 1; }
done
printf '\211HDF\r\n\032\n' >"$build/x.h5"
if message=$("$program" inspect "$build/x.h5" 2>&1); then
  echo "inspect takes an HDF5 file without HDF5" >&2
  exit 1
fi
grep -qF 'score-only build' <<<"$message" || { echo "no word of the other build: $message" >&2; exit 1; }
for theme in prepare score table plot; do bash "$source/tests/e2e/$theme.sh" "$build/bin"; done
