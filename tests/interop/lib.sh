# Shared by the interop tests: source it with the folder of the programs. Looks for a Python with the given modules in
# VEGA_PYTHON, else python3; returns 77 (skipped) where there is none.
set -eu -o pipefail
export LC_ALL=C
BIN=$(cd "$1" && pwd)
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/vega-interop-XXXXXX")
trap 'rm -rf -- "$T"' EXIT
export XDG_CACHE_HOME=$T/xdg

need_python() {
  PYTHON=${VEGA_PYTHON:-$(command -v python3 || true)}
  local missing=()
  [ -n "$PYTHON" ] || { echo "skipped: no python3; VEGA_PYTHON names another"; exit 77; }
  for module in "$@"; do
    "$PYTHON" -c "import $module" 2>/dev/null || missing+=("$module")
  done
  [ ${#missing[@]} = 0 ] || { echo "skipped: $PYTHON lacks ${missing[*]}; VEGA_PYTHON names another"; exit 77; }
}

# make_features TAG [OPTION...]: $T/features/TAG/room.h5 of a made-up room, five frames.
make_features() {
  local tag=$1
  shift
  [ -d "$T/room" ] || "$BIN/vega-synth" scene -o "$T/room" --frames 12 --size 320x240 --log-level warn --progress off >/dev/null
  "$BIN/vega-extract" features "$T/room" --backbone rgb --select uniform:5 --tag "$tag" -o "$T/features" \
    --log-level warn --progress off "$@" >/dev/null
}
