#!/bin/sh
# run_gpu.sh [OUT]: on a machine with a GPU, the CUDA tests, the kernel ladder and the benchmark of this bundle, in one go.
# Logs and bench.json in OUT (default: $OUT, else gpu-results). LIBTORCH_ROOT as for every program. BENCH_ARGS: more for the
# benchmark. Exit code 0: every test ran and passed; 1: one failed or was skipped, or a kernel or the benchmark was off.
here=$(dirname "$(readlink -f "$0")")
out=${1:-${OUT:-gpu-results}}
mkdir -p "$out" || exit 6
export VEGA_SOURCE_DIR="$here/share/vega"   # the goldens
failed=0

step() {   # NAME LOG COMMAND...: output to the log and on
  name=$1 log=$out/$2.log
  shift 2
  "$@" >"$log" 2>&1
  code=$?
  tail -n 3 "$log"
  case $code in
    0) verdict=passed ;;
    77) verdict=SKIPPED failed=1 ;;
    *) verdict="FAILED ($code)" failed=1 ;;
  esac
  printf '%s: %s\n' "$name" "$verdict" | tee -a "$out/summary.txt"
}

: >"$out/summary.txt"
nvidia-smi >"$out/nvidia-smi.log" 2>&1 || true
tab=$(printf '\t')
while IFS=$tab read -r program tests; do
  VEGA_TEST_DEVICE=cuda step "$program $tests" "$program" "$here/bin/$program" --durations yes "$tests"
done <"$here/share/vega/cuda_tests.txt"
step ladder ladder_wan "$here/bin/ladder_wan" cuda
step 'ladder of the token gate' ladder_token_gate "$here/bin/ladder_token_gate" cuda
for form in raw normed residual; do
  step "token gate, $form" "bench_token_gate_$form" "$here/bin/bench_token_gate" --device cuda --form $form --least-copy 0.8
done
# shellcheck disable=SC2086   # one word an option
step benchmark bench_wan "$here/bin/bench_wan" --device cuda --json "$out/bench.json" ${BENCH_ARGS:-}
exit $failed
