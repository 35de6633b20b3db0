#!/usr/bin/env bash
# Files that go to Python and come from it (make interop).   run.sh BIN
# Needs a Python with torch, numpy, safetensors and h5py: VEGA_PYTHON, else python3.
. "$(dirname "$0")/lib.sh"
need_python torch numpy safetensors h5py
for dtype in bf16 fp16 fp32; do make_features "rgb-$dtype" --store-dtype "$dtype"; done
"$PYTHON" "$ROOT/tests/interop/interop.py" "$BIN/vega-extract" "$T"
"$ROOT/tests/interop/h5py_example.sh" "$BIN"
