#!/usr/bin/env bash
# Files that go to Python and come from it (make interop).   run.sh BIN
# Needs a Python with torch, numpy, safetensors and h5py: VEGA_PYTHON, else python3.
. "$(dirname "$0")/lib.sh"
need_python torch numpy safetensors h5py
for dtype in bf16 fp16 fp32; do make_features "rgb-$dtype" --store-dtype "$dtype"; done
mkdir "$T/models"
"$PYTHON" "$ROOT/tests/interop/interop.py" "$BIN/vega-extract" "$T"
"$ROOT/tests/interop/h5py_example.sh" "$BIN"
if "$PYTHON" -c "import transformers, peft" 2>/dev/null; then
  "$PYTHON" "$ROOT/tests/interop/models.py" "$BIN" "$T/models"
else
  echo "models: skipped, $PYTHON lacks transformers or peft"
fi
