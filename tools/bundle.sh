#!/usr/bin/env bash
# bundle.sh [--tests|--tests-only] [-o FILE] [BUILD]
# Packs the built programs and every shared library that they load, but glibc, the CUDA driver and LibTorch, into one tar that
# runs where it is unpacked, without root: docs/bundle.md. `make bundle` calls it.
#   --tests       and the CUDA tests, the kernel ladder and the benchmark, with run_gpu.sh
#   --tests-only  those alone, without the programs: the compute half needs no FFmpeg, which makes it small
#   -o FILE       default: BUILD/vega[-gpu]-VERSION-linux-x86_64.tar.gz; a name in .tar is not compressed
#   BUILD         the build folder (build)
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
programs=1 tests='' out=''
while [ $# -gt 0 ]; do
  case $1 in
    --tests) tests=1 ;;
    --tests-only) tests=1 programs='' ;;
    -o) out=${2:?-o wants a file}; shift ;;
    -h | --help) sed -n '2,/^set -euo/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    -*) echo "bundle: unknown option '$1'; try tools/bundle.sh --help" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
build=$(cd "${1:-$source/build}" && pwd)
die() { echo "bundle: $*" >&2; exit 1; }
. "$source/tools/bundle/collect.sh"
name=vega$([ -n "$programs" ] || echo -gpu)-$version-linux-$(uname -m)
out=${out:-$build/$name.tar.gz}

work=$(mktemp -d "${TMPDIR:-/tmp}/vega-bundle-XXXXXX")
trap 'rm -rf -- "$work" "$out.part"' EXIT
top=$work/$name
share=$top/share/vega
mkdir -p "$top/bin" "$top/libexec" "$top/lib/fallback" "$share"

# ------------------------------------------------------------------------------------------------------------ executables

# add FILE [launcher]: stripped and without the build folder's run path, into libexec/, started by a launcher in bin/.
add() {
  local file
  file=$top/libexec/$(basename "$1")
  [ -x "$1" ] || die "$1 is not built"
  strip --strip-unneeded -o "$file" "$1"
  printf 'file(RPATH_REMOVE FILE "%s")\n' "$file" >"$work/rpath.cmake"
  cmake -P "$work/rpath.cmake" >"$work/rpath.log" 2>&1 || die "$(cat "$work/rpath.log")"
  origin["$file"]=$1
  [ $# = 1 ] || install -m 755 "$source/tools/bundle/launch.sh" "$top/bin/$(basename "$1")"
}
declare -A origin
if [ -n "$programs" ]; then
  for program in "$build"/bin/vega-*; do
    ! [[ -f $program && -x $program ]] || add "$program" launcher
  done
fi
if [ -n "$tests" ]; then
  [ -s "$build/tests/cuda_tests.txt" ] || die "$build/tests/cuda_tests.txt is missing; configure again"
  while read -r program _; do add "$build/tests/$program" launcher; done <"$build/tests/cuda_tests.txt"
  for program in tests/ladder/ladder_wan tests/ladder/ladder_token_gate bin/bench_wan bin/bench_token_gate bin/bench_qwen2 bin/bench_train; do
    add "$build/$program" launcher
  done
  cp "$build/tests/cuda_tests.txt" "$source/tools/bundle/gpu_steps.txt" "$share/"
  mkdir -p "$share/tests"
  cp -r "$source/tests/golden" "$share/tests/"
  install -m 755 "$source/tools/bundle/run_gpu.sh" "$top/"
fi
[ ! -e "$build/bin/libvega_cuda.so" ] || add "$build/bin/libvega_cuda.so"
install -m 644 "$source/tools/bundle/libtorch.sh" "$top/libexec/"

# -------------------------------------------------------------------------------------------------------------- libraries

# Libraries that the machine brings: glibc's, the CUDA driver, and all that a LibTorch holds or loads itself.
left_out() {   # LIBRARY PATH
  case $1 in
    ld-linux* | libc.so.6 | libm.so.6 | libmvec.so.1 | libdl.so.2 | librt.so.1 | libpthread.so.0 | libresolv.so.2 | \
      libutil.so.1 | libanl.so.1) ;;
    libcuda.so* | libtorch* | libc10* | libgomp.so*) ;;
    *) [ -e "$libtorch/torch/lib/$1" ] || compgen -G "$libtorch/nvidia/*/lib/$1" >/dev/null ;;
  esac
}

place() {   # LIBRARY PATH
  # GCC's run time comes with LibTorch's machine: launch.sh takes ours only where that is older.
  case $1 in libstdc++.so.6 | libgcc_s.so.1) install -m 644 "$2" "$top/lib/fallback/$1" ;; *) install -m 644 "$2" "$top/lib/$1" ;; esac
}
pack_libraries "${origin[@]}"
libraries=${#packed[@]}
write_licences "$share"
cp "$source/LICENSE" "$source/docs/bundle.md" "$share/"
[ -z "$programs" ] || cp "$source"/tools/slurm/*.sbatch "$share/"

# -------------------------------------------------------------------------------------------------------------------- tar

# The same bytes whenever the same things are packed.
pack() { tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$when" -cf - "$name"; }
case $out in
  *.tar) pack >"$out.part" ;;
  *) pack | gzip -n >"$out.part" ;;
esac
mv "$out.part" "$out"
echo "$out: $(du -h --apparent-size "$out" | cut -f1), unpacked $(du -sh --apparent-size "$top" | cut -f1)," \
  "$libraries libraries"
