# scans.sh: the stages that every recipe on scans begins with: lists, scene files, features, questions. What it
# wants of the recipe's script stands in stages.sh, which it brings.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=docs/recipes/stages.sh
. "$here/../stages.sh"

# eval_split TASK: the split that a benchmark is evaluated on.
eval_split() { if [ "$1" = sqa3d ]; then echo test; else echo val; fi; }
# annotations TASK SPLIT: its files, the one with the scenes first.
annotations() {
  local b=$data/benchmark
  case $1 in
    scanrefer | scan2cap) echo "$b/scanrefer/ScanRefer_filtered_$2.json" ;;
    multi3drefer) echo "$b/multi3drefer/multi3drefer_$2.json" ;;
    scanqa) echo "$b/scanqa/ScanQA_v1.0_$2.json" ;;
    sqa3d)
      echo "$b/sqa_task/balanced/v1_balanced_questions_$2_scannetv2.json"
      echo "$b/sqa_task/balanced/v1_balanced_sqa_annotations_$2_scannetv2.json" ;;
    *) refuse "$conf: tasks: got '$1', expected scanrefer multi3drefer scan2cap scanqa sqa3d" ;;
  esac
}
# scenes_of TASK SPLIT: the scenes that it asks about, one a line.
scenes_of() {
  local files
  mapfile -t files < <(annotations "$1" "$2")
  grep -oE '"scene_id": *"[^"/]+"' "${files[0]}" | sed 's/"$//; s/.*"//' | sort -u
}
# asked_scenes: all scenes of training and evaluation. evaluated_scenes: those of evaluation.
evaluated_scenes() { for task in $tasks; do scenes_of "$task" "$(eval_split "$task")"; done | sort -u; }
asked_scenes() { { for task in $mixture; do scenes_of "$task" train; done; evaluated_scenes; } | sort -u; }

# stage_lists: the scenes by ScanNet's own splits, which say what their proposals are.
stage_lists() {
  local split
  mkdir -p "$out/lists"
  asked_scenes >"$out/lists/all.new"
  evaluated_scenes >"$out/lists/evaluated.new"
  for split in train val test; do
    if [ -f "$data/scannetv2_$split.txt" ]; then grep -xF -f "$data/scannetv2_$split.txt" "$out/lists/all.new" || true; fi >"$out/lists/$split.new"
  done
  sort "$out"/lists/{train,val,test}.new | comm -23 "$out/lists/all.new" - >"$out/lists/nowhere"
  if [ -s "$out/lists/nowhere" ]; then
    echo "run.sh: $data/scannetv2_{train,val,test}.txt: got no $(head -n 3 "$out/lists/nowhere" | paste -sd ' ')" \
      "($(wc -l <"$out/lists/nowhere") scenes in all), which questions are about" >&2
    exit 3
  fi
  for split in all evaluated train val test; do mv "$out/lists/$split.new" "$out/lists/$split.txt"; done
  wc -l "$out"/lists/*.txt >&2
}

# frames_of LIST: the options that say which pictures of which scenes.
frames_of() {
  frames=(--list "$out/lists/$1.txt" --root "$data" --select "$select" --threads "$threads" --progress "$progress" --log-level warn)
  [ "$of" = 1 ] || frames+=(--shard "$share/$of")
}
# proposals_of SPLIT: the boxes of a detector; without any, its masks in the scans, never the annotated objects: questions would
# be answered with a choice among the right boxes. Those of training are the annotated ones.
proposals_of() {
  proposals=(--proposals gt)
  [ "$1" != train ] || return 0
  proposals=(--proposals masks)
  if [ -f "$data/metadata/scannet_$1_pred_box.json" ]; then proposals=(--boxes "$data/metadata/scannet_$1_pred_box.json")
  elif [ -d "$data/scannet/mask" ]; then proposals=(--masks "$data/scannet/mask"); fi
}
# dry_of NAME: the options that make a dry run of a program, where run.sh only plans.
dry_of() { dry=(); [ "$mode" != plan ] || dry=(--dry-run --report "$out/reports/plan-$1.json"); }
stage_scenes() {
  local split
  for split in train val test; do
    [ -s "$out/lists/$split.txt" ] || continue
    frames_of "$split"
    proposals_of "$split"
    dry_of "scenes-$split"
    attempt "$(part "scenes-$split")" "$bin/vega-extract" scene "${frames[@]}" "${proposals[@]}" "${dry[@]}" -o "$out/scenes"
  done
}
# siglip NAME MODEL LIST: what the vision tower of a model sees of the scenes of a list, in features/NAME.
siglip() {
  frames_of "$3"
  dry_of "$1"
  attempt "$(part "$1")" "$bin/vega-extract" features "${frames[@]}" --backbone siglip --model "$2" --device "$device" \
    --tag "$1" "${dry[@]}" -o "$out/features"
}
# wan NAME MODEL BLOCKS TIMESTEPS: generative features of all scenes, in features/NAME.
wan() {
  frames_of all
  dry_of "$1"
  attempt "$(part "$1")" "$bin/vega-extract" features "${frames[@]}" --model "$2" ${prompt:+--prompt "$prompt"} ${size:+--size "$size"} \
    --blocks "${3// /,}" --timesteps "${4// /,}" --device "$device" --tag "$1" --no-thumbs "${dry[@]}" -o "$out/features"
}
stage_semantic() { siglip semantic "${tower:-$base}" all; }
stage_generative() { wan generative "$wan" "$block" "$timestep"; }

# prepare TASK SPLIT: questions/SPLIT/TASK.json. The release has no boxes of some splits' annotated objects; scene files have them.
prepare() {
  local to=$out/questions/$2/$1.json boxes=()
  [ ! -s "$to" ] || return 0
  mkdir -p "${to%/*}"
  case $1 in scanqa | sqa3d) ;; *) [ -f "$data/metadata/scannet_$2_gt_box.json" ] || boxes=(--scenes "$out/scenes") ;; esac
  attempt "questions-$2-$1" "$bin/vega-eval" prepare "$1" "$data" --split "$2" "${boxes[@]}" "${quiet[@]}" -o "$to"
}
stage_questions() {
  local task between='['
  for task in $mixture; do prepare "$task" train; done
  for task in $tasks; do prepare "$task" "$(eval_split "$task")"; done
  for task in $mixture; do
    printf '%s{"annotations": "questions/train/%s.json", "task": "%s", "count": "%s"}' "$between" "$task" "$task" "${count:-all}"
    between=$',\n '
  done >"$out/mixture.json"
  printf ']\n' >>"$out/mixture.json"
}
questions_of() { echo "$out/questions/$(eval_split "$1")/$1.json"; }

# score TASK ANSWERS TO OPTION...: TO.json and TO.csv, of the answers in a folder, whose parts are joined.
score() {
  local task=$1 answers=$2 to=$3 partial=()
  shift 3
  [ -z "$skip_missing" ] || partial=(--partial)
  mkdir -p "${to%/*}"
  [ -f "$answers/answers.jsonl" ] || measured "merge-$task" "$bin/vega-eval" merge "$answers" "${quiet[@]}"
  measured "validate-$task" "$bin/vega-eval" validate "$task" "$answers" --gt "$(questions_of "$task")" "${partial[@]}" "${quiet[@]}"
  "$bin/vega-eval" score "$task" "$answers" --gt "$(questions_of "$task")" ${meteor:+--meteor-dir "$meteor"} "${partial[@]}" \
    --format csv "$@" "${quiet[@]}" -o "$to.json" >"$to.csv"
}
# trains_tower: does training change the vision tower? Then its pictures are read in place of semantic features.
trains_tower() {
  case " $train " in
    *" --train "*) sed 's/.*--train  *\([^ ]*\).*/\1/' <<<"$train" | grep -q tower ;;
    *) [ "$preset" = full ] || [ "$preset" = video3d-llm ] ;;
  esac
}
