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
if "$PYTHON" -c "import diffusers, PIL" 2>/dev/null; then
  "$BIN/vega-synth" scene --size 96x64 --frames 40 -o "$T/walk" --log-level warn --progress off >/dev/null
  "$BIN/vega-train" world "$T/walk" --size 96x64 --width 48 --blocks 3 --ffn 96 --heads 2 --steps 2 --store-dtype fp32 \
    -o "$T/run" --log-level warn --progress off >/dev/null
  "$PYTHON" "$ROOT/tests/interop/wan_model.py" "$BIN" "$T/run/model" "$T/wan-model"
else
  echo "wan_model: skipped, $PYTHON lacks diffusers or PIL"
fi
if "$PYTHON" -c "import sklearn" 2>/dev/null; then
  for i in 1 2 3 4; do
    "$BIN/vega-synth" scene --seed "4$i" --size 96x72 --frames 120 --every 20 -o "$T/rooms/room$i" --log-level warn --progress off >/dev/null
  done
  "$BIN/vega-synth" model --preset wan-tiny -o "$T/wan" --log-level warn --progress off >/dev/null
  "$BIN/vega-extract" features "$T"/rooms/* --backbone rgb --compat fixed --select uniform:6 --tag rgb -o "$T/f" --log-level warn --progress off >/dev/null
  "$BIN/vega-extract" features "$T"/rooms/* --model "$T/wan" --size 96x64 --compat fixed --select uniform:6 --tag wan -o "$T/f" --log-level warn --progress off >/dev/null
  "$BIN/vega-extract" scene "$T"/rooms/* --select "frames:$T/f/rgb" --compat fixed -o "$T/scenes" --log-level warn --progress off >/dev/null
  "$BIN/vega-eval" probe "$T/f/rgb" "$T/f/wan" --scenes "$T/scenes" --class-cells 30 -o "$T/probe.json" --log-level error --progress off >/dev/null
  "$PYTHON" "$ROOT/tests/interop/probe.py" "$T/probe.json" "$T/f/rgb" "$T/f/wan" --scenes "$T/scenes"
else
  echo "probe: skipped, $PYTHON lacks scikit-learn"
fi
if "$PYTHON" -c "import diffusers, PIL" 2>/dev/null; then
  mkdir "$T/world-model"
  "$PYTHON" "$ROOT/tests/interop/world_model.py" "$BIN" "$ROOT/data/world" "$T/world-model"
else
  echo "world model: skipped, $PYTHON lacks diffusers or PIL"
fi
