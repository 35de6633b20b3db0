# An array of three tasks on a real SLURM of one node, with tools/slurm/extract.sbatch as it is, then with fuse.sbatch and
# eval.sbatch: one task is told to stop in the middle and queues itself again; in the end every scene and answer is there
# once and equals a run without SLURM.
#   bash run.sh BIN     BIN: the folder of vega-extract and vega-synth. Exit code 77: no cluster can be had here.
. "$(dirname "$0")/begin.sh"
SCRIPT=$SOURCE/tools/slurm/extract.sbatch

# Eight scenes: tasks 0 and 1 have three each, task 2 has two.
synth model --preset wan-tiny --dtype bf16 -o "$T/model" >"$OUT" 2>"$ERR" || fail "no model"
for i in 0 1 2 3 4 5 6 7; do
  synth scene --seed "$i" --size 80x60 --frames 16 -o "$T/rooms/room$i" >>"$OUT" 2>>"$ERR" || fail "no scene"
  printf '%s\n' "$T/rooms/room$i" >>"$T/list"
done
export VEGA=$BIN/vega-extract LIST=$T/list MODEL=$T/model
export EXTRA="--size 208x128 --select uniform:16 --tag f"

# submit OUT [OPTIONS...]: the job's id in $JOB.
submit() {
  local to=$1
  shift
  OUT=$to sbatch --parsable --cpus-per-task=1 --chdir="$T" --output="$T/log/%A_%a.log" "$@" "$SCRIPT" >"$T/submitted" \
    2>"$ERR" || fail "sbatch refused"
  JOB=$(cut -d';' -f1 "$T/submitted")
}
ended() { state_is "$1" "$2" || { over "$1" && return 1; }; }   # stops waiting at another end, too
say_times() { grep -ch 'job .* (restart' "$T/log/$1.log"; }

# The array, and the signal that SLURM's own --signal=B:USR1@120 sends when the time is nearly up: to the batch shell.
submit "$T/night" --array=0-2
array=$JOB
file() { printf '%s\n' "$T/night/f/room$1.h5"; }
begun() { [ -e "$(file 1)" ] || over "${array}_1"; }
until_true begun
check "task 1 publishes a scene" test -e "$(file 1)"
[ "$FAILURES" = 0 ] || { show_log "${array}_1"; cluster_logs "$T/cluster"; finish; }   # the rest would wait in vain
check "a signal can be sent" scancel --batch --signal=USR1 "${array}_1"
requeued() { [ "$(shown "${array}_1" Restarts)" = 1 ] && state_is "${array}_1" PENDING; }
check "the task is queued again" until_true requeued
check "it had work left" test ! -e "$(file 7)"
check "the dropped scene left no part" test -z "$(find "$T/night" -name 'room[147].h5.part-*')"
check "it says so" grep -q 'stopped with work left; queued again' "$T/log/${array}_1.log"
# SLURM lets two minutes pass before a task starts again; an operator may not want to wait, and nor does this test. Not at
# once: slurmd counts whole seconds, and takes a start in the second of the stop for a part of what was stopped.
check "the start is moved forward" scontrol update "JobId=${array}_1" StartTime=now+3
for task in 0 1 2; do
  until_true over "${array}_$task"
  check "task $task is complete ($(shown "${array}_$task" JobState))" state_is "${array}_$task" COMPLETED
  check "exit code of task $task" test "$(shown "${array}_$task" ExitCode)" = 0:0
  check "a report of task $task" test -s "$T/night/reports/$task.json"
  [ "$FAILURES" = 0 ] || show_log "${array}_$task"
done
check "task 0 ran once" test "$(shown "${array}_0" Restarts) $(say_times "${array}_0")" = "0 1"
check "task 1 ran twice" test "$(shown "${array}_1" Restarts) $(say_times "${array}_1")" = "1 2"
scontrol show job "${array}_1" | grep -E 'ArrayTaskId|Restarts|ExitCode'
check "the first scene of task 1 was computed once" test \
  "$(grep -c 'room1: written' "$T/log/${array}_1.log")" = 1

# Every scene once, whole, and equal to what one process computes.
check "eight files and nothing else" test "$(find "$T/night" -name '*.h5' | wc -l) $(find "$T/night/f" ! -type d | wc -l)" = "8 8"
expect_no_parts "$T/night"
expect_exit 0 extract verify "$T/night"
check "verify names eight" test "$(grep -c ': ok$' "$OUT")" = 8
expect_exit 0 extract features --list "$LIST" --model "$MODEL" -o "$T/plain" --threads 2 $EXTRA
for i in 0 1 2 3 4 5 6 7; do
  expect_equal "$(file "$i")" "$T/plain/f/room$i.h5"
done

# Submitted once more, with another cut: nothing is left to do, every task says so with 0.
submit "$T/night" --array=1-7:3
again=$JOB
for task in 1 4 7; do
  until_true over "${again}_$task"
  check "task $task of the rerun" state_is "${again}_$task" COMPLETED
done
check "nothing is computed again" test "$(cat "$T/log/${again}"_*.log | grep -c 'room.: complete already')" = 8
check "and nothing written" test "$(cat "$T/log/${again}"_*.log | grep -c ': written')" = 0

# Other exit codes are the task's own: a scene that is none (4); an irregular array has no shards (2).
{ cat "$T/list"; echo "$T/nowhere"; } >"$T/list_with_a_hole"
LIST=$T/list_with_a_hole submit "$T/night" --array=0-0
hole=${JOB}_0
EXTRA="--backbone rgb --size 96x64" MODEL='' submit "$T/irregular" --array=1,5,6
irregular=$JOB
until_true over "$hole"
check "a hole in the list ($(shown "$hole" ExitCode))" test "$(shown "$hole" JobState) $(shown "$hole" ExitCode)" = "FAILED 4:0"
[ "$(shown "$hole" ExitCode)" = 4:0 ] || show_log "$hole"
for task in 1 5 6; do
  until_true over "${irregular}_$task"
  check "task $task of 1,5,6 is refused" test "$(shown "${irregular}_$task" ExitCode)" = 2:0
done
expect_no_parts "$T/irregular"
check "nothing computed by the refused" test -z "$(find "$T/irregular" -name '*.h5')"

# scancel is the end of a task: it stops in order and does not come back.
submit "$T/cancelled" --array=0-0
gone=${JOB}_0
check "it runs" until_true test -e "$T/cancelled/f/room0.h5"
check "it can be cancelled" scancel "$gone"
stopped() { grep -q 'extract.sbatch: exit code 75' "$T/log/$gone.log"; }
check "it stops in order" until_true stopped
check "and stays away" until_true state_is "$gone" CANCELLED
check "without a restart" test "$(shown "$gone" Restarts)" = 0
until_true no_jobs
expect_no_parts "$T/cancelled"
[ "$FAILURES" = 0 ] || { show_log "$gone"; cluster_logs "$T/cluster"; }

# The next stage, on what the night left: its script is the same but for the command, in two tasks.
same_part() { sed '1,/^# -------.*the same in every script/d' "$1"; }
check "the scripts agree" test "$(same_part "$SCRIPT")" = "$(same_part "$SOURCE/tools/slurm/fuse.sbatch")"
check "on something" test "$(same_part "$SCRIPT" | wc -l)" -gt 20
SCRIPT=$SOURCE/tools/slurm/fuse.sbatch
expect_exit 0 extract features --list "$T/list" --backbone rgb --pool 27x27 --select uniform:4 --tag semantic -o "$T/night"
expect_exit 0 extract features --list "$T/list" --backbone rgb --select uniform:4 --tag rgb -o "$T/night"
for i in 0 1 2 3 4 5 6 7; do printf '%s\n' "$T/night/rgb/room$i.h5"; done >"$T/fuse.txt"
export VEGA=$BIN/vega-fuse LIST=$T/fuse.txt SEMANTIC=$T/night/semantic EXTRA="--width 256 --tag t"
submit "$T/tokens" --array=0-1
fused=$JOB
for task in 0 1; do
  until_true over "${fused}_$task"
  check "fuse task $task is complete ($(shown "${fused}_$task" JobState))" state_is "${fused}_$task" COMPLETED
  [ "$FAILURES" = 0 ] || show_log "${fused}_$task"
done
check "eight files of tokens" test "$(find "$T/tokens/t" -name '*.h5' | wc -l)" = 8
expect_exit 0 "$BIN/vega-fuse" verify "$T/tokens"
expect_exit 0 "$BIN/vega-fuse" tokens --list "$LIST" --semantic "$SEMANTIC" $EXTRA -o "$T/plain"
for i in 0 7; do expect_equal "$T/tokens/t/room$i.h5" "$T/plain/t/room$i.h5"; done

# The last stage: answers of a benchmark in two tasks, one of which is told to stop between two answers.
check "the scripts agree" test "$(same_part "$SCRIPT")" = "$(same_part "$SOURCE/tools/slurm/eval.sbatch")"
check "the scripts agree" test "$(same_part "$SCRIPT")" = "$(same_part "$SOURCE/tools/slurm/world.sbatch")"
check "the scripts agree" test "$(same_part "$SCRIPT")" = "$(same_part "$SOURCE/tools/slurm/recipe.sbatch")"
SCRIPT=$SOURCE/tools/slurm/eval.sbatch
expect_exit 0 synth model --preset vlm-tiny-video -o "$T/vlm" --progress off
expect_exit 0 extract features --list "$T/list" --backbone siglip --model "$T/vlm" --select uniform:1 --tag siglip -o "$T/night" --progress off
{
  between='['
  for i in 0 1 2 3 4 5 6 7; do
    for word in chair lamp table; do
      printf '%s{"id": "%s-%s", "video": "scannet/room%s", "conversations": [{"value": "<image> What is the %s?", "from": "human"}, {"value": "red", "from": "gpt"}], "metadata": {"dataset": "sqa3d", "question_type": "what"}}' \
        "$between" "$i" "$word" "$i" "$word"
      between=$', \n'
    done
  done
  printf ']'
} >"$T/sqa3d.json"
export VEGA=$BIN/vega-eval TASK=sqa3d QUESTIONS=$T/sqa3d.json CHECKPOINT=$T/vlm SEMANTIC=$T/night/siglip
unset SCENES FEATURES LIST MODEL
export EXTRA="--max-new-tokens 300 --batch 1"
submit "$T/answers" --array=0-1
asked=$JOB
part=$T/answers/part-1-of-2.jsonl
answering() { [ -s "$part" ] || over "${asked}_1"; }
until_true answering
check "a signal can be sent" scancel --batch --signal=USR1 "${asked}_1"
requeued() { [ "$(shown "${asked}_1" Restarts)" = 1 ] && state_is "${asked}_1" PENDING; }
check "the task is queued again" until_true requeued
check "it had answers left" test "$(wc -l <"$part")" -lt 12
check "the start is moved forward" scontrol update "JobId=${asked}_1" StartTime=now+3
for task in 0 1; do
  until_true over "${asked}_$task"
  check "eval task $task is complete ($(shown "${asked}_$task" JobState))" state_is "${asked}_$task" COMPLETED
  [ "$FAILURES" = 0 ] || show_log "${asked}_$task"
done
check "12 answers a task" test "$(wc -l <"$T/answers/part-0-of-2.jsonl") $(wc -l <"$part")" = "12 12"
expect_exit 0 "$VEGA" merge "$T/answers"
expect_exit 0 "$VEGA" answer sqa3d "$QUESTIONS" --checkpoint "$CHECKPOINT" --semantic "$SEMANTIC" -o "$T/plain_answers" \
  --max-new-tokens 300 --progress off
check "equal to one run" cmp "$T/answers/answers.jsonl" "$T/plain_answers/answers.jsonl"
# Submitted again in three tasks: nothing is left.
submit "$T/answers" --array=0-2
for task in 0 1 2; do
  until_true over "${JOB}_$task"
  check "task $task of three" state_is "${JOB}_$task" COMPLETED
  check "it answers nothing" test ! -s "$T/answers/part-$task-of-3.jsonl"
done
until_true no_jobs

end_of_cluster
