# Two processes with one list and one output folder: one winner a scene, equal files, both exit 0. Different taps
# of the same scenes: all are there in the end. One of the two is killed: the other goes on, and what the dead one
# left is removed.
#   bash two_processes.sh BIN TOOLS
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/m"
rooms=()
for seed in 1 2 3; do
  expect_exit 0 synth scene --seed $seed --size 96x64 --frames 4 -o "$T/room$seed"
  rooms+=("$T/room$seed")
done
wan() { # FOLDER OPTIONS...: sets COMMAND
  COMMAND=("$BIN/vega-extract" features "${rooms[@]}" --model "$T/m" --size 64x64 --select uniform:2 --threads 1
    --tag t --progress off -o "$@")
}
# both WHAT: waits for the two processes begun by `begin`: exit 0, and the lines of all scenes from both.
begin() { # NAME
  "${COMMAND[@]}" >"$T/$1.out" 2>"$T/$1.err" &
  eval "$1=\$!"
}
both() {
  local name code
  LAST=$1
  for name in a b; do
    wait "${!name}"
    code=$?
    cp "$T/$name.err" "$ERR"
    check "exit code $code of process $name" test $code = 0
    check "all lines of process $name" test "$(cut -f1 "$T/$name.out" | tr '\n' ' ')" = "room1 room2 room3 "
  done
}
# expect_files FOLDER OTHER: the same content, no part files.
expect_files() {
  check "the files of $1 are those of $2" test "$(content "$1"/t/*.h5)" = "$(content "$2"/t/*.h5)"
  expect_no_parts "$1"
}

wan "$T/whole"
expect_exit 0 "${COMMAND[@]}"
cp -r "$T/whole" "$T/three"
for block in 9 10; do
  wan "$T/three" --block $block
  expect_exit 0 "${COMMAND[@]}"
done

# --- the same work, without and with an old file.
wan "$D"
begin a && begin b
both "the same list twice"
expect_files "$D" "$T/whole"
wan "$D" --overwrite
begin a && begin b
both "the same list twice, --overwrite"
expect_files "$D" "$T/whole"

# --- different taps added to the same files.
wan "$D" --block 9
begin a
wan "$D" --block 10
begin b
both "two taps added"
expect_files "$D" "$T/three"

# --- at a moment that is the same on every machine: one stands with the first file written, under the name
# of a part file and locked, while the other does all the work. Then it goes on.
rm -rf "$D"
wan "$D"
launch_stopped fsync 1 "${COMMAND[@]}"
check "it stands, with its part file" compgen -G "$D/t/room1.h5.part-*"
cp "$OUT" "$T/a.out"
run "${COMMAND[@]}"
check "the other one is not held up" test "$RC" = 0
check "a living part file is left alone" test "$(find "$D" -name '*.part-*' | wc -l)" -ge 1
let_go
LAST="the one that had to wait"
check "exit code $code" test $code = 0
expect_files "$D" "$T/whole"

# --- the same moment with different taps, from nothing: neither takes the other's away.
rm -rf "$D"
launch_stopped fsync 1 "${COMMAND[@]}"
for block in 10 9; do
  wan "$D" --block $block
  expect_exit 0 "${COMMAND[@]}"
done
let_go
LAST="three taps of one file, from nothing"
check "exit code $code" test $code = 0
expect_files "$D" "$T/three"

# --- and is killed there: the other one's files stay, and the next run removes what is left.
rm -rf "$D"
wan "$D"
launch_stopped fsync 1 "${COMMAND[@]}"
expect_exit 0 "${COMMAND[@]}"
let_go KILL
LAST="killed before the file got its name"
check "exit code $code, expected 137" test $code = 137
expect_exit 0 "${COMMAND[@]}"
check "nothing was left to do" test "$(grep -c "complete already, /" "$ERR")" = 3
expect_files "$D" "$T/whole"

finish
