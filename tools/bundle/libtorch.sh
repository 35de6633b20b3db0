# Read by the launchers, with $bundle set: finds LibTorch and sets LD_LIBRARY_PATH and LIBTORCH_ROOT. Exit code 2: none.
if [ -n "${LIBTORCH_ROOT:-}" ]; then
  asked="LIBTORCH_ROOT=$LIBTORCH_ROOT"
  case $LIBTORCH_ROOT in /*) ;; *) LIBTORCH_ROOT=$PWD/$LIBTORCH_ROOT ;; esac
else
  # The folder of the module, without importing it, which takes seconds.
  asked="the torch of python3"
  LIBTORCH_ROOT=$(python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(list(s.submodule_search_locations)[0])' \
    2>/dev/null) || LIBTORCH_ROOT=
  LIBTORCH_ROOT=${LIBTORCH_ROOT%/torch}
fi
# pip's layout; torch/ itself; the unpacked zip of LibTorch.
vega_torch=
for folder in "$LIBTORCH_ROOT/torch" "$LIBTORCH_ROOT"; do
  if [ -n "$LIBTORCH_ROOT" ] && [ -e "$folder/lib/libtorch_cpu.so" ]; then vega_torch=$folder; break; fi
done
if [ -z "$vega_torch" ]; then
  echo "vega: no LibTorch: $asked has no torch/lib/libtorch_cpu.so; expected LibTorch 2.11:" \
    "set LIBTORCH_ROOT to the folder that holds torch/ (pip install torch==2.11.0 --target DIR makes one)" >&2
  exit 2
fi
vega_found=$(sed -n 's/^#define TORCH_VERSION_M[A-Z]* \([0-9]*\)$/\1/p' \
  "$vega_torch/include/torch/headeronly/version.h" 2>/dev/null | paste -sd.)
case ${vega_found:-2.11} in
  2.11) ;;
  *)
    echo "vega: $vega_torch is LibTorch $vega_found; expected 2.11, which these programs were built with:" \
      "set LIBTORCH_ROOT to the folder that holds torch/ of that version" >&2
    exit 2 ;;
esac
# GCC's run time: this machine's, which is no older than its LibTorch wants; ours only where it is older than these programs.
vega_gcc=:$bundle/lib/fallback
for folder in /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64 /lib /usr/lib; do
  if grep -qs GLIBCXX_3.4.30 "$folder/libstdc++.so.6"; then vega_gcc=; break; fi
done
LD_LIBRARY_PATH=$bundle/lib:$vega_torch/lib$vega_gcc${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH LIBTORCH_ROOT
