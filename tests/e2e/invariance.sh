# Equal files whatever the threads, the order, the shards, the restarts and the neighbours.
#   bash invariance.sh BIN TOOLS
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"

expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/m"
for seed in 1 2 3; do
  expect_exit 0 synth scene --seed $seed --size 96x64 --frames 6 -o "$T/room$seed"
done
features() {
  local folder=$1
  shift
  extract features --model "$T/m" --size 96x64 --select uniform:4 -o "$T/$folder" --tag t \
    --progress off "$@"
}
same_files() {
  local key
  for key in 1 2 3; do expect_equal "$T/$1/t/room$key.h5" "$T/whole/t/room$key.h5"; done
  expect_no_parts "$T/$1"
}
rooms=("$T/room1" "$T/room2" "$T/room3")

# Threads, order, shards.
expect_exit 0 features whole "${rooms[@]}" --threads 2
expect_out "room1$TAB$T/whole/t/room1.h5" "room2$TAB$T/whole/t/room2.h5" \
  "room3$TAB$T/whole/t/room3.h5"
expect_exit 0 features one "${rooms[@]}" --threads 1
same_files one
expect_exit 0 features three --threads 3 "$T/room3" "$T/room1" "$T/room2"
same_files three
printf '%s\n' "${rooms[@]}" >"$T/list"
expect_exit 0 features shards --list "$T/list" --shard 1/2
expect_out "room2$TAB$T/shards/t/room2.h5"
expect_exit 0 features shards --list "$T/list" --shard 0/2
expect_out "room1$TAB$T/shards/t/room1.h5" "room3$TAB$T/shards/t/room3.h5"
same_files shards
# A shard is cut before anything is skipped: the same lines again, also when all are complete.
expect_exit 0 features shards --list "$T/list" --shard 1/2
expect_out "room2$TAB$T/shards/t/room2.h5"
expect_exit 2 features shards --list "$T/list" --shard 2/2
expect_text "--shard" "2/2" "i/n"

# The list of frames counts, not how it was chosen.
printf '%s\n' 0 1 3 5 >"$T/ids"
expect_exit 0 extract features "$T/room1" --model "$T/m" --size 96x64 --select "list:$T/ids" \
  -o "$T/ids-out" --tag t
expect_equal "$T/ids-out/t/room1.h5" "$T/whole/t/room1.h5"

# Two processes with one output and one memory of fingerprints at once.
rm -rf "$XDG_CACHE_HOME"
features pair "${rooms[@]}" --threads 1 >"$T/a.out" 2>"$T/a.err" &
first=$!
features pair "${rooms[@]}" --threads 1 >"$T/b.out" 2>"$T/b.err" &
second=$!
for process in $first $second; do
  wait $process
  code=$?
  LAST="two processes at once"
  cat "$T/a.err" "$T/b.err" >"$ERR"
  check "exit code $code of one of two processes" test $code = 0
done
check "both tell what is there" cmp "$T/a.out" "$T/b.out"
same_files pair

# Killed in the middle: nothing under the final name, a part file at most; the next run finishes,
# and sweeps the part away. The moment is that of a system call, so it is the same on every machine.
expect_exit 0 synth scene --seed 1 --size 96x64 --frames 24 -o "$T/long"
long() { # FOLDER: sets COMMAND
  COMMAND=("$BIN/vega-extract" features "$T/long" --model "$T/m" --size 256x192 --select stride:1 --threads 1
    -o "$1" --tag t)
}
long "$T/unhurt"
expect_exit 0 "${COMMAND[@]}"
long "$D/killed"
launch_stopped fsync 1 "${COMMAND[@]}"
let_go KILL
LAST="a run killed in the middle"
check "it was killed, it did not end" test $code = 137
check "the killed run left its part file" compgen -G "$D/killed/t/long.h5.part-*"
check "and no file" test ! -e "$D/killed/t/long.h5"
check "and no line of the manifest" test ! -s "$OUT"
expect_exit 0 "${COMMAND[@]}"
expect_no_parts "$D/killed"
expect_exit 0 extract verify "$D/killed"
expect_equal "$D/killed/t/long.h5" "$T/unhurt/t/long.h5"

# Asked to stop while the first frame is still to come: exit 75, nothing left behind, the next run goes on.
for signal in TERM USR1 INT; do
  long "$D/asked$signal"
  launch_stopped create 1 "${COMMAND[@]}"
  let_go $signal
  LAST="a run stopped by SIG$signal"
  check "SIG$signal: exit 75" test $code = 75
  check "SIG$signal: said so" grep -q "stopped by SIG$signal" "$ERR"
  expect_no_parts "$D/asked$signal"
  check "SIG$signal: no file" test ! -e "$D/asked$signal/t/long.h5"
done
long "$D/askedTERM"
expect_exit 0 "${COMMAND[@]}"
expect_equal "$D/askedTERM/t/long.h5" "$T/unhurt/t/long.h5"

# Two processes that add different taps to one file at once: both are there afterwards.
expect_exit 0 extract features "$T/long" --model "$T/m" --size 96x64 --select uniform:4 -o "$T/taps" --tag t
for block in 9 10; do
  extract features "$T/long" --model "$T/m" --size 96x64 --select uniform:4 --block $block \
    -o "$T/taps" --tag t >"$T/$block.out" 2>"$T/$block.err" &
done
wait
LAST="two taps added at once"
expect_exit 0 extract inspect "$T/taps"
for tap in b20_t300 b9_t300 b10_t300; do
  check "tap $tap is there" grep -q "/taps/$tap/tokens" "$OUT"
done

finish
