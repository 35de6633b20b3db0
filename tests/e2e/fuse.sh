# Fused tokens: extraction piped into vega-fuse, stopped and killed at any moment and gone on with, bad scenes and
# calls, a gate of the wrong method, what cannot be written.
#   bash fuse.sh BIN TOOLS
#   VEGA_SEED=N: the delays of an earlier run.   VEGA_SOAK=1: 60 kills instead of 8.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
fuse() { "$BIN/vega-fuse" "$@"; }
SEED=${VEGA_SEED:-$((10#$(date +%N) % 32768))}
RANDOM=$SEED
KILLS=${VEGA_SOAK:+60}
KILLS=${KILLS:-8}
printf 'seed %s\n' "$SEED"

expect_exit 0 synth model --preset siglip-tiny -o "$T/siglip" --progress off
expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/wan" --progress off
rooms=()
for room in bath room; do
  expect_exit 0 synth scene --seed ${#room} --size 96x64 --frames 8 -o "$T/$room" --progress off
  rooms+=("$T/$room")
done
common=(--select uniform:5 --progress off --log-level warn)
expect_exit 0 extract features "${rooms[@]}" --backbone siglip --model "$T/siglip" -o "$T/f" --tag s "${common[@]}"
expect_exit 0 extract scene "${rooms[@]}" -o "$T/scenes" "${common[@]}"

# --- the pipe: a line a scene on stdout, and every stage's exit code counts.
# 112x64 has the shape of a release's crop: 64/112 of the rows, as 832x480 and 1280x720 have.
wan() { extract features "${@:-$T/bath}" --model "$T/wan" --size 112x64 -o "$T/f" --tag w "${common[@]}"; }
tokens() { fuse tokens --semantic "$T/f/s" --width 768 --tag t --progress off "$@"; }
piped() { wan "${rooms[@]}" | tokens --list - --scenes "$T/scenes" -o "$1" --report "$T/report.json" "${@:2}"; }
expect_exit 0 piped "$T/whole"
expect_out "bath$TAB$T/whole/t/bath.h5" "room$TAB$T/whole/t/room.h5"
expect_text "never trained" "the generative view covers 57.1 % of the cells"
check "coverage in the report" test "$(grep -cE '"covered": 0.5714' "$T/report.json")" = 2
expect_exit 0 piped "$T/whole"
expect_out "bath$TAB$T/whole/t/bath.h5" "room$TAB$T/whole/t/room.h5"
expect_text "complete already"
expect_exit 0 fuse verify "$T/whole"
expect_no_parts "$T/whole"
run fuse inspect "$T/whole/t/room.h5"
shape() { grep -qE "$1 +$2 +\[$3\]" "$OUT"; }
check "schema" grep -q "vega.tokens/1" "$OUT"
check "fused tokens" shape /fused bf16 "5, 14, 14, 768"
check "the gate" shape /gate f32 "5, 14, 14"
check "positions" shape /position/voxel i16 "5, 14, 14, 3"
check "objects" shape /objects/gt/feature f32 "[0-9]+, 768"
check "never trained" grep -qE "^  trained +0" "$OUT"
broken() { wan "$T/bath" "$T/nowhere" | tokens --list - -o "$T/broken"; }
expect_exit 4 broken   # what the extraction has not made is its exit code; the rest is fused
expect_out "bath$TAB$T/broken/t/bath.h5"

# --- workers, order, shards: equal files. The features as they were: fusing writes into no input.
before=$(facts "$T/f/w/room.h5")
whole=(-o "$T/again" --scenes "$T/scenes")
expect_exit 0 tokens "$T/f/w/room.h5" "$T/f/w/bath.h5" "${whole[@]}" --threads 3
for key in bath room; do expect_equal "$T/again/t/$key.h5" "$T/whole/t/$key.h5"; done
rm -rf "$T/again"
printf '%s\n%s\n' "$T/f/w/bath.h5" "$T/f/w/room.h5" >"$T/list"
for shard in 0/2 1/2; do expect_exit 0 tokens --list "$T/list" --shard $shard "${whole[@]}" --threads 1; done
for key in bath room; do expect_equal "$T/again/t/$key.h5" "$T/whole/t/$key.h5"; done
check "the features stay" test "$(facts "$T/f/w/room.h5")" = "$before"

# --- SIGKILL at any moment: every file under its own name is whole, and the run goes on where it was.
program=("$BIN/vega-fuse" tokens --list "$T/list" --semantic "$T/f/s" --scenes "$T/scenes" --width 768 --tag t --progress off)
begun=$(now_ms)
rm -rf "$T/again"
expect_exit 0 "${program[@]}" -o "$T/again"
duration=$(($(now_ms) - begun))
kills=0 tries=0
while [ $kills -lt "$KILLS" ] && [ $tries -lt $((KILLS * 10)) ]; do
  tries=$((tries + 1))
  delay=$((RANDOM % duration))
  "${program[@]}" -o "$T/killed" >"$OUT" 2>"$ERR" &
  victim=$!
  sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
  kill -9 $victim 2>/dev/null
  code=0
  wait $victim 2>/dev/null || code=$?
  LAST="killed after $delay of $duration ms, seed $SEED"
  [ $code = 137 ] && kills=$((kills + 1))
  check "exit code $code, expected 137 or 0" test $code = 137 -o $code = 0
  while IFS=$TAB read -r key path; do check "the manifest's $key is there" test -e "$path"; done <"$OUT"
  files=("$T"/killed/t/*.h5)
  [ ! -e "${files[0]}" ] || check "whole files" fuse verify "${files[@]}"
  # Done before the kill: from the start again, with shorter delays.
  [ $code = 137 ] || { rm -rf "$T/killed" && duration=$((duration * 3 / 4 + 1)); }
done
LAST="seed $SEED"
check "$KILLS runs were killed" test $kills -ge "$KILLS"
expect_exit 0 "${program[@]}" -o "$T/killed"
expect_no_parts "$T/killed"
for key in bath room; do expect_equal "$T/killed/t/$key.h5" "$T/whole/t/$key.h5"; done

# --- SIGTERM while the first scene's file is made: it is written, exit code 75, and the next run goes on. Once more
# where the second scene was done by then.
for _ in 1 2 3 4 5; do
  rm -rf "$D"
  launch_stopped create 1 "${program[@]}" -o "$D"
  let_go TERM
  [ $code = 0 ] || break
done
LAST="vega-fuse, stopped by SIGTERM"
check "exit code $code, expected 75" test $code = 75
expect_no_parts "$D"
expect_exit 0 "${program[@]}" -o "$D"
expect_out "bath$TAB$D/t/bath.h5" "room$TAB$D/t/room.h5"
for key in bath room; do expect_equal "$D/t/$key.h5" "$T/whole/t/$key.h5"; done

# --- another recipe is refused, or a folder of its own.
expect_exit 3 tokens "$T/f/w/room.h5" --scenes "$T/scenes" --align pixel -o "$T/whole"
expect_text "align: file has reference, asked pixel" "--overwrite"
expect_exit 0 fuse tokens "$T/f/w/room.h5" --semantic "$T/f/s" --width 64 --align pixel --method gated -o "$T/own"
expect_out "room$TAB$T/own/w-gated-seed42-pixel/room.h5"
expect_exit 0 fuse preview "$T/own/w-gated-seed42-pixel/room.h5" -o "$T/gate.png" --json "$T/gate.json"
check "a picture" test "$(head -c 8 "$T/gate.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a
check "its numbers" grep -q '"vega.gate/1"' "$T/gate.json"
expect_exit 0 tokens "$T/f/w/room.h5" --method add -o "$T/add"
expect_exit 3 fuse preview "$T/add/t/room.h5" -o "$T/add.png"
expect_text "add" "token_gated"
check "no picture without a gate" test ! -e "$T/add.png"

# --- a list with a bad scene: named, the others are made.
cp -r "$T/f" "$T/bad"
size=$(wc -c <"$T/bad/s/bath.h5")
truncate -s $((size / 2)) "$T/bad/s/bath.h5"
bad() { fuse tokens --list "$T/list" --semantic "$T/bad/s" --width 64 --tag t -o "$T/some" "$@"; }
expect_exit 4 bad --report "$T/report.json"
expect_out "room$TAB$T/some/t/room.h5"
expect_text "$T/bad/s/bath.h5"
check "the report names the failure" grep -q '"failed"' "$T/report.json"
rm "$T/bad/s/bath.h5"
expect_exit 3 fuse tokens "$T/f/w/bath.h5" --semantic "$T/bad/s" -o "$T/none"
expect_text "--semantic" "$T/bad/s/bath.h5" "no such file"
cp "$T/f/s/room.h5" "$T/bad/s/bath.h5"
expect_exit 3 fuse tokens "$T/f/w/bath.h5" --semantic "$T/bad/s" -o "$T/none"
expect_text "'room'" "'bath'" "renamed"
expect_exit 3 fuse tokens "$T/f/s/bath.h5" --semantic "$T/f/s" -o "$T/none"
expect_text "27x27 cells" "--pool 14x14"

# --- wrong calls: before any work.
usage() { expect_exit 2 fuse tokens "$T/f/w/room.h5" "$@" -o "$T/none"; }
usage
expect_text "--semantic"
usage --semantic "$T/f/s" --method instruction_token_gated
expect_text "depends on the question"
usage --semantic "$T/f/s" --pool-mode average
expect_text "13"
usage --semantic "$T/f/s" --form loud
usage --semantic "$T/f/s" --align nowhere
usage --semantic "$T/f/s" --parts gate
usage --semantic "$T/f/s" --list "$T/list"
usage --semantic "$T/f/s" --shard 2/2
usage --semantic "$T/f/s" --tag ../up
expect_text "--tag"
usage "$T/f/w/room.h5" --semantic "$T/f/s"
expect_exit 2 fuse tokens --semantic "$T/f/s" -o "$T/none"
expect_exit 3 fuse tokens "$T/f/w/room.h5" --semantic "$T/f/s" --checkpoint "$T/siglip" -o "$T/none"
expect_text "without a gate"
expect_nothing "$T/none"

# --- an output that cannot be written ends the run at once.
echo file >"$T/file"
expect_exit 6 tokens --list "$T/list" -o "$T/file"
expect_out
expect_exit 6 tokens --list "$T/list" -o "$T/more" --report "$T/file/report.json"
expect_nothing "$T/more"
expect_exit 0 tokens --list /dev/null -o "$T/more"
expect_text "nothing to do"
expect_nothing "$T/more"

# --- a dry run says what would be done, and does nothing.
printf '%s\n' "$T/f/w/nothing.h5" >>"$T/list"
expect_exit 4 tokens --list "$T/list" --scenes "$T/scenes" -o "$T/more" --dry-run --report "$T/report.json"
check "a row a scene" grep -qE '^room +5 +b20_t300 14x14x256 +siglip_l26 27x27x144 +57.1 % +positions, [0-9]+ objects.* to do +' "$OUT"
check "also of one that fails" grep -qE '^nothing .* fails' "$OUT"
check "and the sum" grep -q '^2 of 3 scenes to do, 0 complete, 1 would fail; ' "$OUT"
check "in the report too" test "$(grep -c '"outcome": "not started"' "$T/report.json")" = 2
expect_nothing "$T/more"
expect_exit 0 tokens "$T/f/w/room.h5" --scenes "$T/scenes" -o "$T/whole" --dry-run
check "what is complete" grep -q '^0 of 1 scenes to do, 1 complete' "$OUT"

finish
