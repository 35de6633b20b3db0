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
: >"$T/data/report"
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

# --- a slip in a name destroys nothing: a report, a picture or a table replaces its own kind alone.
printf '%s\n' "$T/room" >"$T/list.txt"
cp "$T/room/$(ls "$T/room" | grep -m1 jpg)" "$T/picture.jpg"
for input in "$T/list.txt" "$T/data/room.h5" "$T/data/new.png" "$T/picture.jpg"; do
  sum=$(md5sum <"$input")
  expect_exit 2 extract features --list "$T/list.txt" --backbone rgb --size 96x64 --tag t -o "$T/f" --report "$input"
  expect_text "$input" "vega.report" "another output path"
  check "$input is as it was" test "$(md5sum <"$input")" = "$sum"
done
sum=$(md5sum <"$T/data/room.h5")
expect_exit 2 extract preview "$T/data/room.h5" -o "$T/data/room.h5"
expect_text "$T/data/room.h5" ".png"
expect_exit 2 extract preview "$T/data/room.h5" -o "$T/p.jpg"
expect_text "p.jpg" ".png"
check "the feature file is as it was" test "$(md5sum <"$T/data/room.h5")" = "$sum"
expect_exit 0 extract preview "$T/data/room.h5" -o "$T/pictures"
check "a picture in a folder" test -s "$T/pictures/room.png"

# --- keys cannot lead out of the output folder; an empty value is a variable that is not set.
for key in . ..; do
  expect_exit 2 extract features "$T/room" --key "$key" --backbone rgb --size 96x64 -o "$T/k"
done
expect_exit 2 extract features "$T/room" --backbone rgb -o ""
expect_text "--out" "empty"

# --- configuration files: byte order mark, lists of numbers, sections of verbs.
printf '\xef\xbb\xbfsize=96x64   # pixels\n[features]\nbackbone = rgb\nselect=list:%s\n[scene]\nselect = mc\n' "$T/ids" >"$T/c.ini"
printf '1\n3\n' >"$T/ids"
expect_exit 0 extract features "$T/room" --config "$T/c.ini" --tag c -o "$T/f"
expect_exit 0 extract inspect "$T/f/c/room.h5"
check "two frames are in" grep -q 'frames *2\b' "$OUT"
printf 'blocks=10,12\nbackbone=rgb\n' >"$T/c.ini"
expect_exit 2 extract features "$T/room" --config "$T/c.ini" -o "$T/f"
expect_text "--blocks" "rgb"
printf '[feature]\n' >"$T/c.ini"
expect_exit 2 extract features "$T/room" --config "$T/c.ini" -o "$T/f"
expect_text "c.ini, line 1" "[feature]"
printf '\xff\xfes\0' >"$T/c.ini"
expect_exit 2 extract features "$T/room" --config "$T/c.ini" -o "$T/f"
expect_text "c.ini" "UTF-16"

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
