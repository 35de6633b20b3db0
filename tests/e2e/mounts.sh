# File systems that are read-only (a bind mount: root ignores modes) or full (a small tmpfs): exit 6, path,
# reason and remedy, the old file as it was, nothing left behind; and a run that has nothing to write works.
#   bash mounts.sh BIN TOOLS
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/fault_lib.sh"
mkdir "$T/real" "$T/d"
if ! mount --bind "$T/real" "$T/d" 2>/dev/null; then
  skip_note "no right to mount"
  exit 77
fi
trap 'umount "$T/d"; umount "$T/full" 2>/dev/null; rm -rf -- "$T"' EXIT

for seed in 1 2; do
  expect_exit 0 synth scene --seed $seed --size 96x64 --frames 4 -o "$T/room$seed"
done
rgb() { # FOLDER OPTIONS...
  extract features "$T/room1" "$T/room2" --backbone rgb --size 96x64 --tag t --progress off -o "$@"
}
lines() { printf "room%s$TAB$1/t/room%s.h5\n" 1 1 2 2; }
# unwritable REASON REMEDY FOLDER OPTIONS...
unwritable() {
  local reason=$1 remedy=$2
  shift 2
  expect_exit 6 rgb "$@"
  expect_text "$1" "$reason" "$remedy"
  expect_out
}

# --- read-only.
expect_exit 0 rgb "$T/d"
expect_exit 0 "$STORE" make "$T/d/t/x.h5"
cp -r "$T/real" "$T/before"
mount -o remount,ro,bind "$T/d"
ro=("Read-only file system" "writable -o")
unwritable "${ro[@]}" "$T/d" --overwrite
unwritable "${ro[@]}" "$T/d/new"
expect_exit 6 "$STORE" add "$T/d/t/x.h5"
expect_text "$T/d/t/x.h5" "${ro[@]}"
expect_exit 6 extract preview "$T/d/t/room1.h5" -o "$T/d/p.png"
expect_text "$T/d/p.png" "${ro[@]}"
check "nothing was changed" diff -r "$T/before" "$T/d"
expect_exit 0 rgb "$T/d" # all complete: nothing to write
check "both lines" test "$(cat "$OUT")" = "$(lines "$T/d")"
mount -o remount,rw,bind "$T/d"
expect_exit 0 rgb "$T/d" --overwrite

# --- full, at once and after the first scene; and with an old file.
mkdir "$T/full"
bytes=$(stat -c %s "$T/before/t/room1.h5")
full=("No space left on device" "free some space")
tmpfs() { # KIB
  umount "$T/full" 2>/dev/null
  mount -t tmpfs -o size="$1"k vega-e2e "$T/full"
}
tmpfs 64
unwritable "${full[@]}" "$T/full"
expect_nothing "$T/full"
tmpfs $((bytes * 3 / 2 / 1024))
# The files of two scenes may grow at the same time: the first one stands before the second begins.
expect_exit 0 extract features "$T/room1" --backbone rgb --size 96x64 --tag t --progress off -o "$T/full"
expect_exit 6 rgb "$T/full"
expect_text "$T/full/t/room2.h5" "${full[@]}"
expect_out "room1$TAB$T/full/t/room1.h5"
expect_no_parts "$T/full"
check "the first scene is whole" "$STORE" verify "$T/full/t/room1.h5"
cp "$T/full/t/room1.h5" "$T/old.h5"
unwritable "${full[@]}" "$T/full" --overwrite
expect_no_parts "$T/full"
check "the old file is kept" cmp "$T/full/t/room1.h5" "$T/old.h5"
mount -o remount,size=64m "$T/full" # some space was freed
expect_exit 0 rgb "$T/full"
check "both lines" test "$(cat "$OUT")" = "$(lines "$T/full")"
for key in room1 room2; do expect_equal "$T/full/t/$key.h5" "$T/before/t/$key.h5"; done

# --- another model mounted over the first (container layers, images with their times set): all of equal size and time.
for seed in 1 2; do
  expect_exit 0 synth model --preset umt5-tiny --seed $seed -o "$T/m$seed" --progress off
done
touch -d @1 "$T"/m[12]/*
mkdir "$T/model"
prompt() { extract prompt --model "$T/model" -o "$T/prompt.h5" --progress off; }
trap 'umount "$T/model" "$T/d" "$T/full" 2>/dev/null; rm -rf -- "$T"' EXIT
mount --bind "$T/m1" "$T/model"
expect_exit 0 prompt
expect_exit 0 prompt
expect_text "complete already"
umount "$T/model"
mount --bind "$T/m2" "$T/model"
expect_exit 3 prompt
expect_text "$T/prompt.h5" "fingerprint"

finish
