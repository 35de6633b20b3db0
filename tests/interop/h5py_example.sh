#!/usr/bin/env bash
# The example of docs/formats.md, "Reading with h5py", runs as it stands there.   h5py_example.sh BIN
. "$(dirname "$0")/lib.sh"
need_python h5py
awk '/^## /{ on = /^## Reading with h5py/ } on && /^```/{ code = !code; next } on && code' \
  "$ROOT/docs/formats.md" >"$T/example.py"
file=$(sed -n 's/.*h5py[.]File("\([^"]*\)").*/\1/p' "$T/example.py")
[ -n "$file" ] || { echo "docs/formats.md has no example that opens a file" >&2; exit 1; }
tag=$(basename "$(dirname "$file")")
make_features "$tag"
[ -e "$T/$file" ] || { echo "the example opens $file, made was $T/features/$tag/room.h5" >&2; exit 1; }
cat >>"$T/example.py" <<'END'
assert str(tokens.dtype) == "float32" and tokens.shape == (5, 14, 14, 3), (tokens.dtype, tokens.shape)
assert 0 < tokens.min() < tokens.max() < 1
assert ids.tolist() == [0, 2, 5, 8, 11], ids
assert 0 <= u < 320 and 0 <= v < 240, (u, v)
END
(cd "$T" && "$PYTHON" example.py)
lines=$(grep -c . <(head -n -4 "$T/example.py"))
echo "ok: the $lines lines of docs/formats.md run with $("$PYTHON" -c 'import h5py; print("h5py", h5py.__version__)')"
