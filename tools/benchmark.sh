#!/usr/bin/env bash
# benchmark.sh: from annotations to a table of scores: prepares questions, makes the files of their scenes, answers,
# validates, scores, prints the table, writes a report with cases. What is there already is kept, to the question: the
# same command goes on where it was stopped.
#
#   tools/benchmark.sh                                                     # made-up rooms, an untrained tiny model
#   tools/benchmark.sh --data data --checkpoint VEGA-3D --model Wan2.1-T2V-1.3B -o runs/vega
#
#   -o DIR             results (benchmark): questions/ scenes/ features/ answers/TASK/ (with scores.json)
#                      table.txt table.md report.html
#   --data DATA        the `data` folder of Video-3D-LLM (docs/dataset.md); without it rooms are made up in DIR/data. Benchmarks
#                      that choose among proposals need those of a detector: annotated objects never take their place
#   --checkpoint DIR   a VEGA-3D, Video-3D-LLM or LLaVA-Video checkpoint, or a LoRA folder; without it an untrained one
#   --base DIR         of a LoRA folder: the model that it was trained on
#   --tower DIR        the vision tower, where the checkpoint has none
#   --model DIR        the diffusion model, where the checkpoint has a generative branch (--prompt FILE: its embedding)
#   --tasks "A B"      of scanrefer multi3drefer scan2cap scanqa sqa3d nr3d; without it all whose annotations are there
#   --split NAME       without it the split that a benchmark is evaluated on
#   --frames N         pictures of a scene (32)
#   --device NAME      cpu or cuda (cpu)
#   --meteor-dir DIR   METEOR as published (docs/scoring.md)
#   --name NAME        of the row in the table (the checkpoint's folder)
#   --rooms N --texts N --size WxH   of the made-up data (4, 12, 96x72)
#   -- OPTIONS         more options of `vega-eval answer`
#
# BUILD=build is the build folder. Exit code 4: some questions, scenes or benchmarks failed, see above; the others are
# scored.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}   # threads that wait for work leave their cores to others
bin=${BUILD:-$root/build}/bin
out=benchmark data='' checkpoint='' base='' tower='' model='' prompt='' tasks='' split='' frames=32 device=cpu meteor='' name=''
rooms=4 texts=12 size=96x72 extra=()
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --) shift; extra=("$@"); break ;;
    -o | --data | --checkpoint | --base | --tower | --model | --prompt | --tasks | --split | --frames | --device | --meteor-dir | --name | --rooms | --texts | --size)
      [ $# -ge 2 ] || { echo "benchmark.sh: $1: got nothing behind it" >&2; exit 2; }
      case $1 in
        -o) out=$2 ;;
        --meteor-dir) meteor=$2 ;;
        *) printf -v "${1#--}" %s "$2" ;;
      esac
      shift 2 ;;
    *) echo "benchmark.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
[ -x "$bin/vega-eval" ] || { echo "benchmark.sh: no $bin/vega-eval; run make, or set BUILD" >&2; exit 2; }
mkdir -p "$out"

step() { printf '\n%s\n' "$*" >&2; }
failed=0 lost=()
# attempt COMMAND...: its stdout is dropped. Exit code 4 (some items failed, and were named) is remembered; 3 (inputs that
# cannot be used) is returned; others end the run.
attempt() {
  printf '$ %s\n' "${*/#$bin\//}" >&2
  local rc=0
  "$@" >/dev/null || rc=$?
  [ "$rc" != 4 ] || failed=1
  [ "$rc" != 3 ] || return 3
  [ "$rc" = 0 ] || [ "$rc" = 4 ] || exit "$rc"
}
run() { attempt "$@" || exit 3; }
lose() {   # TASK WHY: the benchmark gets no row; the others go on
  echo "benchmark.sh: $1: $2, see above; it gets no row" >&2
  lost+=("$1") failed=1
}

# ---------------------------------------------------------------------------------------------- data and model
made_up='' untrained=''
if [ -z "$data" ]; then
  step "Made-up rooms with annotations of all benchmarks (docs/dataset.md)"
  data=$out/data made_up=1
  run "$bin/vega-synth" dataset --rooms "$rooms" --texts "$texts" --frames "$frames" --size "$size" -o "$data"
fi
if [ -z "$checkpoint" ]; then
  step "An untrained tiny model: its answers are noise, and its scores are those of chance"
  checkpoint=$out/models/vlm-tiny
  [ -n "$model" ] || model=$out/models/wan-tiny
  tokenizer=()
  [ ! -f "$data/tokenizer/tokenizer.json" ] || tokenizer=(--tokenizer "$data/tokenizer")
  if [ ! -f "$checkpoint/config.json" ]; then
    run "$bin/vega-synth" model --preset vlm-tiny "${tokenizer[@]}" -o "$checkpoint"
    # A small picture for the diffusion model: seconds instead of minutes. --recipe takes it over.
    sed -i 's/"832\*480"/"240*144"/' "$checkpoint/config.json"
  fi
  [ -f "$model/config.json" ] || run "$bin/vega-synth" model --preset wan-tiny -o "$model"
  untrained=1
  [ ${#extra[@]} != 0 ] || extra=(--max-new-tokens 16)   # an untrained model does not know where to stop
fi

[ -n "$name" ] || name=$(basename "$checkpoint")

# The view that the checkpoint's code has of the frames, and whether it has a generative branch (docs/language.md).
config=$checkpoint/config.json
[ -f "$config" ] || config=$base/config.json
[ -f "$config" ] || { echo "benchmark.sh: no config.json in $checkpoint${base:+ or $base}" >&2; exit 3; }
member() { grep -qE "\"$1\": *$2" "$config"; }
view=mllm generative=''
if member use_generative_feature true; then
  generative=1
  [ -n "$model" ] || { echo "benchmark.sh: $config has a generative branch; give its diffusion model with --model" >&2; exit 2; }
elif ! member use_generative_feature '' && { member ground_head_type '"' || member world_position_embedding_type '"'; }; then
  view=center_crop
fi

# ---------------------------------------------------------------------------------------------- what is asked
# Of each task: its split, and the file of its annotations, or else that of questions which the release has processed.
declare -A split_of source_of
split_for() { if [ "$1" = sqa3d ]; then echo "${split:-test}"; else echo "${split:-val}"; fi; }
find_source() {   # TASK SPLIT
  local b=$data/benchmark p=$data/processed
  case $1 in
    scanrefer) set -- "$b/scanrefer/ScanRefer_filtered_$2.json" "$p/scanrefer_vg_$2_llava_style.json" ;;
    scan2cap) set -- "$b/scanrefer/ScanRefer_filtered_$2.json" "$p/scan2cap_$2_llava_style.json" ;;
    multi3drefer) set -- "$b/multi3drefer/multi3drefer_$2.json" "$p/multi3drefer_$2_llava_style.json" ;;
    scanqa) set -- "$b/scanqa/ScanQA_v1.0_$2.json" "$b/scanqa/ScanQA_v1.0_$2_w_obj.json" "$p/scanqa_$2_llava_style.json" ;;
    sqa3d) set -- "$b/sqa_task/balanced/v1_balanced_questions_$2_scannetv2.json" "$p/sqa3d_$2_llava_style.json" ;;
    nr3d) set -- "$b/nr3d/nr3d.csv" ;;
    *) echo "benchmark.sh: --tasks: got '$1', expected scanrefer multi3drefer scan2cap scanqa sqa3d nr3d" >&2; exit 2 ;;
  esac
  local file
  for file; do
    [ ! -f "$file" ] || { echo "$file"; return; }
  done
}
scenes_in() {   # FILE SPLIT: the scenes that it names, one a line
  case $1 in
    *.csv)
      grep -oE 'scene[0-9]{4}_[0-9]{2}' "$1" | sort -u |
        if [ -f "$data/scannetv2_$2.txt" ]; then grep -xF -f "$data/scannetv2_$2.txt"; else cat; fi ;;
    *) grep -oE '"(scene_id": *"|video": *"scannet/)[^"/]+"' "$1" | sed 's/"$//; s/.*["/]//' | sort -u ;;
  esac
}
chosen=()
for task in ${tasks:-scanrefer multi3drefer scan2cap scanqa sqa3d nr3d}; do
  one=$(split_for "$task")
  file=$(find_source "$task" "$one")
  if [ -z "$file" ]; then
    [ -z "$tasks" ] || { echo "benchmark.sh: no annotations of $task, split $one, in $data/benchmark or $data/processed" >&2; exit 3; }
    continue
  fi
  chosen+=("$task") split_of[$task]=$one source_of[$task]=$file
  mkdir -p "$out/lists"
  scenes_in "$file" "$one" >>"$out/lists/$one.new"
done
[ ${#chosen[@]} != 0 ] || { echo "benchmark.sh: no annotations in $data/benchmark or $data/processed" >&2; exit 3; }

# ---------------------------------------------------------------------------------------------- files of the scenes
# proposals_of SPLIT: the options that say what the proposals of its scenes are: those of a detector. The annotated objects
# never take their place, since one of them is the answer: benchmarks that need proposals then get no row.
proposals_of() {
  local boxes=$data/metadata/scannet_$1_pred_box.json masks=$data/scannet/mask scene task lack=''
  proposals=(--proposals masks)   # beside the scans
  if [ -f "$boxes" ]; then proposals=(--boxes "$boxes"); return; fi
  if [ -d "$masks" ]; then proposals=(--masks "$masks"); return; fi
  while read -r scene; do
    compgen -G "$data/scannet/*/$scene/*.mask.npz" >/dev/null || lack=${lack:-$scene}
  done <"$out/lists/$1.txt"
  [ -n "$lack" ] || return 0
  proposals=(--proposals none)
  for task in "${chosen[@]}"; do
    case $1:$task in
      "${split_of[$task]}:scanrefer" | "${split_of[$task]}:multi3drefer" | "${split_of[$task]}:scan2cap")
        echo "benchmark.sh: $task, split $1: got no proposals of a detector (the first scene without: $lack), expected $boxes," \
          "or masks in $masks or beside the scans; annotated objects do not take their place, since one of them is the answer" >&2
        without+=("$task") ;;
    esac
  done
}
without=()

step "Files of the scenes: depth, poses and objects; what the vision tower sees; the generative branch"
: >"$out/lists/all.new"
common=(--root "$data" --select "uniform:$frames" --view "$view")
for one in train val test; do
  [ -f "$out/lists/$one.new" ] || continue
  sort -u "$out/lists/$one.new" >"$out/lists/$one.txt" && rm "$out/lists/$one.new"
  cat "$out/lists/$one.txt" >>"$out/lists/all.new"
  proposals_of "$one"
  run "$bin/vega-extract" scene --list "$out/lists/$one.txt" "${common[@]}" "${proposals[@]}" -o "$out/scenes"
done
sort -u "$out/lists/all.new" >"$out/lists/all.txt" && rm "$out/lists/all.new"
seen=$checkpoint
[ -z "$tower" ] || seen=$tower
[ -z "$base" ] || [ -n "$tower" ] || seen=$base
run "$bin/vega-extract" features --list "$out/lists/all.txt" "${common[@]}" --backbone siglip --model "$seen" --device "$device" \
  --tag semantic -o "$out/features"
files=(--scenes "$out/scenes" --semantic "$out/features/semantic")
if [ -n "$generative" ]; then
  run "$bin/vega-extract" features --list "$out/lists/all.txt" --root "$data" --select "uniform:$frames" --model "$model" \
    ${prompt:+--prompt "$prompt"} --recipe "$checkpoint" --device "$device" --tag generative -o "$out/features"
  files+=(--features "$out/features/generative")
fi

# ---------------------------------------------------------------------------------------------- questions, answers, scores
mkdir -p "$out/questions" "$out/answers"
scored=() truths=() runs=()
for task in "${chosen[@]}"; do
  step "$task, split ${split_of[$task]}"
  if [[ " ${without[*]} " = *" $task "* ]]; then
    lose "$task" "there are no proposals to choose from"
    continue
  fi
  questions=$out/questions/$task.json
  case ${source_of[$task]} in
    "$data"/processed/*) cp "${source_of[$task]}" "$questions" ;;
    *)
      objects=()   # the release has boxes of the annotated objects of train alone; scene files have them
      case $task in
        scanqa | sqa3d) ;;
        *) [ -f "$data/metadata/scannet_${split_of[$task]}_gt_box.json" ] || objects=(--scenes "$out/scenes") ;;
      esac
      if ! attempt "$bin/vega-eval" prepare "$task" "$data" --split "${split_of[$task]}" "${objects[@]}" -o "$questions"; then
        lose "$task" "no question can be asked"
        continue
      fi ;;
  esac
  before=$failed failed=0 answered=1
  attempt "$bin/vega-eval" answer "$task" "$questions" --checkpoint "$checkpoint" ${base:+--base "$base"} "${files[@]}" \
    --device "$device" -o "$out/answers/$task" "${extra[@]}" || answered=''
  partial=()
  [ $failed = 0 ] || partial=(--partial)
  [ $before = 0 ] || failed=1
  if [ -z "$answered" ]; then
    lose "$task" "its questions cannot be answered"
    continue
  fi
  answers=$out/answers/$task/answers.jsonl
  if ! { [ -f "$answers" ] || attempt "$bin/vega-eval" merge "$out/answers/$task"; }; then
    lose "$task" "its answers cannot be merged"
    continue
  fi
  if [ ! -s "$answers" ]; then
    lose "$task" "not one question was answered"
    continue
  fi
  if ! attempt "$bin/vega-eval" validate "$task" "$answers" --gt "$questions" "${partial[@]}"; then
    lose "$task" "its answers are not valid"
    continue
  fi
  if [ "${split_of[$task]}" = test ] && [ "$task" != sqa3d ]; then
    echo "the answers of $task's test split are not public: vega-eval validate --submission writes what its server takes" >&2
    continue
  fi
  printf '$ vega-eval score %s %s --gt %s\n' "$task" "$answers" "$questions" >&2
  rc=0
  "$bin/vega-eval" score "$task" "$answers" --gt "$questions" ${meteor:+--meteor-dir "$meteor"} "${partial[@]}" \
    -o "$out/answers/$task/scores.json" --log-level warn || rc=$?
  if [ "$rc" = 3 ]; then
    lose "$task" "its answers cannot be scored"
    continue
  fi
  [ "$rc" = 0 ] || exit "$rc"
  scored+=("$name=$out/answers/$task/scores.json")
  truths+=(--gt "$task=$questions") runs+=("$name=$out/answers/$task")
done
if [ ${#scored[@]} = 0 ]; then
  [ ${#lost[@]} = 0 ] || echo "benchmark.sh: no row at all" >&2
  exit $((failed * 4))
fi

step "Table and report"
columns=table1
[[ " ${chosen[*]} " != *" nr3d "* ]] || columns=table1,nr3d
table=("$bin/vega-eval" table "${scored[@]}" --columns "$columns" --log-level warn)
[ -z "$made_up" ] || table+=(--published none)   # those rows answered other questions
"${table[@]}" --format markdown -o "$out/table.md"
run "$bin/vega-eval" report "${runs[@]}" --scenes "$out/scenes" "${truths[@]}" ${meteor:+--meteor-dir "$meteor"} \
  --title "$name" -o "$out/report.html"
"${table[@]}" | tee "$out/table.txt"
[ -z "$untrained" ] || echo "The model is untrained: its answers are noise, and these are the scores of chance." >&2
[ ${#lost[@]} = 0 ] || echo "no row for ${lost[*]}: see above" >&2
[ $failed = 0 ] || { echo "some questions or scenes failed, see above; the same command tries them again" >&2; exit 4; }
