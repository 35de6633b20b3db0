# Both recipes on scans from --submit slurm to RESULTS.md, on a made-up world and a real SLURM of one node: arrays of scenes,
# of answers and of settings, a training in two tasks that is told to stop in the middle and queues itself again, and jobs
# that wait for it.
#   bash recipes.sh BIN     BIN: the folder of the programs. Exit code 77: no cluster can be had here.
. "$(dirname "$0")/begin.sh"
cd "$T" || exit 1
export BUILD=$T/build
mkdir build && ln -s "$BIN" build/bin
recipe() { local name=$1; shift; "$SOURCE/docs/recipes/$name/run.sh" "$@"; }
expect_exit 0 bash "$SOURCE/docs/recipes/made_up.sh" world
cat >scannet.conf <<END
. $T/world/scannet.conf
tasks="scanrefer scanqa" mixture="scanqa scanrefer" sbatch="--cpus-per-task=1"
train="--position avg-discrete-sin3d --ground-head infonce --lora-rank 4 --batch 4 --steps 20 --warmup 0"
scenes_sbatch=--array=0-1 generative_sbatch=--array=0-1 answer_sbatch=--array=0-1 ranks=2 ranks_per_node=2
END
cat >ablation.conf <<END
. $T/world/ablation.conf
published=auto sbatch="--cpus-per-task=1" settings_sbatch=--array=0-1
END
job_of() { awk -F'\t' -v stage="$2" '$2 == stage { print $1 }' "$1"; }

expect_exit 0 recipe scannet --conf scannet.conf -o scannet --submit slurm
cp "$OUT" scannet.jobs
check "nine jobs, in order" test "$(cut -f 2 scannet.jobs | paste -sd ' ')" = "lists scenes semantic generative questions train seen answer score"
expect_exit 0 recipe ablation --conf ablation.conf -o ablation --submit slurm
cp "$OUT" ablation.jobs
check "seven jobs" test "$(wc -l <ablation.jobs)" = 7
[ "$FAILURES" = 0 ] || finish   # the rest would wait in vain

# --- the training is told to stop
train=$(job_of scannet.jobs train) last=$(job_of scannet.jobs score)
begun() { [ -s scannet/run/metrics.jsonl ] || over "$last"; }
until_true begun
check "the training has begun" test -s scannet/run/metrics.jsonl
[ "$FAILURES" = 0 ] || { tail -n 20 scannet/log/*.log; cluster_logs "$T/cluster"; finish; }
check "a signal can be sent" scancel --batch --signal=USR1 "${train}_0"
requeued() { [ "$(shown "${train}_0" Restarts)" = 1 ] && state_is "${train}_0" PENDING; }
check "it is queued again" until_true requeued
check "it had steps left" test ! -e scannet/run/finished.json
check "what comes behind it waits" state_is "$last" PENDING
check "the start is moved forward" scontrol update "JobId=${train}_0" StartTime=now+3   # not at once: see run.sh

# --- both to the end
until_true over "$last"
check "the last job is complete ($(shown "$last" JobState))" state_is "$last" COMPLETED
check "the training went on" grep -q 'goes on after step' scannet/log/scannet-train-*.log
check "in two ranks" grep -q 'rank 0 of 2 by slurm' scannet/log/scannet-train-*.log
check "a line a step" test "$(wc -l <scannet/run/metrics.jsonl)" = 20
for stage in scenes generative answer; do
  check "$stage: two tasks" test "$(find scannet/log -name "scannet-$stage-*_[01].log" | wc -l)" = 2
done
check "the answers are of two parts" test "$(find scannet/answers/scanqa -name 'part-*-of-2.jsonl' | wc -l)" -ge 1
number='[0-9]+\.[0-9]+'
check "a row" grep -qE "^\| chance \| \**$number "'\\\['"$number, $number" scannet/RESULTS.md
check "intervals" grep -qE "^\| scanqa \| EM \| $number \| -?$number to $number \|" scannet/RESULTS.md
check "the command that was typed" grep -qF -- '`docs/recipes/scannet/run.sh --conf scannet.conf -o scannet --submit slurm`' scannet/RESULTS.md
last=$(job_of ablation.jobs results)
until_true over "$last"
check "the last job of the ablation is complete ($(shown "$last" JobState))" state_is "$last" COMPLETED
for name in none token_gated-wan-b10_t300 token_gated-wan-b20_t100 token_gated-random-b20_t300 add-wan-b20_t300; do
  check "$name has a score and an interval" grep -qE "^\| $name \| $number \| -?$number to $number \|" ablation/RESULTS.md
done
check "the control is compared" grep -qE "^\| token_gated-wan-b20_t300 .*\| [+-]$number \([+-]$number to [+-]$number\) \| [+-]$number \(" ablation/RESULTS.md
for plot in layer timestep fusion; do check "$plot.svg" grep -q '</svg>' "ablation/$plot.svg"; done
check "published points beside ours and the control" test "$(grep -c 'VEGA-3D (published)\|>ours<\|>random weights<' ablation/layer.svg)" = 3
check "each setting is trained by one task" test "$(cat ablation/log/ablation-settings-*_[01].log | grep -c ': finished after')" = 6
[ "$FAILURES" = 0 ] || tail -n 20 {scannet,ablation}/log/*.log

end_of_cluster
