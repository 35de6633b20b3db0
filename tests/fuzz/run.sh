#!/usr/bin/env bash
# run.sh BUILD [TARGET...]: runs fuzz targets one after the other, each for FUZZ_SECONDS (600) from the seeds and what earlier
# runs found (BUILD/corpus). Prints one line a target; the log and what crashed are in BUILD/fuzz-TARGET*. Fails if one did.
#   SEED=N   random seed, default 1
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
build=$(cd "$1" && pwd)
shift
seconds=${FUZZ_SECONDS:-600}
declare -A dictionary=([safetensors]=json [index]=json [config]=json [torch]=torch [pickle]=torch [sens]=media [png]=media [jpeg]=media [ply]=scan [annotation]=scan [boxes]=scan [masks]=npz [labels]=scan [answers]=json [questions]=json [prepare]=json [rows]=scan [tokenizer]=json [decoder]=json)
targets=("$@")
[ $# -gt 0 ] || targets=(sens safetensors index torch pickle config png jpeg ply annotation boxes masks labels answers questions prepare rows tokenizer decoder)
# Freed memory is kept back less, so that the limit on memory is one on what is in use.
export ASAN_OPTIONS=quarantine_size_mb=16:${ASAN_OPTIONS:-} UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}
status=0
for target in "${targets[@]}"; do
  corpus=$build/corpus/$target log=$build/fuzz-$target.log
  mkdir -p "$corpus"
  rm -f "$build/fuzz-$target-"*
  begin=$SECONDS code=0
  "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -seed="${SEED:-1}" -print_final_stats=1 \
    -rss_limit_mb=512 -malloc_limit_mb=300 -timeout=10 -max_len=65536 -dict="$here/dict/${dictionary[$target]}.dict" \
    -artifact_prefix="$build/fuzz-$target-" "$corpus" "$here/seeds/$target" >"$log" 2>&1 || code=$?
  runs=$(awk '/^stat::number_of_executed_units/ { print $2 }' "$log" || true)
  covered=$(awk '/ cov: / { sub(/.* cov: /, ""); seen = $1 } END { print "cov: " (seen ? seen : "?") }' "$log")
  crashes=$(find "$build" -maxdepth 1 -name "fuzz-$target-*" | wc -l)
  printf '%-12s %4d s, %9s runs, %s, %4d files in the corpus, %d crashes, exit %d\n' "$target" $((SECONDS - begin)) \
    "${runs:-?}" "$covered" "$(find "$corpus" -type f | wc -l)" "$crashes" "$code"
  if [ "$code" != 0 ]; then
    status=1
    grep -m3 -E '^SUMMARY|ERROR|what\(\)|runtime error' "$log" | sed 's/^/  /' || true
    find "$build" -maxdepth 1 -name "fuzz-$target-*" | sed 's/^/  /'
  fi
done
exit $status
