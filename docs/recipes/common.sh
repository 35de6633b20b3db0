# common.sh: what the scripts of the recipes share: their help, messages, programs that are measured and can be stopped, also side
# by side, and shares of an array. They set bin (programs) and out (results) before they measure.
# shellcheck shell=bash disable=SC2034,SC2154

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }   # the script's own first lines
say() { printf '\n%s\n' "$*" >&2; }
# refuse WORDS...: a wrong call.
refuse() { echo "run.sh: $*" >&2; exit 2; }
quiet=(--log-level warn --progress off)

# A signal is passed on to the program that computes; it saves and exits with 75, and so does the script. Between two programs,
# or before one could catch it, a signal ends the script with 75 too.
pass_on=TERM
catch_signals() {   # again in every subshell that runs programs in the background
  child='' told=''
  trap 'told=1; [ -z "$child" ] || kill -s "$pass_on" "$child" 2>/dev/null || true' TERM INT USR1
}
catch_signals
# measure NAME COMMAND...: runs it with its stdout in log/NAME.txt; its processor and wall time go to log/times.tsv. Its exit
# code is the command's.
measure() {
  local name=$1 rc=0 status
  shift
  [ -z "$told" ] || return 75
  printf '$ %s\n' "${*/#$bin\//}" >&2
  {
    TIMEFORMAT="$name"$'\t%U\t%S\t%R'
    time {
      "$@" >"$out/log/$name.txt" 2>&3 3>&- &
      child=$!
      [ -z "$told" ] || kill -s "$pass_on" "$child" 2>/dev/null || true
      while :; do wait "$child" && status=0 || status=$?; kill -0 "$child" 2>/dev/null || break; done
      child='' rc=$status
    }
  } 3>&2 2>>"$out/log/times.tsv"
  [ -z "$told" ] || [ "$rc" != 143 ] || rc=75
  return "$rc"
}
# measured NAME COMMAND...: the same; an exit code that is not 0 ends the script.
measured() {
  local rc=0
  measure "$@" || rc=$?
  [ "$rc" = 0 ] || { [ "$rc" = 75 ] || echo "run.sh: $1: exit code $rc" >&2; exit "$rc"; }
}

# take_share SHARD: share and of, from i/n (i from 0), auto (the task of a SLURM array) or nothing (all).
take_share() {
  share=0 of=1
  case $1 in
    '') ;;
    auto) share=$(((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN) / ${SLURM_ARRAY_TASK_STEP:-1})) of=$SLURM_ARRAY_TASK_COUNT ;;
    *) share=${1%/*} of=${1#*/} ;;
  esac
}

# beside COMMAND...: runs it beside others, `jobs` at a time; all_ended waits for the last ones. After side_by_side a signal
# goes to all of them, and the exit code is then 75.
running=0
side_by_side() {
  [ "$jobs" = 1 ] || trap 'told=1; for pid in $(jobs -p); do kill -s TERM "$pid" 2>/dev/null || true; done' TERM INT USR1
}
beside() {
  if [ "$jobs" = 1 ]; then "$@"; return; fi
  [ "$running" != "$jobs" ] || one_ended
  { catch_signals && "$@"; } &
  running=$((running + 1))
}
one_ended() {
  wait -n && { running=$((running - 1)); return; }
  local rc=$?
  wait
  [ -z "$told" ] || rc=75
  exit $rc
}
all_ended() { while [ "$running" -gt 0 ]; do one_ended; done; }
