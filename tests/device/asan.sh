#!/usr/bin/env bash
# asan.sh BUILD: the CUDA tests of the unit programs with the device code under the address and undefined-behaviour sanitizers. The
# programs themselves are the ordinary ones: the sanitizer is loaded before them, so that all memory comes from it.
set -euo pipefail
build=$(cd "$1" && pwd)
export VEGA_TEST_DEVICE=cuda OMP_NUM_THREADS=1 VEGA_CUDA_LIBRARY=$build/tests/device/libvega_host_device_asan.so
export LD_LIBRARY_PATH=$build/tests/device/driver${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
status=0
while IFS=$'\t' read -r program tests; do
  echo "== $program $tests"
  LD_PRELOAD=$(${CXX:-g++} -print-file-name=libasan.so) "$build/tests/$program" "$tests" || status=1
done <"$build/tests/cuda_tests.txt"
exit $status
