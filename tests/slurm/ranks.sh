# One training on several ranks by a real SLURM of one node, with tools/slurm/train.sbatch as it is: two jobs at once on one
# node, one of which is told to stop in the middle and queues itself again; the weights equal those of one rank without SLURM.
#   bash ranks.sh BIN     BIN: the folder of the programs. Exit code 77: no cluster can be had here.
. "$(dirname "$0")/begin.sh"
. "$SOURCE/tests/e2e/train_lib.sh" || exit 1
SCRIPT=$SOURCE/tools/slurm/train.sbatch
cd "$T" || exit 1
make_train_data random:6

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

end_of_cluster
