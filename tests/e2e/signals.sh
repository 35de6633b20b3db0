# Signals during a run over several scenes: what is in hand is finished or dropped, what was finished stays, exit
# 75, and the next run goes on. A second SIGINT leaves at once, in the middle of a frame: exit 130, as a shell
# names it; nothing is saved then. One bad scene among good ones; --fail-fast.
#   bash signals.sh BIN TOOLS
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/m"
rooms=()
for seed in 1 2 3 4; do
  expect_exit 0 synth scene --seed $seed --size 96x64 --frames 4 -o "$T/room$seed"
  rooms+=("$T/room$seed")
done
features() { # SIZE OPTIONS...: sets COMMAND, which writes to $D
  COMMAND=("$BIN/vega-extract" features "${rooms[@]}" --model "$T/m" --size "$1" --select uniform:2
    --threads 1 --tag t --progress off -o "$D" "${@:2}")
}
equals_whole() { # WHAT
  check "$1: the files are those of an undisturbed run" test "$(content "$D"/t/*.h5)" = "$WHOLE"
  expect_no_parts "$D"
}

features 64x64
expect_exit 0 "${COMMAND[@]}"
WHOLE=$(content "$D"/t/*.h5)

# --- while the second scene gets its name: the first one stands, the fourth one is not begun.
for signal in TERM USR1 INT; do
  rm -rf "$D"
  launch_stopped rename 2 "${COMMAND[@]}"
  let_go $signal
  LAST="stopped by SIG$signal"
  check "exit code $code, expected 75" test $code = 75
  expect_text "stopped by SIG$signal" "run again"
  expect_no_parts "$D"
  check "what is there is whole" "$STORE" verify "$D"/t/*.h5
  check "the first scene stands" test -e "$D/t/room1.h5"
  check "the last one does not" test ! -e "$D/t/room4.h5"
  for file in "$D"/t/*.h5; do printf '%s\t%s\n' "$(basename "$file" .h5)" "$file"; done >"$T/there"
  check "the manifest names what is there" cmp "$OUT" "$T/there"
  before=$(wc -l <"$OUT")
  expect_exit 0 "${COMMAND[@]}"
  LAST="the run after SIG$signal"
  check "four lines" test "$(wc -l <"$OUT")" = 4
  check "nothing is done twice" test "$(grep -c "complete already, /" "$ERR")" = "$before"
  equals_whole "SIG$signal"
done

# --- before the first output.
for signal in TERM INT; do
  rm -rf "$D"
  launch_stopped mkdir 1 "${COMMAND[@]}"
  let_go $signal
  LAST="SIG$signal before the first output"
  check "exit code $code, expected 75" test $code = 75
  expect_nothing "$D"
  expect_out
done

# --- SIGINT twice in the middle of a frame that takes seconds. The second follows as soon as the first one was taken
# (two of one kind that both wait are one). Exit code 130 says that the frame was not waited for: who waits exits 75.
# A frame that ended between the two signals is tried again.
features 1280x720
for _ in 1 2 3 4 5; do
  rm -rf "$D"
  launch "${COMMAND[@]}"
  while kill -0 $process 2>/dev/null && ! compgen -G "$D/t/room1.h5.part-*" >/dev/null; do sleep 0.02; done
  kill -INT $process
  while grep -qsE '^(Shd|Sig)Pnd:.*[1-9a-f]' /proc/$process/status; do sleep 0.01; done
  kill -INT $process 2>/dev/null
  ended
  [ $code = 75 ] || break
done
LAST="SIGINT twice"
check "exit code $code, expected 130" test $code = 130
check "no file" test ! -e "$D/t/room1.h5"
features 64x64
expect_exit 0 "${COMMAND[@]}"
equals_whole "SIGINT twice"

# --- one bad scene among good ones: named, the others written, exit 4.
bytes=$(stat -c %s "$T/room2/00002.jpg")
for jpeg in "$T"/room2/*.jpg; do head -c $((bytes / 2)) "$jpeg" >"$T/cut" && mv "$T/cut" "$jpeg"; done
keys() { cut -f1 "$OUT" | tr '\n' ' '; }
rm -rf "$D"
expect_exit 4 "${COMMAND[@]}"
expect_text "room2: " "$T/room2/0000" "3 written" "1 failed"
check "the good ones, in order" test "$(keys)" = "room1 room3 room4 "
check "no file of the bad one" test "$(cd "$D/t" && echo *)" = "room1.h5 room3.h5 room4.h5"
check "the others are whole" "$STORE" verify "$D"/t/*.h5
rm -rf "$D"
features 64x64 --fail-fast
expect_exit 4 "${COMMAND[@]}"
check "--fail-fast: nothing after the bad one" test "$(keys)" = "room1 "
check "--fail-fast: no file after the bad one" test "$(cd "$D/t" && echo *)" = room1.h5
# Stopped when a scene had failed already: 75 beats 4. There are more scenes than the run has under way.
rm -rf "$D"
for more in 5 6 7 8; do
  cp -r "$T/room1" "$T/room$more"
  rooms+=("$T/room$more")
done
features 64x64
launch_stopped rename 2 "${COMMAND[@]}"
let_go TERM
LAST="a bad scene, then SIGTERM"
check "exit code $code, expected 75" test $code = 75
expect_text "$T/room2/0000" "stopped by SIGTERM"

finish
