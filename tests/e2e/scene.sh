# Scene files: a scan and a posed folder in, what a rerun does, selections, objects, bad input.
. "$(dirname "$0")/lib.sh" || exit 1

scene() { extract scene "$@" --progress off; }
shape() { grep -qE "$1 +$2 +\[$3\]" "$OUT"; }

# --- a posed folder: no objects, poses as they are.
expect_exit 0 synth scene --plain --size 96x64 --frames 12 -o "$T/room"
expect_exit 0 scene "$T/room" --select uniform:4 -o "$T/s"
expect_out "room$TAB$T/s/room.h5"
run extract inspect "$T/s/room.h5"
check "schema" grep -q "vega.scene/1" "$OUT"
check "depth" shape /frames/depth u16 "4, 64, 96"
check "patches" shape /patch/world14 f32 "4, 14, 14, 3"
check "pictures" grep -q "/frames/color_jpeg " "$OUT"
check "no objects" test -z "$(grep /objects/gt "$OUT")"
expect_exit 0 extract verify "$T/s/room.h5"
first=$(checksum_of "$T/s/room.h5" /patch/world14)
check "a checksum to compare" test ${#first} = 32

# --- a rerun skips; other numbers are refused and named; --overwrite makes them.
expect_exit 0 scene "$T/room" --select uniform:4 -o "$T/s"
expect_out "room$TAB$T/s/room.h5"
expect_text "complete already"
expect_exit 3 scene "$T/room" --select uniform:4 --compat fixed -o "$T/s"
expect_text "geometry: file has bf16, asked fp32" "zero_depth: file has keep, asked mask"
expect_exit 0 scene "$T/room" --select uniform:4 --compat fixed --overwrite -o "$T/s"
check "other numbers" test "$(checksum_of "$T/s/room.h5" /patch/world14)" != "$first"
expect_exit 0 scene "$T/room" --select uniform:4 --threads 1 -o "$T/one"
check "threads change nothing" test "$(checksum_of "$T/one/room.h5" /patch/world14)" = "$first"

# --- each repair is a switch of its own.
expect_exit 0 scene "$T/room" --select uniform:4 --geometry fp32 --zero-depth mask -o "$T/by-name"
expect_equal "$T/s/room.h5" "$T/by-name/room.h5"
expect_exit 0 scene "$T/room" --select uniform:4 --no-color -o "$T/bare"
expect_exit 0 extract inspect "$T/bare/room.h5"
check "no pictures" test -z "$(grep color_jpeg "$OUT")"

# --- what vega-synth makes by itself is a complete scan around the same frames, which lack nothing.
expect_exit 0 synth scene --size 96x64 --frames 12 -o "$T/whole"
check "the same frames" cmp "$T/room/00007.txt" "$T/whole/00007.txt"
for suffix in .sens .txt _vh_clean_2.ply _vh_clean_2.0.010000.segs.json .aggregation.json .mask.npz; do
  check "a scan has $suffix" test -s "$T/whole/whole$suffix"
done
check "a label table" test -s "$T/whole/scannetv2-labels.combined.tsv"
expect_exit 0 scene "$T/whole" --key room --proposals none --select uniform:4 -o "$T/w"
check "the same coordinates" test "$(checksum_of "$T/w/room.h5" /patch/world14)" = "$first"
run extract inspect "$T/w/room.h5"
check "and objects" shape /objects/gt/box f32 "[0-9]+, 6"
expect_exit 0 scene "$T/whole/whole.sens" --candidates all --jpeg original --poses recorded -o "$T/w"
expect_exit 2 synth scene --plain --scan -o "$T/both"

# --- a complete scan in a frame of its own: mesh, annotation, masks; ids below a root.
expect_exit 0 synth scene --size 96x64 --frames 24 --scan -o "$T/data/scans/scene0000_00"
expect_exit 0 scene scene0000_00 --root "$T/data" --candidates all --select mc-ratio90 -o "$T/s"
expect_out "scene0000_00$TAB$T/s/scene0000_00.h5"
run extract inspect "$T/s/scene0000_00.h5"
check "annotated objects" shape /objects/gt/box f32 "[0-9]+, 6"
check "proposals" shape /objects/proposal/cells u8 "[0-9]+, [0-9]+, 27, 27"
check "made of masks" grep -q "masks" "$OUT"
expect_exit 0 extract verify "$T/s"
printf 'a\t%s\nb\t%s\n' "$T/data/scans/scene0000_00" "$T/nowhere" >"$T/list"
expect_exit 4 scene --list "$T/list" --select uniform:2 --proposals gt -o "$T/l" --report "$T/r.json"
expect_out "a$TAB$T/l/a.h5"
check "the report names the failure" grep -q '"failed"' "$T/r.json"

# --- the folder of a scan may have any name: mesh, annotation, alignment and masks are found.
cp -r "$T/data/scans/scene0000_00" "$T/my_copy"
expect_exit 0 scene "$T/my_copy" --candidates all --select mc-ratio90 --key scene0000_00 -o "$T/copied"
expect_equal "$T/s/scene0000_00.h5" "$T/copied/scene0000_00.h5"
expect_text "the files of scan scene0000_00"

# --- what a dry run would say, the run says: poses of lost tracking, another scale, files that nobody reads.
cp -r "$T/room" "$T/odd"
printf '0 0 0 0\n%.0s' 1 2 3 4 >"$T/odd/00002.txt"
printf '2 0 0 0\n0 2 0 0\n0 0 2 0\n0 0 0 1\n' >"$T/odd/00003.txt"
mkdir "$T/odd/00099.jpg" "$T/odd/poses"
expect_exit 0 scene "$T/odd" --select stride:1 --compat fixed -o "$T/s"
expect_text "frame 2: 1 of 12 frames have a pose that is singular" "frame 3: the rotation is not orthonormal" \
  "not read: 00099.jpg/, poses/" "no odd.txt: poses stay as they are"
run extract inspect "$T/s/odd.h5"
check "the lost frame is left out" shape /frames/depth u16 "11, 64, 96"

# --- a depth map that cannot be used: named, with a way out.
cp -r "$T/room" "$T/holes"
truncate -s 100 "$T/holes/00005.png"
expect_exit 3 scene "$T/holes" --select stride:1 -o "$T/none"
expect_text "00005.png" "--on-decode-error skip"
expect_exit 0 scene "$T/holes" --select stride:1 --on-decode-error skip -o "$T/s"
expect_text "00005.png" "left out"
run extract inspect "$T/s/holes.h5"
check "the others are there" shape /frames/depth u16 "11, 64, 96"

# --- SensReader's folders are the same frames.
mkdir -p "$T/apart"/{color,depth,pose,intrinsic}
for file in "$T"/room/?????.jpg; do
  id=$(basename "$file" .jpg)
  cp "$file" "$T/apart/color/" && cp "$T/room/$id.png" "$T/apart/depth/" && cp "$T/room/$id.txt" "$T/apart/pose/"
done
cp "$T/room/intrinsic.txt" "$T/apart/intrinsic/intrinsic_color.txt"
{ printf '\xef\xbb\xbf'; cat "$T/room/depth_intrinsic.txt"; } >"$T/apart/intrinsic/intrinsic_depth.txt"
expect_exit 0 scene "$T/apart" --key room --select uniform:4 -o "$T/a"
expect_equal "$T/one/room.h5" "$T/a/room.h5"

# --- pictures named by time stamps come in the order of time; an order that is a guess is said.
mkdir "$T/stamps" "$T/zeros"
i=0
for stamp in 1305031102.175304 1305031102.975304 1305031103.011302 1305031103.111302; do
  cp "$T/room/0000$i.jpg" "$T/stamps/$stamp.jpg" && i=$((i + 1))
done
rgb() { extract features --backbone rgb --size 96x64 --progress off "$@"; }
expect_exit 0 rgb "$T/stamps" --key k --select fps:100 --tag t -o "$T/f1"
expect_exit 0 rgb "$T/room" --key k --select list:<(printf '\xef\xbb\xbf0\n1 \n2\n3\n') --tag t -o "$T/f2"
check "the order of time" test "$(checksum_of "$T/f1/t/k.h5" /taps/rgb/tokens)" = "$(checksum_of "$T/f2/t/k.h5" /taps/rgb/tokens)"
cp "$T/room/00000.jpg" "$T/zeros/7.jpg" && cp "$T/room/00001.jpg" "$T/zeros/007.jpg"
expect_exit 0 rgb "$T/zeros" -o "$T/f3"
expect_text "one number in several names" "007.jpg, 7.jpg"

# --- a dry run reads everything and writes nothing.
expect_exit 0 scene "$T/room" "$T/data/scans/scene0000_00" --candidates all --dry-run -o "$T/dry"
check "both can be made" grep -q "2 scenes" "$OUT"
expect_exit 3 scene "$T/room" --compat fixed --select uniform:4 --dry-run -o "$T/one"
check "what scenes have" grep -qE "mesh +objects +proposals +aligned" "$OUT"
check "no taps" test -z "$(grep taps "$OUT")"
tr -s " \n" "  " <"$OUT" >"$T/table"   # however its lines break
check "the difference" grep -q "geometry: file has bf16, asked fp32" "$T/table"
check "nothing was written" test ! -e "$T/dry"

# --- the five lines of docs/formats.md make a frame list of the pickles, which scenes are then made of.
check "the docs are there" test -f "$(dirname "$0")/../../docs/formats.md"
if command -v python3 >/dev/null; then
  mkdir "$T/pickles"
  cat >"$T/pickles/make.py" <<'PY'
import pickle, sys
eye = [[float(i == j) for j in range(4)] for i in range(4)]
camera = [[90.0, 0, 47.5, 0], [0, 90.0, 31.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
scene = {"sample_idx": "scannet/scene0000_00", "axis_align_matrix": eye, "depth_cam2img": camera, "instances": [1],
         "images": [{"img_path": f"scannet/posed_images/scene0000_00/{i:05d}.jpg", "cam2global": eye} for i in (20, 0, 10)]}
for split in ("train", "val", "test"):
    items = [scene, {"sample_idx": "3rscan/x", "images": []}] if split == "val" else []
    pickle.dump({"metainfo": {}, "data_list": items}, open(f"embodiedscan_infos_{split}.pkl", "wb"))
text = open(sys.argv[1]).read()
code = next(block for block in text.split("```python\n")[1:] if "pickle" in block).split("```")[0]
assert len(code.splitlines()) == 5
exec(code)
PY
  docs=$(cd "$(dirname "$0")/../../docs" && pwd)
  check "the lines run" bash -c 'cd "$1" && python3 make.py "$2/formats.md"' - "$T/pickles" "$docs"
  expect_exit 0 scene scene0000_00 --root "$T/data" --frame-list "$T/pickles/frames.json" --select stride:1 -o "$T/py"
  run extract inspect "$T/py/scene0000_00.h5"
  check "its frames" shape /frames/depth u16 "3, 64, 96"
else
  skip_note 'the lines that make a frame list: no python3'
fi

# --- bad input: named, and nothing is left.
bad=$T/bad/scene0000_00
for suffix in _vh_clean_2.ply _vh_clean_2.0.010000.segs.json .aggregation.json .mask.npz; do
  rm -rf "$T/bad" && mkdir "$T/bad" && cp -r "$T/data/scans/scene0000_00" "$bad"
  file=$bad/scene0000_00$suffix
  check "the scan has $suffix" test -s "$file"
  truncate -s $(($(wc -c <"$file") / 2)) "$file"
  expect_exit 3 scene "$bad" --candidates all --select uniform:2 -o "$T/none"
  expect_text "scene0000_00$suffix"
done
expect_exit 2 scene "$T/room" --select mc-ratio80 -o "$T/none"
expect_exit 2 scene "$T/room" --geometry fp16 -o "$T/none"
expect_exit 3 scene "$T/room" --proposals masks -o "$T/none"
rm "$T"/room/*.png
expect_exit 3 scene "$T/room" -o "$T/none"
check "nothing was written" test -z "$(ls "$T/none" 2>/dev/null)"

# --- the real kitchen, where it is at hand.
kitchen=${VEGA_SHARED_DATA:-$(dirname "$0")/../../../shared/data}/rgbd_kitchen
if [ -d "$kitchen" ]; then
  expect_exit 0 scene "$kitchen" --key kitchen --select mc-ratio95 --compat fixed -o "$T/s"
  expect_exit 0 extract verify "$T/s/kitchen.h5"
  run extract inspect "$T/s/kitchen.h5"
  check "depth of the kitchen" shape /frames/depth u16 "[0-9]+, 480, 640"
else
  skip_note "the kitchen: $kitchen is absent"
fi
finish
