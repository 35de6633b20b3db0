# The bundle, unpacked elsewhere, with an empty environment and a LibTorch that was moved: the programs run and load nothing
# but their own libraries, glibc, GCC's run time and LibTorch. Then the bundle of the compute half.
#   bash run.sh BUILD LIBTORCH_ROOT
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(cd "$1" && pwd)
TORCH=$(cd "$2" && pwd)
set -- "$BUILD/bin"
. "$SOURCE/tests/e2e/lib.sh" || exit 1

# unpack NAME [OPTIONS...]: a bundle made with these options, in a folder with a space.
unpack() {
  local folder="$T/other place/$1"
  shift
  mkdir -p "$folder"
  "$SOURCE/tools/bundle.sh" "$@" -o "$T/bundle.tar" "$BUILD" >"$OUT" 2>"$ERR" || fail "tools/bundle.sh $*"
  SIZE=$(gzip -1 -c "$T/bundle.tar" | wc -c)   # as it travels
  tar -C "$folder" -xf "$T/bundle.tar"
  rm "$T/bundle.tar"
  BUNDLE=$(echo "$folder"/vega*)
}
# A LibTorch at another place: hard links where the file system allows.
ROOT="$T/torch of the node"
mkdir -p "$ROOT"
cp -al "$TORCH/torch" "$TORCH/nvidia" "$ROOT/" 2>/dev/null ||
  { rm -rf "${ROOT:?}"/*; ln -s "$TORCH/torch" "$TORCH/nvidia" "$ROOT/"; }
alone() { env -i PATH=/usr/bin:/bin HOME="$T" "$@"; }
on_node() { alone LIBTORCH_ROOT="$ROOT" "$@"; }

# strangers FILE...: mapped or needed libraries (paths) that no node need have.
strangers() {
  grep -vE -e '/(ld-linux-x86-64|libc|libm|libmvec|libdl|librt|libpthread|libresolv|libutil|libanl)\.so\.[0-9]$' \
    -e '/(libstdc\+\+|libgcc_s)\.so\.[0-9.]+$' | grep -vF -e "$BUNDLE/" -e "$ROOT/" -e "$TORCH/"
}
# needs FILE: what the loader finds for it, as the launchers set it up.
needs() {
  on_node sh -c 'bundle=$1; . "$bundle/libexec/libtorch.sh"; ldd "$2"' sh "$BUNDLE" "$1" | tee "$T/ldd" | sed -n 's/.* => \(\/.*\) (0x.*/\1/p'
}
closed() {   # every library of every executable
  local file
  for file in "$BUNDLE"/libexec/*; do
    [[ $file != *.sh ]] || continue
    check "no run path in ${file##*/}" test -z "$(readelf -d "$file" | grep -E 'RPATH|RUNPATH')"
    needs "$file" >"$T/needed"
    check "the loader finds something for ${file##*/}" test "$(wc -l <"$T/needed")" -gt 5
    # What libtorch_cuda needs is there on a node with a GPU alone.
    [ "${file##*/}" != libvega_cuda.so ] || continue
    check "${file##*/} finds everything: $(grep 'not found' "$T/ldd")" test -z "$(grep 'not found' "$T/ldd")"
    check "${file##*/} needs no stranger: $(strangers <"$T/needed" | xargs)" test -z "$(strangers <"$T/needed")"
  done
  [ ! -e "$BUNDLE/libexec/libvega_cuda.so" ] || check "the CUDA half needs LibTorch and CUDA's run time alone" test -z \
    "$(readelf -d "$BUNDLE/libexec/libvega_cuda.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' |
      grep -vE '^lib(torch_cuda|torch_cpu|c10|c10_cuda)\.so$|^lib(cudart|stdc\+\+|gcc_s|c|m)\.so\.[0-9]+$')"
  check "every packed library has its package and version" test \
    "$(awk -F'\t' 'NR > 1 && NF == 5 && $3 != ""' "$BUNDLE/share/vega/PACKAGES" | wc -l)" = "$(find "$BUNDLE/lib" -type f | wc -l)"
  check "no glibc, no LibTorch, no driver" test -z \
    "$(find "$BUNDLE/lib" -name 'libc.so*' -o -name 'ld-*' -o -name 'libtorch*' -o -name 'libc10*' -o -name 'libgomp*' -o -name 'libcuda*')"
}

unpack programs
closed
vega=$BUNDLE/bin/vega-extract
expect_exit 0 on_node "$vega" --help
check "help" grep -q features "$OUT"
ln -s "$vega" "$T/ve"
expect_exit 0 on_node "$T/ve" --help
expect_exit 0 on_node "$BUNDLE/bin/vega-synth" scene --size 160x120 --frames 6 -o "$T/room"
expect_exit 0 on_node "$BUNDLE/bin/vega-synth" model --preset wan-tiny --dtype bf16 -o "$T/model"
features() { on_node "$vega" features "$T/room" --model "$T/model" --size 96x64 --select uniform:3 --tag f -o "$T/f"; }
expect_exit 0 features
expect_exit 0 on_node "$vega" verify "$T/f"
expect_exit 0 extract features "$T/room" --model "$T/model" --size 96x64 --select uniform:3 --tag f -o "$T/g"
expect_equal "$T/f/f/room.h5" "$T/g/f/room.h5"

# What a running one has mapped, dlopen included: it waits for its list.
mkfifo "$T/list"
LAST="features --list - from a pipe"
env -i PATH=/usr/bin:/bin HOME="$T" LIBTORCH_ROOT="$ROOT" \
  "$vega" features --list - --backbone rgb --size 96x64 -o "$T/h" <"$T/list" >"$OUT" 2>"$ERR" &
pid=$!
exec 7>"$T/list"
printf '%s\n' "$T/room" >&7
mapped() { sed -n 's/^[^/]*\(\/.*\.so[.0-9]*\)$/\1/p' "/proc/$pid/maps" | sort -u; }
until mapped | grep -q libtorch_cpu || ! kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
mapped >"$T/mapped"
check "LibTorch is mapped from the node's place" grep -q "^\($ROOT\|$TORCH\)/torch/lib/libtorch_cpu.so" "$T/mapped"
check "HDF5 is mapped from the bundle" grep -q "^$BUNDLE/lib/libhdf5" "$T/mapped"
check "nothing strange is mapped: $(strangers <"$T/mapped" | xargs)" test -z "$(strangers <"$T/mapped")"
exec 7>&-
wait "$pid"
check "and it finishes" test $? = 0

# Without LibTorch, or with another version: what is missing, and the remedy.
expect_exit 2 alone LIBTORCH_ROOT="$T/nowhere" "$vega" --help
expect_text "LIBTORCH_ROOT=$T/nowhere" "2.11"
mkdir -p "$T/old/torch/lib" "$T/old/torch/include/torch/headeronly"
touch "$T/old/torch/lib/libtorch_cpu.so"
printf '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 10\n' >"$T/old/torch/include/torch/headeronly/version.h"
expect_exit 2 alone LIBTORCH_ROOT="$T/old" "$vega" --help
expect_text "LibTorch 2.10" "2.11"
# The torch of python3, found without importing it.
mkdir "$T/bin"
printf '#!/bin/sh\nPYTHONPATH="%s" exec /usr/bin/python3 "$@"\n' "$ROOT" >"$T/bin/python3"
chmod +x "$T/bin/python3"
if [ -x /usr/bin/python3 ]; then expect_exit 0 alone PATH="$T/bin:/usr/bin:/bin" "$vega" --help; fi

# The compute half: no FFmpeg, no programs, and small. Its tests find their goldens.
rm -rf "$BUNDLE"
unpack gpu --tests-only
check "under 60 MB: $SIZE" test "$SIZE" -lt 60000000
check "no FFmpeg" test -z "$(find "$BUNDLE/lib" -name 'libav*' -o -name 'libsw*')"
closed
expect_exit 0 on_node "$BUNDLE/bin/unit_core" "~[.]~[cuda]"
expect_exit 0 on_node VEGA_SOURCE_DIR="$BUNDLE/share/vega" "$BUNDLE/bin/unit_models" "UMT5 oracle*"
expect_exit 2 on_node "$BUNDLE/bin/bench_wan" --nonsense
programs=$(cut -f1 "$BUNDLE/share/vega/cuda_tests.txt")
check "tests to run there" test "$(wc -l <<<"$programs")" -ge 5
for program in $programs ladder_wan ladder_token_gate bench_wan bench_token_gate bench_qwen2 bench_train; do
  check "$program, which run_gpu.sh starts" test -x "$BUNDLE/bin/$program"
done
finish
