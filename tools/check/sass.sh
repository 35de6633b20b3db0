#!/usr/bin/env bash
# sass.sh [ARCHITECTURE...]: the machine code of every kernel in lib/ (default: sm_90), where an nvcc 13 is found: no local memory
# but at most 40 bytes of spilled registers, and no stores of 16 bits. What is exempt stands in sass_exempt.txt, with its reason.
# The disassembler: cuobjdump of the toolkit, else PyPI's wheels (tools/setup/sass.txt), kept under .deps/sass.
set -euo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "check sass: skipped, $*"; exit 0; }

nvcc=
for candidate in .deps/libtorch/nvidia/cu13/bin/nvcc "${CUDACXX:-}" "${CUDA_HOME:-}/bin/nvcc" /usr/local/cuda/bin/nvcc \
  "$(command -v nvcc || true)"; do
  if [ -x "$candidate" ] && "$candidate" --version | grep -q 'release 13\.'; then nvcc=$candidate && break; fi
done
[ -n "$nvcc" ] || skip "no nvcc 13 here (make setup CUDA=compile fetches one)"

tools=$(dirname "$nvcc")
if ! [ -x "$tools/cuobjdump" ] || ! [ -x "$tools/nvdisasm" ]; then
  list=tools/setup/sass.txt
  key=$(sha256sum <"$list" | cut -c1-16)
  tools=.deps/sass/nvidia/cu13/bin
  if [ "$(cat .deps/sass/stamp 2>/dev/null || true)" != "$key" ]; then
    command -v python3 >/dev/null || skip "the toolkit has no cuobjdump, and there is no python3 with pip to fetch it"
    wheels=$(mktemp -d)
    trap 'rm -rf -- "$wheels"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
      --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
      --dest "$wheels" -r "$list" 2>"$wheels/log" || skip "the toolkit has no cuobjdump, and PyPI cannot be reached"
    rm -rf .deps/sass && mkdir -p .deps/sass
    for wheel in "$wheels"/*.whl; do (cd .deps/sass && cmake -E tar xf "$wheel" nvidia); done
    echo "$key" >.deps/sass/stamp
  fi
  chmod +x "$tools/cuobjdump" "$tools/nvdisasm"
fi
PATH=$(cd "$tools" && pwd):$PATH

work=$(mktemp -d)
trap 'rm -rf -- "$work" "${wheels:-$work}"' EXIT
[ $# -gt 0 ] || set -- sm_90
mapfile -d '' sources < <(find lib -name '*_cuda.cu' -print0 | sort -z)
# One line a kernel: file, kernel, architecture, stack, spilled bytes, 16-bit stores.
for architecture in "$@"; do
  for source in "${sources[@]}"; do
    name=$(basename "$source" _cuda.cu)
    "$nvcc" -std=c++20 -O2 -I lib -arch="$architecture" -cubin -Xptxas -v -o "$work/$name.cubin" "$source" 2>"$work/$name.log" ||
      { cat "$work/$name.log" >&2; exit 1; }
    cuobjdump -sass "$work/$name.cubin" >"$work/$name.sass"
    awk -v file="$name" -v architecture="$architecture" '
      FILENAME ~ /log$/ && /Compiling entry function/ { split($0, part, "\047"); kernel = part[2]; order[++n] = kernel }
      FILENAME ~ /log$/ && /bytes stack frame/ {
        match($0, /[0-9]+ bytes stack/); stack[kernel] = substr($0, RSTART) + 0
        match($0, /[0-9]+ bytes spill stores/); spill[kernel] = substr($0, RSTART) + 0
        match($0, /[0-9]+ bytes spill loads/); loads = substr($0, RSTART) + 0
        if (loads > spill[kernel]) spill[kernel] = loads
      }
      FILENAME ~ /sass$/ && /Function : / { kernel = $NF }
      FILENAME ~ /sass$/ && /[ \t]STG[.][A-Z0-9.]*[.](U16|S16)/ { narrow[kernel]++ }
      END { for (i = 1; i <= n; ++i) { k = order[i]; print file, k, architecture, stack[k] + 0, spill[k] + 0, narrow[k] + 0 } }
    ' "$work/$name.log" "$work/$name.sass"
  done
done | c++filt -i >"$work/table" 2>/dev/null

# c++filt has put blanks into the names: the file is the first word, the numbers are the last four.
awk '
  NR == FNR {   # sass_exempt.txt: WHAT LIMIT FILE/KERNEL, a pattern
    if ($0 ~ /^[ \t]*(#|$)/) next
    what[++rules] = $1; limit[rules] = $2; pattern[rules] = $3; next
  }
  {
    file = $1; stack = $(NF - 2); spill = $(NF - 1); stores = $NF; architecture = $(NF - 3)
    name = ""; for (i = 2; i < NF - 3; ++i) name = name (i > 2 ? " " : "") $i
    gsub(/vega::kernels::(device::)?|\(anonymous namespace\)::|^void /, "", name)
    sub(/>\(.*/, ">", name); sub(/\(vega.*|\((Args|TokenGate|Pool|CrossGate).*/, "", name); gsub(/ /, "", name)
    ++kernels
    most["stack"] = 0; most["spill"] = 40; most["store16"] = 0
    # Spilled registers lie on the stack, in steps of 8 bytes: what is left of it is arrays and copies of parameters.
    got["stack"] = stack >= spill + 8 ? stack - spill : 0; got["spill"] = spill; got["store16"] = stores
    for (r = 1; r <= rules; ++r) if (file "/" name ~ pattern[r]) { most[what[r]] = limit[r]; used[r] = 1 }
    for (w in most) if (got[w] > most[w] + 0) {
      printf "  %s/%s, %s: %s %d, at most %d\n", file, name, architecture, w, got[w], most[w]; bad = 1
    }
  }
  END {
    for (r = 1; r <= rules; ++r) if (!used[r]) printf "  note: %s in sass_exempt.txt fits no kernel any more\n", pattern[r]
    if (!kernels) { print "  no kernel found"; bad = 1 }
    if (!bad) printf "check sass: ok, %d kernels\n", kernels
    exit bad
  }' tools/check/sass_exempt.txt "$work/table" >"$work/verdict" || {
  cat "$work/verdict" >&2
  echo "check sass: failed; stack: bytes of local memory that are no spills, spill: bytes, store16: stores of 16 bits." \
    "Remedy: the kernel; or a line in tools/check/sass_exempt.txt with the reason" >&2
  exit 1
}
cat "$work/verdict"
