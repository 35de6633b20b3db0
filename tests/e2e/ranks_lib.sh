# Shared by the end-to-end tests of several ranks, started as torchrun does: source it behind lib.sh, in $T. The runs have
# the options of the array `base`; rank 1 has the variables of $RANK_1 (NAME=VALUE ...) beside.
unset "${!SLURM_@}" RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT "${!TORCHELASTIC_@}"

# start COUNT RUN OPTIONS...: the ranks in the background, their processes in PIDS, their messages in RUN.err.R.
start() {
  local count=$1 out=$2 port rank
  shift 2
  port=$(free_port)
  PIDS=()
  LAST="start $count $out $*"
  for ((rank = 0; rank < count; ++rank)); do
    # shellcheck disable=SC2086
    env ${RANK_1:+$([ "$rank" = 1 ] && echo "$RANK_1")} RANK=$rank WORLD_SIZE=$count LOCAL_RANK=$rank LOCAL_WORLD_SIZE=$count \
      MASTER_ADDR=127.0.0.1 MASTER_PORT=$port "$BIN/vega-train" run "${base[@]}" -o "$out" "$@" >"$out.out.$rank" 2>"$out.err.$rank" &
    PIDS+=($!)
  done
}
# ended RUN CODE...: waits for all; each rank has its exit code. All messages in $ERR.
ended() {
  EXPECTED=$((EXPECTED + 1))
  local out=$1 pid codes=()
  shift
  for pid in "${PIDS[@]}"; do
    wait "$pid" 2>/dev/null
    codes+=($?)
  done
  cat "$out".err.* >"$ERR"
  [ "${codes[*]}" = "$*" ] || fail "exit codes ${codes[*]}, expected $*"
}
ranks() {   # COUNT RUN OPTIONS...: to a good end
  start "$@"
  local zeros=()
  for pid in "${PIDS[@]}"; do zeros+=(0); done
  ended "$2" "${zeros[@]}"
}
lines_of() { cat "$1/metrics.jsonl" 2>/dev/null | wc -l; }
# until_line RUN N: the run has written N lines, or a process of it has ended.
until_line() {
  local pid
  until [ "$(lines_of "$1")" -ge "$2" ]; do
    for pid in "${PIDS[@]}"; do kill -0 "$pid" 2>/dev/null || return 0; done
    sleep 0.05
  done
}
# near RUN RUN BOUND: losses and norms of all steps, relative; rates and counts are the same.
near() {
  EXPECTED=$((EXPECTED + 2))
  local worst
  same() { grep -oE '"(step|epoch|targets|samples|tokens)":[^,]*|"rate":\{[^}]*\}' "$1/metrics.jsonl"; }
  figures() { grep -oE '"(loss|grad_norm)":[^,]*' "$1/metrics.jsonl" | cut -d: -f2; }
  [ "$(same "$1")" = "$(same "$2")" ] || fail "$1 and $2: other steps, rates or counts"
  worst=$(paste <(figures "$1") <(figures "$2") | awk '{ d = ($1 - $2) / $1; if (d < 0) d = -d; if (!(d <= w)) w = d } END { print w + 0, NR }')
  echo "$1, $2: largest difference, figures: $worst"
  awk -v b="$3" '{ exit !($2 >= 6 && $1 <= b) }' <<<"$worst" || fail "$1 and $2 differ by $worst"
}
