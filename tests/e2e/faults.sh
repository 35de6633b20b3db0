# A disk that fails: every call that writes an output is made to fail (tests/fault/fault_shim.c), the output
# folder is in the way, limited or gone. Each time: exit 6, a message with path, reason and remedy, the old
# file as it was, no part file, and a second run that succeeds. Full and read-only file systems: mounts.sh.
#   bash faults.sh BIN TOOLS     TOOLS: the folder of fault_store and libfault_shim.so
# VEGA_SOAK=1: three kinds of error each, and many more calls of the real program.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
EIO=5 EINTR=4 ENOSPC=28 EDQUOT=122 ENOLCK=37
declare -A REASON=([$EIO]="Input/output error" [$ENOSPC]="No space left on device" \
  [$EDQUOT]="Disk quota exceeded")

start() { # a fresh $D, with the old files of the scenario
  rm -rf "$D"
  if [ -n "$OLD" ]; then cp -r "$OLD" "$D"; else mkdir "$D"; fi
}
# expect_old WHAT: the old file is what it was. expect_new WHAT: the file is that of an undisturbed run.
expect_old() {
  EXPECTED=$((EXPECTED + 1))
  if [ -n "$OLD" ]; then
    cmp -s "$OLD/$FILE" "$D/$FILE" || fail "$1: the old file was changed"
  else
    [ ! -e "$D/$FILE" ] || fail "$1: a file under the final name"
  fi
}
expect_new() {
  EXPECTED=$((EXPECTED + 1))
  [ "$(content "$D/$FILE")" = "$WANTED" ] ||
    fail "$1: not the file of an undisturbed run: $(content "$D/$FILE" | head -n 3)"
}

# one CALL N ERRNO ON: one run with one fault, and what must be true afterwards.
one() {
  local call=$1 n=$2 error=$3 on=$4
  local what="$NAME, $call $n of ${CALLS[$call]}, ${REASON[$error]}${on:+ from there on}"
  start
  run faulty CALL="$call" AT="$n" ERRNO="$error" ON="$on" -- "${COMMAND[@]}"
  LAST=$what
  EXPECTED=$((EXPECTED + 3))
  [ "$RC" = 6 ] || fail "exit code $RC, expected 6"
  grep -qF "$D" "$ERR" || fail "the message names no path"
  grep -qF "${REASON[$error]}" "$ERR" && grep -q "; [a-z]" "$ERR" || fail "no reason, or no remedy"
  expect_no_parts "$D"
  # The folder is synced last, after the new file took its name: it is there, and whole.
  if [ "$call" = fsync ] && [ "$n" = "${CALLS[fsync]}" ]; then expect_new "$what"; else expect_old "$what"; fi
  again "$what"
}
# again WHAT: a second run succeeds and makes the file of an undisturbed run.
again() {
  run "${COMMAND[@]}"
  EXPECTED=$((EXPECTED + 1))
  LAST="run again after $1"
  [ "$RC" = 0 ] || fail "exit code $RC, expected 0"
  expect_new "$1"
  expect_no_parts "$D"
}

# The numbers 1 .. COUNT, or about MOST of them: first, last, and evenly between.
picks() { # COUNT MOST
  if [ "$1" -le "$2" ]; then
    seq "$1"
  else
    local i
    for ((i = 0; i < $2; i++)); do echo $((1 + i * ($1 - 1) / ($2 - 1))); done
  fi
}

# sweep NAME MOST COMMAND...: over every call of every kind, about MOST of each.
sweep() {
  NAME=$1
  local most=$2 call n kinds="write fsync rename truncate create mkdir"
  shift 2
  COMMAND=("$@")
  start
  rm -f "$T/log"
  expect_exit 0 faulty LOG="$T/log" -- "${COMMAND[@]}"
  WANTED=$(content "$D/$FILE")
  check "$NAME: the file of an undisturbed run is whole" test -n "$WANTED"
  declare -gA CALLS=()
  for call in $kinds; do CALLS[$call]=$(grep -c "^$call " "$T/log"); done
  check "$NAME: calls are seen" test "${CALLS[write]}" -gt 0 -a "${CALLS[rename]}" = 1
  for call in $kinds; do
    for n in $(picks "${CALLS[$call]}" "$most"); do
      # Failing once is the harder case where a later call could hide it; a full disk stays full.
      if [ -n "$SOAK" ] || [ $((n % 2)) = 1 ]; then one "$call" "$n" $EIO ""; fi
      if [ -n "$SOAK" ] || [ $((n % 2)) = 0 ]; then one "$call" "$n" $ENOSPC 1; fi
      [ -z "$SOAK" ] || one "$call" "$n" $EDQUOT 1
    done
  done
  # No faults: writes that take less than was offered, or are interrupted; a file system without locks.
  start
  expect_exit 0 faulty CALL=write AT=0 SHORT=1 -- "${COMMAND[@]}"
  expect_new "$NAME, every write short"
  for n in $(picks "${CALLS[write]}" $((most < 8 ? 2 : 8))); do
    start
    expect_exit 0 faulty CALL=write AT="$n" ERRNO=$EINTR -- "${COMMAND[@]}"
    expect_new "$NAME, write $n interrupted"
  done
  start
  expect_exit 0 faulty CALL=flock AT=0 ERRNO=$ENOLCK -- "${COMMAND[@]}"
  expect_new "$NAME, no locks"
  expect_no_parts "$D"
  echo "$NAME: ${CALLS[write]} writes"
}

# --- the writers of the store: every call.
FILE=t/x.h5
mkdir -p "$T/old/t"
expect_exit 0 "$STORE" make "$T/old/$FILE"
OLD="" sweep "new file" 1000 "$STORE" make "$D/$FILE"
OLD=$T/old sweep "file replaced" "${SOAK:+10}20" "$STORE" make "$D/$FILE"
OLD=$T/old sweep "tap added" 1000 "$STORE" add "$D/$FILE"
FILE=t/p.h5 OLD="" sweep "prompt" 1000 "$STORE" prompt "$D/t/p.h5"
check "many writes were tried" test "$EXPECTED" -gt 1000

# --- the program.
expect_exit 0 synth scene --size 96x64 --frames 4 -o "$T/room"
expect_exit 0 synth scene --size 96x64 --frames 4 --seed 2 -o "$T/room2"
FILE=t/room.h5
rgb=("$BIN/vega-extract" features "$T/room" --backbone rgb --size 96x64 --tag t --progress off -o)
expect_exit 0 "${rgb[@]}" "$T/room-old"
OLD="" sweep "features" "${SOAK:+5}4" "${rgb[@]}" "$D"
OLD=$T/room-old sweep "features --overwrite" "${SOAK:+5}3" "${rgb[@]}" "$D" --overwrite
OLD=""

# The memory of fingerprints is a convenience: a run does not need it.
expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/m"
wan=("$BIN/vega-extract" features "$T/room" --model "$T/m" --size 64x64 --select uniform:2 --tag t
  --progress off -o)
for call in write create mkdir rename; do
  start
  rm -rf "$XDG_CACHE_HOME"
  PREFIX=$XDG_CACHE_HOME expect_exit 0 faulty CALL=$call AT=0 ERRNO=$EIO -- "${wan[@]}" "$D"
  expect_no_parts "$T"
done
if [ -n "$SOAK" ]; then
  cp -r "$D" "$T/wan-old"
  OLD=$T/wan-old sweep "features, tap added" 25 "${wan[@]}" "$D" --block 5
  OLD=""
fi

# --- a list stops at once, and names what was finished before.
start
list=("$BIN/vega-extract" features "$T/room" "$T/room2" --backbone rgb --size 96x64 --tag t -o "$D")
expect_exit 6 faulty CALL=rename AT=2 ERRNO=$EIO -- "${list[@]}"
expect_text "$D/t/room2.h5" "rename failed (Input/output error)"
expect_out "room$TAB$D/t/room.h5"
expect_no_parts "$D"
check "the first scene stands" "$STORE" verify "$D/t/room.h5"
check "the second does not" test ! -e "$D/t/room2.h5"
start
expect_exit 6 faulty CALL=create AT=1 ERRNO=$ENOSPC -- "${list[@]}"
expect_out
expect_nothing "$D"

# --- in the way.
start
echo "a file" >"$T/file"
for out in "$T/file" "$T/file/inside"; do
  expect_exit 6 "${rgb[@]}" "$out"
  expect_text "$T/file" "; "
  check "the file in the way is kept" grep -q "a file" "$T/file"
done
mkdir -p "$D/t/room.h5"
expect_exit 6 "${rgb[@]}" "$D" --overwrite
expect_text "$D/t/room.h5" "a folder" "; "
expect_no_parts "$D"

# --- a limit on the size of files: no signal kills.
limited() { (ulimit -f 16 && exec "$@"); }
for OLD in "" "$T/room-old"; do
  start
  expect_exit 6 limited "${rgb[@]}" "$D" --overwrite
  expect_text "$D/$FILE" "File too large" "ulimit -f"
  expect_no_parts "$D"
  expect_old "a limit on the size of files"
done

# --- the folder is removed while a file in it is written: stopped right before a call, and let go.
for call in write rename fsync; do
  OLD="" start
  launch_stopped $call 1 "${rgb[@]}" "$D"
  LAST="the folder is removed before the first $call"
  rm -rf "$D"
  let_go
  check "exit code $code, expected 6" test $code = 6
  expect_text "$D" "No such file or directory" "; "
  expect_nothing "$D"
  expect_exit 0 "${rgb[@]}" "$D"
  check "and it is there again" "$STORE" verify "$D/$FILE"
done

finish
