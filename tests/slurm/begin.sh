# The beginning and the end of the tests beside it: a real SLURM of one node in $T/cluster, in a process namespace of its own
# where one can be had: then nothing outlives the test, even where it is killed. Source it first:
#   . "$(dirname "$0")/begin.sh"     exit code 77: no cluster can be had here
# and call end_of_cluster last.
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
apart=(unshare --mount --pid --fork --kill-child --mount-proc)
if [ -z "${VEGA_TEST_APART:-}" ] && "${apart[@]}" true 2>/dev/null; then
  VEGA_TEST_APART=1 exec "${apart[@]}" bash "$0" "$@"
fi
. "$SOURCE/tests/e2e/lib.sh" || exit 1
. "$SOURCE/tests/slurm/cluster.sh" || exit 1
obstacle=$(cluster_obstacle)
[ -z "$obstacle" ] || { skip_note "$obstacle"; exit 77; }

# Of a job that this test may itself run in.
unset "${!SLURM_@}" "${!SBATCH_@}" RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT "${!TORCHELASTIC_@}"
mkdir "$T/cluster" "$T/log"
chmod 711 "$T"   # munged insists that its socket can be reached
trap 'cluster_stop; rm -rf -- "$T"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cluster_start "$T/cluster" || { cluster_logs "$T/cluster"; echo "FAILED: the cluster did not come up"; exit 1; }

# shown JOB NAME: one value of `scontrol show job`.
shown() { scontrol show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
state_is() { [ "$(shown "$1" JobState)" = "$2" ]; }
over() { case $(shown "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) true ;; *) false ;; esac; }
show_log() { sed "s/^/  log ${1}: /" "$T/log/$1.log" 2>/dev/null | tail -n 20; }

end_of_cluster() {
  local daemons=("${DAEMONS[@]}") pid
  cluster_stop
  for pid in "${daemons[@]}"; do check "daemon $pid is gone" gone "$pid"; done
  finish
}
