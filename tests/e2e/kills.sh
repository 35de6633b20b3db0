# SIGKILL at random moments of a run over a list of scenes: new files, taps added, files computed again. After
# every kill each file under a final name is whole, and each line of the manifest names one; in the end no
# scene is lost, no part file is left, and the files equal those of an undisturbed run.
#   bash kills.sh BIN TOOLS
# VEGA_SOAK=1: 200 kills instead of 25. VEGA_SEED=N: the delays of an earlier run.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
KILLS=${SOAK:+200}
KILLS=${KILLS:-25}
SEED=${VEGA_SEED:-$((10#$(date +%N) % 32768))}
RANDOM=$SEED
printf 'seed %s\n' "$SEED"

expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/m"
rooms=()
for seed in 1 2 3 4 5 6; do
  expect_exit 0 synth scene --seed $seed --size 96x64 --frames 4 -o "$T/room$seed"
  rooms+=("$T/room$seed")
done
keys=(room1 room2 room3 room4 room5 room6)

wan=("$BIN/vega-extract" features "${rooms[@]}" --model "$T/m" --size 64x64 --select uniform:3)
rgb=("$BIN/vega-extract" features "${rooms[@]}" --backbone rgb --size 96x64 --select uniform:32)
use() { # MODE FOLDER: what runs, and what is there before, once a round and before every start
  MODE=$1 FOLDER=$2
  case $MODE in
    rgb) COMMAND=("${rgb[@]}") BEFORE="" ;;
    wan) COMMAND=("${wan[@]}") BEFORE="" ;;
    taps) COMMAND=("${wan[@]}" --block 5 --timestep 500) BEFORE=$T/whole-wan ;;
    overwrite) COMMAND=("${wan[@]}" --overwrite) BEFORE=$T/whole-wan ;;
  esac
  COMMAND+=(--tag t --progress off --threads 2 -o "$FOLDER")
  rm -rf "$FOLDER"
  [ -z "$BEFORE" ] || cp -r "$BEFORE" "$FOLDER"
}
manifest() { local key; for key in "${keys[@]}"; do printf '%s\t%s/t/%s.h5\n' "$key" "$FOLDER" "$key"; done; }

declare -A DURATION
for mode in rgb wan taps overwrite; do
  use $mode "$T/whole-$mode"
  begun=$(now_ms)
  expect_exit 0 "${COMMAND[@]}"
  DURATION[$mode]=$(($(now_ms) - begun))
done

# What is true at every moment.
look() {
  EXPECTED=$((EXPECTED + 1))
  local files=("$FOLDER"/t/*.h5) key path
  LAST="$MODE, kill $kills of $KILLS, seed $SEED"
  if [ -e "${files[0]}" ]; then "$STORE" verify "${files[@]}" >"$T/look" || fail "$(head -n 3 "$T/look")"; fi
  [ -z "$BEFORE" ] || [ ${#files[@]} = ${#keys[@]} ] || fail "a file that was there before is gone"
  find "$FOLDER" -type f ! -name '*.h5' ! -name '*.h5.part-*' 2>/dev/null | grep . && fail "a stray file"
  while IFS=$TAB read -r key path; do
    [ -e "$path" ] || fail "the manifest names $key, which is not there"
  done <"$OUT"
}

kills=0 round=0 tried=0
while [ $kills -lt $KILLS ] && [ $round -lt $((KILLS * 20)) ]; do
  modes=(wan rgb taps overwrite)
  use "${modes[round % 4]}" "$T/killed"
  round=$((round + 1))
  # A few kills a round, each run going on from where the last one ended; the last is let through.
  for turn in 1 2 3 4; do
    delay=$((RANDOM % DURATION[$MODE]))
    tried=$((tried + 1))
    "${COMMAND[@]}" >"$OUT" 2>"$ERR" &
    victim=$!
    sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
    kill -9 $victim 2>/dev/null
    wait $victim 2>/dev/null
    code=$?
    LAST="$MODE, killed after $delay ms, seed $SEED"
    check "exit code $code, expected 137 or 0" test $code = 137 -o $code = 0
    # A machine that was busy when the time was taken, and no longer is: shorter delays.
    [ $code = 137 ] && kills=$((kills + 1)) || DURATION[$MODE]=$((DURATION[$MODE] * 3 / 4 + 1))
    look
    [ $code = 137 ] || break
  done
  expect_exit 0 "${COMMAND[@]}"
  LAST="$MODE, the run after the kills, seed $SEED"
  check "all lines of the manifest, in order" test "$(cat "$OUT")" = "$(manifest)"
  expect_no_parts "$FOLDER"
  EXPECTED=$((EXPECTED + 1))
  [ "$(content "$FOLDER"/t/*.h5)" = "$(content "$T/whole-$MODE"/t/*.h5)" ] ||
    fail "not the files of an undisturbed run"
done
LAST="seed $SEED"
check "$KILLS runs were killed" test $kills -ge $KILLS
printf '%s kills in %s runs, %s rounds\n' $kills $tried $round
finish
