#!/bin/sh
# run_gpu.sh [OUT]: on a machine with a GPU, the CUDA tests, the kernel ladders and the benchmarks, in one go. `make gpu` runs it in
# the build folder (--build BUILD), a bundle brings it along. Every step runs, whatever an earlier one did; a table is printed at
# the end. Logs, bench.json and the table (summary.txt) go to OUT (default: $OUT, else gpu-results). LIBTORCH_ROOT as for every
# program. BENCH_ARGS: more for bench_wan. BENCH_PYTHON: an interpreter with torch, transformers and peft, beside which a training
# of 7B shapes is measured, and has to be 1.3 times as fast; without it vega's side is measured alone. GPU_SECONDS (540): a step
# that begins later is left out, one that runs longer is ended. Exit code 0: every step ran and passed; 1: one failed, was
# skipped or had no time.
here=$(dirname "$(readlink -f "$0")")
if [ "${1:-}" = --build ]; then
  build=$(cd "$2" && pwd) || exit 2
  shift 2
  folders="$build/bin $build/tests $build/tests/ladder"
  tests=$build/tests/cuda_tests.txt steps=$here/gpu_steps.txt
else
  folders=$here/bin
  tests=$here/share/vega/cuda_tests.txt steps=$here/share/vega/gpu_steps.txt
  export VEGA_SOURCE_DIR="$here/share/vega"   # the goldens
fi
out=${1:-${OUT:-gpu-results}}
mkdir -p "$out" || exit 6
begun=$(date +%s)
failed=0

say() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }

step() {   # NAME PROGRAM ARGUMENT...
  name=$1 program=$2 log=$out/$1.log
  shift 2
  path=
  for folder in $folders; do [ ! -x "$folder/$program" ] || path=$folder/$program; done
  from=$(date +%s)
  left=$((${GPU_SECONDS:-540} - from + begun))
  if [ "$left" -le 0 ]; then
    code=124 && : >"$log"
  elif [ -z "$path" ]; then
    code=127 && echo "$program is not built" >"$log"
  else
    timeout "$left" "$path" "$@" </dev/null >"$log" 2>&1
    code=$?
  fi
  case $code in
    0) verdict=passed ;;
    77) verdict=SKIPPED failed=1 ;;
    124) verdict='NO TIME' failed=1 ;;
    *) verdict="FAILED ($code)" failed=1 ;;
  esac
  # The last line that says something is the step's figure.
  figure=$(grep -v '^[[:space:]=-]*$' "$log" | tail -n 1 | cut -c1-90)
  say "$(printf '%-22s %-13s %5d  %s' "$name" "$verdict" $(($(date +%s) - from)) "$figure")"
}

: >"$out/summary.txt"
nvidia-smi >"$out/nvidia-smi.log" 2>&1 || true
say "$(printf '%-22s %-13s %5s  %s' step result s 'last line of its log')"
tab=$(printf '\t')
while IFS=$tab read -r program chosen; do
  VEGA_TEST_DEVICE=cuda step "$program" "$program" "$chosen"
done <"$tests"
while IFS=$tab read -r name command; do
  case $name in '#'* | '') continue ;; esac
  set --
  for word in $command; do
    case $word in
      # shellcheck disable=SC2086   # one word an option
      BENCH_ARGS) set -- "$@" ${BENCH_ARGS:-} ;;
      BENCH_PYTHON) [ -z "${BENCH_PYTHON:-}" ] || set -- "$@" --python "$BENCH_PYTHON" --least 1.3 ;;
      OUT/*) set -- "$@" "$out/${word#OUT/}" ;;
      *) set -- "$@" "$word" ;;
    esac
  done
  step "$name" "$@"
done <"$steps"
rm -rf "$out/wan-1.3b"   # 6 GB
exit $failed
