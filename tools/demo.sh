#!/usr/bin/env bash
# demo.sh: what was built, and how. BUILD=build is the build folder.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
echo "vega $(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt"), $(g++ --version | head -n1)"
grep -- '^-- CUDA:' "$build/configure.log"
