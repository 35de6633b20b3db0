# One training on several ranks by a real SLURM of one node, with tools/slurm/train.sbatch as it is: two jobs at once on one
# node, one of which is told to stop in the middle and queues itself again; the weights equal those of one rank without SLURM.
#   bash ranks.sh BIN     BIN: the folder of the programs. Exit code 77: no cluster can be had here.
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
# In a process namespace where one can be had: then nothing outlives this test, even where it is killed.
apart=(unshare --mount --pid --fork --kill-child --mount-proc)
if [ -z "${VEGA_TEST_APART:-}" ] && "${apart[@]}" true 2>/dev/null; then
  VEGA_TEST_APART=1 exec "${apart[@]}" bash "$0" "$@"
fi
. "$SOURCE/tests/e2e/lib.sh" || exit 1
. "$SOURCE/tests/e2e/train_lib.sh" || exit 1
. "$SOURCE/tests/slurm/cluster.sh" || exit 1
SCRIPT=$SOURCE/tools/slurm/train.sbatch
obstacle=$(cluster_obstacle)
[ -z "$obstacle" ] || { skip_note "$obstacle"; exit 77; }

unset "${!SLURM_@}" "${!SBATCH_@}" RANK WORLD_SIZE MASTER_ADDR MASTER_PORT   # of a job that this test may itself run in
mkdir "$T/cluster" "$T/log"
chmod 711 "$T"   # munged insists that its socket can be reached
trap 'cluster_stop; rm -rf -- "$T"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cluster_start "$T/cluster" || { cluster_logs "$T/cluster"; echo "FAILED: the cluster did not come up"; exit 1; }
cd "$T" || exit 1
make_train_data random:6

shown() { scontrol show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
state_is() { [ "$(shown "$1" JobState)" = "$2" ]; }
over() { case $(shown "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) true ;; *) false ;; esac; }
show_log() { sed "s/^/  log ${1}: /" "$T/log/$1.log" 2>/dev/null | tail -n 20; }
submit() {   # OUT OPTIONS...: the job's id in $JOB
  JOB=$(OUT=$1 EXTRA="${*:2}" sbatch --parsable --ntasks=2 --cpus-per-task=1 --chdir="$T" --output="$T/log/%j.log" "$SCRIPT" 2>"$ERR" |
    cut -d';' -f1)
  [ -n "$JOB" ] || fail "sbatch refused"
}

export VEGA=$BIN/vega-train CHECKPOINT=vlm-tiny DATA=mix.json SCENES=scenes SEMANTIC=features/semantic FEATURES=features/wan
settings=(--batch 4 --epochs 12 --warmup 0)
expect_exit 0 "$VEGA" run --checkpoint $CHECKPOINT --data $DATA --scenes $SCENES --semantic $SEMANTIC --features $FEATURES \
  -o one "${settings[@]}" --threads 1 --progress off
last=$(ls -d one/step-*)
last=${last##*/}

# --- two jobs on one node
submit first "${settings[@]}"
first=$JOB
submit second "${settings[@]}"
second=$JOB
begun() { [ -s first/metrics.jsonl ] || over "$first"; }
until_true begun
check "a signal can be sent" scancel --batch --signal=USR1 "$first"
requeued() { [ "$(shown "$first" Restarts)" = 1 ] && state_is "$first" PENDING; }
check "the job is queued again" until_true requeued
[ "$FAILURES" = 0 ] || { show_log "$first"; cluster_logs "$T/cluster"; }
check "it had steps left" test ! -e first/finished.json
check "it says so once" test "$(grep -c 'which is saved; run again to go on' "log/$first.log")" = 1
# SLURM lets two minutes pass before a job starts again. Not at once: see run.sh.
check "the start is moved forward" scontrol update "JobId=$first" StartTime=now+3
for job in "$first" "$second"; do
  until_true over "$job"
  check "job $job is complete ($(shown "$job" JobState))" state_is "$job" COMPLETED
  [ "$FAILURES" = 0 ] || show_log "$job"
done
check "the launcher is said" grep -q 'rank 0 of 2 by slurm, which meet at localhost:' "log/$second.log"
check "it went on" grep -q 'goes on after step' "log/$first.log"
# Two scenes a step: sums of two are the same in any order.
for run in first second; do
  for file in model-0-of-1.h5 optimizer-rank-0-of-1.h5; do
    check "$file has tensors" test "$(datasets "one/$last/$file" | wc -l)" -ge 4
    check "$run: equal $file" cmp -s <(datasets "one/$last/$file") <(datasets "$run/$last/$file")
  done
done

# --- two tasks, and a program that srun did not start
printf '#!/bin/bash\nexec "$VEGA" run --checkpoint vlm-tiny --data mix.json --scenes scenes -o alone\n' >alone.sh
JOB=$(sbatch --parsable --ntasks=2 --chdir="$T" --output="$T/log/%j.log" alone.sh)
until_true over "$JOB"
check "exit code ($(shown "$JOB" ExitCode))" test "$(shown "$JOB" ExitCode)" = 2:0
check "the missing ranks are named" grep -q 'ranks 0 to 1 are missing' "log/$JOB.log"

daemons=("${DAEMONS[@]}")
cluster_stop
for pid in "${daemons[@]}"; do check "daemon $pid is gone" gone "$pid"; done
echo "$SECONDS s"
finish
