# The image (tools/image.sh): what the archive says of itself; that the same inputs give the same bytes; and its programs,
# started from its root file system alone, as a user who is not root and without network.
#   bash run.sh BUILD LIBTORCH_ROOT     Exit code 77: what packs an image or starts a program in it is missing here.
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(cd "$1" && pwd)
TORCH=$(cd "$2" && pwd)
set -- "$BUILD/bin"
. "$SOURCE/tests/e2e/lib.sh" || exit 1

# Without buildah: an error that names the package.
mkdir "$T/few"
ln -s "$(command -v bash)" "$(command -v dirname)" "$T/few/"
expect_exit 1 env -i PATH="$T/few" bash "$SOURCE/tools/image.sh" "$BUILD"
expect_text "no buildah on this machine" "apt-get install buildah" "sh tools/setup.sh IMAGE=1"
[ "$FAILURES" = 0 ] || finish

obstacle=''
grep -qs '^torch/lib/libtorch_cpu.so,' "$TORCH"/*.dist-info/RECORD || obstacle='the licences of LibTorch are not there'
command -v buildah >/dev/null || obstacle='no buildah here'
[ -z "$obstacle" ] || { skip_note "$obstacle: sh tools/setup.sh IMAGE=1"; exit 77; }
apart=(unshare --user --map-root-user --mount --pid --fork --kill-child --net)
"${apart[@]}" true 2>/dev/null || { skip_note 'this machine allows no user namespaces'; exit 77; }

# ------------------------------------------------------------------------------------------------------------- the archive

expect_exit 0 "$SOURCE/tools/image.sh" --plain -o "$T/image.tar" "$BUILD"
check "it says what it packed: $(cat "$OUT")" grep -qE 'image.tar: [0-9]+M, unpacked [0-9]+M, [0-9]+ files of [0-9]+ packages' "$OUT"
check "no licence is unknown: $(cat "$ERR")" test ! -s "$ERR"
[ "$FAILURES" = 0 ] || finish
# A LibTorch outside the sources may be named in the texts of its own assertions.
check "the folders of the sources and of the build are not named" test 0 = \
  "$(grep -cF -e "$SOURCE/" -e "$BUILD/" -e "$T/" "$T/image.tar")"
(umask 077 && mkdir "$T/other" && TMPDIR=$T/other "$SOURCE/tools/image.sh" --plain -o "$T/again.tar" "$BUILD" >"$OUT" 2>"$ERR")
check "the same bytes again" cmp "$T/image.tar" "$T/again.tar"
check "nothing is left behind" test -z "$(ls "$T/other")"
rm -f "$T/again.tar"

mkdir "$T/oci" "$T/root"
R=$T/root
tar -C "$T/oci" -xf "$T/image.tar" && rm "$T/image.tar"
blob() { printf '%s\n' "$T/oci/blobs/sha256/$1"; }
# digest NAME FILE: of the first object of this name.
digest() { grep -oE "\"$1\":\[?\{[^}]*\"digest\":\"sha256:[0-9a-f]{64}" "$2" | sed -n '1s/.*sha256://p'; }
manifest=$(blob "$(digest manifests "$T/oci/index.json")")
config=$(blob "$(digest config "$manifest")")
layer=$(blob "$(digest layers "$manifest")")
check "an index, a manifest, a configuration and a layer" test -s "$manifest" -a -s "$config" -a -s "$layer"
check "three blobs" test "$(find "$T/oci/blobs" -type f | wc -l)" = 3
for file in "$manifest" "$config" "$layer"; do
  check "the digest of ${file##*/}" test "$(sha256sum <"$file" | cut -d' ' -f1)" = "${file##*/}"
done
for part in '"architecture":"amd64"' '"os":"linux"' '"User":"1000:1000"' '"PATH=/usr/bin"' '"Entrypoint":["/usr/bin/vega"]' \
  '"WorkingDir":"/work"' '"org.opencontainers.image.title":"vega-cpu"'; do
  check "the configuration has $part: $(cat "$config")" grep -qF "$part" "$config"
done

tar -tvf "$layer" | sort >"$T/list"
check "owner is root" test -z "$(grep -v ' 0/0 ' "$T/list")"
check "every user may read everything" test -z "$(grep -vE '^(l|.r..r..r)' "$T/list")"
check "nobody but the owner may write, but to /tmp, /var/tmp and /work" test \
  "$(grep -vE '^(l|.....-..-)' "$T/list" | sed 's/.* //' | xargs)" = "tmp/ var/tmp/ work/"
check "one time" test "$(tar --full-time -tvf "$layer" | awk '{ print $4, $5 }' | sort -u | wc -l)" = 1
check "the folders of a system and nothing else" test \
  "$(tar -tf "$layer" | cut -d/ -f1 | sort -u | xargs)" = "bin dev etc lib lib64 proc run sys tmp usr var work"
tar -C "$R" -xf "$layer" && rm "$layer"

# ------------------------------------------------------------------------------------------------ libraries and licences

for file in "$R"/usr/bin/vega-*; do
  check "${file##*/} looks for LibTorch in the image" test "$(readelf -d "$file" | sed -n 's/.*RUNPATH.*\[//p')" = '$ORIGIN/../lib/vega/torch/lib]'
done
check "the CPU variant has no CUDA half" test -z "$(find "$R" -name 'libvega_cuda*' -o -name 'libtorch_cuda*' -o -name 'libcublas*')"
share=$R/usr/share/vega
(cd "$R" && find usr/lib/*-linux-gnu usr/lib64 -type f -printf '%f\n' && cd usr/lib/vega && find torch nvidia -type f) | sort >"$T/packed"
tail -n +2 "$share/PACKAGES" | awk -F'\t' '$2 != "?" && $3 != "" && $4 != "" { print $1 }' | grep -v '^usr/bin/' | sort >"$T/named"
check "every library has its package and version: $(diff "$T/packed" "$T/named" | head -n 5)" cmp "$T/packed" "$T/named"
check "glibc and LibTorch are among them" test "$(grep -cxE 'libc.so.6|torch/lib/libtorch_cpu.so' "$T/named")" = 2
while read -r package; do
  check "the licence of $package" test -n "$(find "$share/licences/$package" -type f -size +0)"
done < <(tail -n +2 "$share/PACKAGES" | cut -f2 | sort -u)

# -------------------------------------------------------------------------------------------------------------- it runs

# inside COMMAND...: in the image's root file system, as user 1000, without network and with the image's environment alone.
inside() {
  "${apart[@]}" sh -c 'root=$1 && shift && mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" &&
    exec unshare --user --map-user=1000 --map-group=1000 --root="$root" --wd=/work env -i PATH=/usr/bin HOME=/work "$@"' \
    sh "$R" "$@"
}
expect_exit 0 inside id -u
expect_out 1000
expect_exit 0 inside vega
check "what there is: $(cat "$OUT")" grep -q 'vega-eval vega-extract vega-fuse vega-synth vega-train' "$OUT"
expect_exit 7 inside vega sh -c 'exit 7'
for program in "$BIN"/vega-*; do
  expect_exit 0 inside vega "${program##*/}" --version
  check "a version" test -s "$OUT"
done
# The loader's error is a line of stderr for each file that lacks something.
expect_exit 0 inside bash -c 'for file in /usr/bin/* $(find /usr/lib -name "*.so*"); do
  [ "$(head -c 4 "$file" | tail -c 3)" != ELF ] || /usr/lib64/ld-linux-x86-64.so.2 --list "$file"; done; true'
check "the loader finds all: $(head -n 5 "$ERR")" test ! -s "$ERR"
check "and says what" test "$(grep -c 'libc.so.6 => /lib/' "$OUT")" -gt 200

expect_exit 0 inside vega-synth scene --size 160x120 --frames 6 -o room
expect_exit 0 inside vega-synth model --preset wan-tiny --dtype bf16 -o model
features=(features room --model model --size 96x64 --select uniform:3 --tag f)
expect_exit 0 inside vega-extract "${features[@]}" -o f
cd "$R/work" || exit 1
expect_exit 0 extract "${features[@]}" -o g
expect_equal f/f/room.h5 g/f/room.h5
# The recipes' shell, with the recipes that the image has.
expect_exit 0 inside env BUILD=/usr bash /usr/share/doc/vega/docs/recipes/world/run.sh --help
finish
