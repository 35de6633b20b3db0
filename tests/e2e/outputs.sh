# Outputs whose name is no regular file: a FIFO, a device, a descriptor of the process, a link. They are written to or
# refused, and never replaced by a file. Root uses devices of its own: it could replace the real ones.
. "$(dirname "$0")/lib.sh" || exit 1

expect_exit 0 synth scene --size 96x64 --frames 4 -o "$T/room"
features() { extract features "$T/room" --backbone rgb --size 96x64 --tag t --progress off -o "$T/f" "$@"; }
expect_exit 0 features
file=$T/f/t/room.h5
mkfifo "$T/fifo"
ln -s fifo "$T/to_fifo"
null=/dev/null
if [ "$(id -u)" = 0 ]; then
  null=$T/null
  mknod -m 666 "$null" c 1 3 2>/dev/null || null=$T/fifo
fi
kinds() { stat -c '%n %F' "$T/fifo" "$T/to_fifo" "$null"; }
before=$(kinds)

# through NAME COMMAND...: what the command writes to NAME, which some program reads, in $T/read.
through() {
  local name=$1
  shift
  : >"$T/read"
  timeout 1200 cat "$name" >"$T/read" & # ends where nothing is written
  expect_exit 0 "$@"
  wait $!
  check "$name is what it was" test "$(kinds)" = "$before"
}
report() { check "a whole report" grep -q '"state": "finished"' "$T/read"; }
picture() { check "a whole picture" test "$(head -c 4 "$T/read" | tail -c 3)" = PNG; }

# --- reports and pictures go through.
for name in fifo to_fifo; do
  through "$T/$name" features --report "$T/$name"
  report
  check "one report, at the end" test "$(grep -c '"state"' "$T/read")" = 1
  through "$T/$name" extract scene "$T/room" --candidates all -o "$T/s" --report "$T/$name"
  report
  through "$T/$name" extract export "$file" --format npy -o "$T/e" --report "$T/$name"
  report
  through "$T/$name" extract preview "$file" -o "$T/$name"
  picture
  through "$T/$name" extract features "$T/room" --backbone rgb --size 96x64 -o "$T/f" --dry-run --report "$T/$name"
  check "a whole audit" grep -q '"exit_code"' "$T/read"
done
if [ "$null" != "$T/fifo" ]; then
  expect_exit 0 features --report "$null"
  expect_exit 0 extract preview "$file" -o "$null"
  check "the device is what it was" test "$(kinds)" = "$before"
fi

# --- descriptors of the process: what was written there already stays.
run extract features "$T/room" --backbone rgb --size 96x64 --tag t --progress off -o "$T/f" --report /dev/stdout
check "the manifest stays before the report" test "$(head -n 1 "$OUT")" = "room$TAB$file"
check "the report on stdout" grep -q '"state": "finished"' "$OUT"
features --report /dev/fd/7 7>"$T/seven" >/dev/null 2>&1
check "the report on another descriptor" grep -q '"state": "finished"' "$T/seven"
expect_exit 6 features --report /dev/fd/93
expect_text "/dev/fd/93" "not open for writing"

# --- links: the file that they lead to is replaced, or made.
mkdir "$T/data"
echo old >"$T/data/report"
ln -s data/report "$T/link"
ln -s data/new.png "$T/dangling"
expect_exit 0 features --report "$T/link"
expect_exit 0 extract preview "$file" -o "$T/dangling"
check "links stay links" test "$(readlink "$T/link") $(readlink "$T/dangling")" = "data/report data/new.png"
check "the report behind the link" grep -q finished "$T/data/report"
check "the picture behind the link" test -s "$T/data/new.png"
cp "$file" "$T/data/room.h5"
ln -sf ../../data/room.h5 "$file"
expect_exit 0 features
expect_text "complete already"
expect_exit 0 features --overwrite
check "a link of the output folder stays" test "$(readlink "$file")" = ../../data/room.h5
check "the file behind it is a feature file" extract verify "$T/data/room.h5"

# --- what cannot hold a whole file, or nobody reads, is refused.
expect_exit 6 features --report "$T/fifo"
expect_text "$T/fifo" "no program reads"
ln -sf "$T/fifo" "$T/f/t/room.h5"
expect_exit 6 features --overwrite
expect_text "$T/f/t/room.h5" "regular file"
rm "$T/f/t/room.h5"
ln -s loop "$T/loop"
expect_exit 6 features --report "$T/loop"
expect_text "a loop of links"
expect_exit 0 synth model --preset umt5-tiny -o "$T/m" --progress off
expect_exit 6 extract prompt --model "$T/m" --overwrite -o "$T/to_fifo"
expect_text "$T/to_fifo" "regular file"
check "all are what they were" test "$(kinds)" = "$before"
expect_no_parts "$T"
finish
