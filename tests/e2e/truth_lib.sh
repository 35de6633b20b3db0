# Right answers, made from the annotations that `vega-synth dataset` writes. Source it after lib.sh. Each function prints
# the lines of an answer file.

# right_texts FILE: of ScanQA.
right_texts() {
  sed -n 's/.*"question_id":"\([^"]*\)".*"answers":\["\([^"]*\)".*/{"sample_id":"\1","pred_response":"\2"}/p' "$1"
}

# right_objects FILE SCENE: of Nr3D, about one scene.
right_objects() {
  grep -F "$2" "$1" | sed -n 's/^\([0-9]*\),.*\]",[^,]*,[^,]*,\([0-9]*\),nr3d,True.*/{"sample_id":"\1","pred_response":\2}/p'
}

# right_boxes KIND FILE BOXES [wrong]: the boxes of the objects that each description of FILE names, out of the metadata
# file BOXES. KIND: one, or several as a list. wrong: each third description has the box of another object.
right_boxes() {
  awk -v kind="$1" -v wrong="${4:+1}" '
    FNR == NR {   # "scannet/scene0001_00": [[..],[..]]
      if (split($0, part, /": \[\[/) < 2) next
      scene = part[1]; sub(/.*\//, "", scene)
      sub(/\]\],?$/, "", part[2])
      n = split(part[2], list, /\],\[/)
      for (i = 1; i <= n; ++i) box[scene, i - 1] = "[" list[i] "]"
      next
    }
    /"scene_id"/ {
      match($0, /"scene_id":"[^"]*"/); scene = substr($0, RSTART + 12, RLENGTH - 13)
      match($0, /"object_ids?":[[" ]*[0-9,]*/); ids = substr($0, RSTART, RLENGTH); sub(/.*[[":]/, "", ids)
      n = split(ids, id, ","); out = ""
      for (i = 1; i <= n; ++i) {
        if (wrong && row % 3 == 0) id[i] = id[i] == 0 ? 1 : id[i] - 1
        out = out (i > 1 ? "," : "") box[scene, id[i]]
      }
      if (kind == "several") out = "[" out "]"
      printf "{\"sample_id\":\"%d\",\"pred_response\":%s}\n", row++, out
    }' "$3" "$2"
}
