#!/usr/bin/env bash
# layers.sh: a folder of lib/ includes only folders of lower rank (lib/LAYERS), and each third party lives in its own folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -d '' files < <(find lib \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0 | sort -z)
if faults=$(awk '
  BEGIN {   # what is included, where it may be
    law["^spdlog/"] = "base"
    law["^(hdf5|H5[A-Za-z]*)[.]h"] = "store"
    law["^(turbojpeg|jpeglib|jerror|jconfig|png)[.]h"] = "media"
    law["^(libav[a-z]+|libsw[a-z]+)/"] = "media/video"
    law["^CLI/"] = "cli"
    law["^nlohmann/"] = "base"
    law["^(ATen|c10|torch|caffe2)/"] = "core ranks kernels nn models probe correspondence/device fusion vlm extract fuse evaluate train train/world"
    law["^(cairo|ft2build)"] = "viz"
    law["^(gloo|torch/csrc/distributed)/"] = "ranks"
    law["^catch2/"] = "(tests)"
  }
  # The folder of lib/LAYERS that a path below lib/ belongs to: the folder within where that stands there, else the first.
  function folder_of(path,    part) {
    split(path, part, "/")
    return ((part[1] "/" part[2]) in rank) ? part[1] "/" part[2] : part[1]
  }
  # A folder within may include its parent; all others only folders of lower rank.
  function allowed(from, to) { return rank[to] + 0 < rank[from] + 0 || index(from, to "/") == 1 }
  function fault(text) { printf "  %s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
  FILENAME == "lib/LAYERS" { if ($1 ~ /^[0-9]+$/) rank[$2] = $1; next }
  FNR == 1 {
    folder = folder_of(substr(FILENAME, 5))   # without "lib/"
    if (!(folder in rank)) fault("folder " folder " has no rank in lib/LAYERS")
  }
  /^[ \t]*#[ \t]*include[ \t]*["<]/ {
    name = $0; sub(/^[^"<]*["<]/, "", name); sub(/[">].*/, "", name)
    for (pattern in law) if (name ~ pattern && index(" " law[pattern] " ", " " folder " ") == 0)
      fault("<" name "> belongs in " law[pattern] ", not in " folder)
    if (name ~ /^(ATen|c10|torch|caffe2)\// && FILENAME ~ /[.]cu$/) fault("torch header in a .cu file: " name)
    if (name ~ /^nlohmann\// && FILENAME !~ /base\/json[.]cpp$/) fault("JSON goes through base/json.h: " name)
    if ($0 ~ /"/ && FILENAME !~ "/" name "$") {
      other = folder_of(name)
      if (!(other in rank)) fault("\"" name "\" names no folder of lib/LAYERS; write #include \"folder/file.h\"")
      else if (other != folder && !allowed(folder, other))
        fault(folder " (rank " rank[folder] ") includes " other " (rank " rank[other] ")")
    }
  }
  END { exit bad }' lib/LAYERS "${files[@]}"); then
  echo "check layers: ok, ${#files[@]} files"
else
  printf '%s\n' "$faults" >&2
  echo "check layers: failed; remedy: move the code to the folder named, see docs/layers.md" >&2
  exit 1
fi
