#!/usr/bin/env bash
# run.sh: the study. Rows that see nothing, places alone, colours, semantic features, generative features, and both
# fused are trained by one recipe and asked about rooms that no row has seen; RESULTS.md is written anew. What is there
# already is kept: the same command goes on where it was stopped.
#
#   docs/recipes/study/run.sh                                          # the made-up world of study.conf
#   docs/recipes/study/run.sh --scenes scenes --semantic features/siglip --features features/wan \
#     --train scanrefer_train.json --test scanrefer_val.json --tokenizer Qwen2 -o runs/study     # one's own features
#
#   -o DIR            results (study): data/ questions/ scenes/ features/ models/ runs/ answers/ scores/ RESULTS.md
#   --conf FILE       sizes and recipe (study.conf beside this script)
#   --scenes DIR --semantic DIR --features DIR   files of one's own scenes; then also
#   --train FILE --test FILE                     their questions, as vega-eval prepare scanrefer writes them, and perhaps
#   --rgb DIR         of vega-extract features --backbone rgb --pool 27x27; without it no row rgb
#   --tokenizer DIR   without it every byte is a token
#   --rows "A B"      of geometry rgb semantic generative fused
#   --seeds "1 2 3"   of start values, order, augmentation
#   --steps N --visual-from N
#   --device NAME     cpu or cuda (cpu)
#   --threads N       of every program (all cores)
#   --results FILE    a copy of RESULTS.md
#   --files-only      end when the files of the rooms are there, before anything is trained
#
# BUILD=build is the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}   # threads that wait for work leave their cores to others
bin=${BUILD:-$root/build}/bin
command="docs/recipes/study/run.sh${*:+ $*}"
out=study conf=$here/study.conf scenes='' semantic='' features='' rgb='' train='' test='' tokenizer='' device=cpu threads=0 results='' files_only=''
declare -A asked
while [ $# -gt 0 ]; do
  case $1 in
    --files-only) files_only=1; shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    -o | --conf | --scenes | --semantic | --features | --rgb | --train | --test | --tokenizer | --rows | --seeds | --steps | --visual-from | --device | --threads | --results)
      [ $# -ge 2 ] || { echo "run.sh: $1: got nothing behind it" >&2; exit 2; }
      case $1 in
        -o) out=$2 ;;
        --rows | --seeds | --steps | --visual-from) name=${1#--}; asked[${name//-/_}]=$2 ;;
        *) printf -v "${1#--}" %s "$2" ;;
      esac
      shift 2 ;;
    *) echo "run.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
[ -x "$bin/vega-train" ] || { echo "run.sh: no $bin/vega-train; run make, or set BUILD" >&2; exit 2; }
world_seed='' train_rooms='' test_rooms='' frames='' size='' wan_size='' texts='' rows='' seeds=''
steps='' rate='' rooms_a_step='' questions_a_room='' visual_from='' keep_frames='' shift=''
# shellcheck source=docs/recipes/study/study.conf
. "$conf"
for name in "${!asked[@]}"; do printf -v "$name" %s "${asked[$name]}"; done
made_up=1
if [ -n "$scenes$semantic$features$train$test" ]; then
  made_up=''
  for name in scenes semantic features train test; do
    [ -n "${!name}" ] || { echo "run.sh: --$name: got nothing, expected it beside the other files of one's own" >&2; exit 2; }
  done
  [ -n "$rgb" ] || rows=" $rows " rows=${rows/ rgb / }
fi
read -ra words <<<"$rows"
rows=${words[*]}   # one blank between two
mkdir -p "$out/log" "$out/models" "$out/runs" "$out/answers" "$out/scores"

step() { printf '\n%s\n' "$*" >&2; }
# measured NAME COMMAND...: runs it with its stdout in log/NAME.txt; its processor and wall time go to log/times.tsv.
measured() {
  local name=$1 rc=0
  shift
  printf '$ %s\n' "${*/#$bin\//}" >&2
  { TIMEFORMAT="$name"$'\t%U\t%S\t%R'; time "$@" >"$out/log/$name.txt" 2>&3 || rc=$?; } 3>&2 2>>"$out/log/times.tsv"
  [ "$rc" = 0 ] || { echo "run.sh: $name: exit code $rc" >&2; exit "$rc"; }
}
quiet=(--log-level warn --progress off)
run=(--threads "$threads" "${quiet[@]}")

# ---------------------------------------------------------------------------------------------- world, questions, files
if [ -n "$made_up" ]; then
  data=$out/data
  step "A world: $train_rooms rooms to train with, $test_rooms unseen ones, and what is said about them"
  measured world "$bin/vega-synth" dataset -o "$data" --seed "$world_seed" --rooms $((train_rooms + test_rooms)) \
    --val "$test_rooms" --test 0 --frames "$frames" --size "$size" --masks exact --scanrefer plain --texts "$texts" "${run[@]}"
  tokenizer=$data/tokenizer
  mkdir -p "$out/questions"
  train=$out/questions/train.json test=$out/questions/test.json
  [ -f "$train" ] || "$bin/vega-eval" prepare scanrefer "$data" --split train --prompts "$here/prompts.json" -o "$train" "${quiet[@]}" >&2
  [ -f "$test" ] || "$bin/vega-eval" prepare scanrefer "$data" --split val --prompts "$here/prompts.json" -o "$test" "${quiet[@]}" >&2

  step "Files of the rooms: depth, poses and all annotated objects; colours, semantic and generative features"
  [ -f "$out/models/siglip-tiny/config.json" ] ||
    "$bin/vega-synth" model --preset siglip-tiny -o "$out/models/siglip-tiny" "${quiet[@]}" >&2
  [ -f "$out/models/wan-tiny/config.json" ] || "$bin/vega-synth" model --preset wan-tiny -o "$out/models/wan-tiny" "${quiet[@]}" >&2
  cat "$data/scannetv2_train.txt" "$data/scannetv2_val.txt" >"$out/rooms.txt"
  frames_of=(--root "$data" --list "$out/rooms.txt" --select "uniform:$frames" --compat fixed "${run[@]}")
  scenes=$out/scenes rgb=$out/features/rgb semantic=$out/features/semantic features=$out/features/generative
  measured scenes "$bin/vega-extract" scene "${frames_of[@]}" --proposals gt -o "$scenes"
  measured rgb "$bin/vega-extract" features "${frames_of[@]}" --backbone rgb --pool 27x27 --tag rgb -o "$out/features"
  measured semantic "$bin/vega-extract" features "${frames_of[@]}" --backbone siglip --model "$out/models/siglip-tiny" \
    --tag semantic --device "$device" -o "$out/features"
  measured generative "$bin/vega-extract" features "${frames_of[@]}" --backbone wan --model "$out/models/wan-tiny" --size "$wan_size" \
    --tag generative --device "$device" -o "$out/features"
fi
[ -z "$files_only" ] || exit 0

width_of() {   # DIR: channels of its features
  local file
  file=$(find "$1/" -maxdepth 1 -name '*.h5' | sort | sed -n 1p)
  [ -n "$file" ] || { echo "run.sh: $1: got no KEY.h5, expected features" >&2; exit 3; }
  "$bin/vega-extract" inspect "$file" "${quiet[@]}" | awk '$1 ~ /^\/taps\/.*\/tokens$/ { sub(/\].*/, ""); print $NF; exit }'
}

# ---------------------------------------------------------------------------------------------- rows
printf '[{"annotations": "%s", "task": "scanrefer", "count": "all"}]\n' "$(realpath "$train")" >"$out/questions.json"
# row_files ROW: options of the row's model, the parts of it that train, the files that it reads.
row_files() {
  local seen=$semantic
  model=(--fusion none) parts=projector,newline,ground-head,decoder
  case $1 in
    geometry) seen=${rgb:-$semantic} model+=(--zero-visual) ;;
    rgb) seen=$rgb ;;
    semantic) ;;
    generative) model=(--fusion only) parts=${parts/projector/generative-projector} ;;   # its semantic files are not read
    fused) model=(--fusion token_gated) parts=fusion,generative-projector,$parts ;;
    *) echo "run.sh: rows: got '$1', expected geometry rgb semantic generative fused" >&2; exit 2 ;;
  esac
  files=(--scenes "$scenes" --semantic "$seen") model+=(--semantic-width "$(width_of "$seen")")
  case $1 in
    generative | fused) files+=(--features "$features") model+=(--generative-width "$(width_of "$features")") ;;
  esac
}
for row in $rows; do
  row_files "$row"
  for seed in $seeds; do
    step "$row, seed $seed"
    start=$out/models/$row-$seed trained=$out/runs/$row-$seed
    [ -f "$start/config.json" ] || "$bin/vega-synth" model --preset vlm-study "${model[@]}" --seed "$seed" \
      ${tokenizer:+--tokenizer "$tokenizer"} -o "$start" "${quiet[@]}" >&2
    # All parts of a model train from scratch with one rate; each step turns and shifts a room and takes some of its frames.
    measured "train-$row-$seed" "$bin/vega-train" run --checkpoint "$start" --data "$out/questions.json" "${files[@]}" \
      --train "$parts" --rate "$rate" --steps "$steps" --sampler scene --step-scenes "$rooms_a_step" \
      --scene-questions "$questions_a_room" --visual-from "$visual_from" --augment-turn --augment-shift "$shift" \
      --augment-frames "$keep_frames" --seed "$seed" --compat reference --spatial-instruction off --recompute off --save-every "$steps" --keep 1 \
      --device "$device" --threads "$threads" -o "$trained"
    for split in test train; do
      questions=${!split} part=()
      [ $split = test ] || part=(--shard 0/3)   # a third of the training rooms, for comparison
      measured "answer-$split-$row-$seed" "$bin/vega-eval" answer scanrefer "$questions" --checkpoint "$trained" "${files[@]}" \
        --objects gt --compat reference --device "$device" "${part[@]}" -o "$out/answers/$row-$seed/$split" "${run[@]}"
    done
  done
done

# ---------------------------------------------------------------------------------------------- scores
step "Scores: the mean of the seeds, rooms drawn as a whole"
answers_of() {   # ROW SPLIT: an answer file of each seed
  local seed
  for seed in $seeds; do find "$out/answers/$1-$seed/$2" -name '*.jsonl' ! -name '*.stats.jsonl' | sort | head -n 1; done
}
score() { "$bin/vega-eval" score scanrefer "$@" "${quiet[@]}"; }
field() { awk -F, -v metric="$metric" -v column="$1" '$1 == metric && $7 == "" { print $column; exit }'; }
metric=Acc@0.5   # candidates are the annotated objects: this box is right, or another
for row in $rows; do
  mapfile -t mine < <(answers_of "$row" test)
  score "${mine[@]}" --gt "$test" --format csv -o "$out/scores/$row.json" >"$out/scores/$row.csv"
  by_seed=''
  for file in "${mine[@]}"; do by_seed+=" $(score "$file" --gt "$test" --format csv | field 2)"; done
  mapfile -t seen < <(answers_of "$row" train)
  {
    echo "value=$(field 2 <"$out/scores/$row.csv") low=$(field 3 <"$out/scores/$row.csv") high=$(field 4 <"$out/scores/$row.csv")"
    echo "by_seed='${by_seed# }'"
    echo "train_rooms_value=$(score "${seen[@]}" --gt "$train" --partial --format csv | field 2)"
    echo "cpu=$(awk -F'\t' -v row="$row" '$1 ~ "^train-" row "-" { t[$1] = $2 + $3 > t[$1] ? $2 + $3 : t[$1] } END { for (i in t) { s += t[i]; n++ }; if (n) printf "%.0f", s / n }' \
      "$out/log/times.tsv")"
  } >"$out/scores/$row.sh"
done
last=${rows##* }
others=() compared=()
for row in $rows; do [ "$row" = "$last" ] || others+=("$row"); done
for row in "${others[@]}"; do
  mapfile -t mine < <(answers_of "$last" test)
  mapfile -t theirs < <(answers_of "$row" test)
  compared+=("$row$(score "${mine[@]}" --gt "$test" "${theirs[@]/#/--against=}" --format csv |
    sed 's/"\[\([^,]*\), \([^]]*\)\]"/\1 to \2/' |
    awk -F, -v metric="$metric" '$1 == metric { print "|" $4 "|" $5 "|" $6 "|" $8 " / " $9; exit }')")
done
# Chance: a guess among the candidates of each question's room.
chance=$(grep -oE '"video": *"[^"]*"' "$test" | sed 's/"$//; s/.*["/]//' | sort | uniq -c | while read -r count scene; do
  "$bin/vega-extract" inspect "$scenes/$scene.h5" "${quiet[@]}" | awk -v count="$count" '$1 == "/objects/gt/box" {
    gsub(/[][,]/, " "); print count, $3 }'
done | awk '{ questions += $1; right += $1 / $2; rooms++; most = $2 > most ? $2 : most; least = !least || $2 < least ? $2 : least }
  END { printf "%.2f %d %d %d %d", 100 * right / questions, questions, rooms, least, most }')
read -r chance questions rooms least most <<<"$chance"

# ---------------------------------------------------------------------------------------------- RESULTS.md
step "RESULTS.md"
machine=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo 2>/dev/null || true)
total=$(awk -F'\t' '/^(train|answer)-/ { t[$1] = $2 + $3 > t[$1] ? $2 + $3 : t[$1] } END { for (i in t) s += t[i]; printf "%.0f", s }' \
  "$out/log/times.tsv")
verdict() {   # VALUE: whether it exceeds the bar
  awk -v value="$1" -v bar="$bar" 'BEGIN { print (value > bar ? "yes" : "**no**") }'
}
geometry=0
# of_row ROW: its numbers as variables.
of_row() {
  value='' low='' high='' by_seed='' train_rooms_value='' cpu=''
  # shellcheck source=/dev/null
  . "$out/scores/$1.sh"
}
case " $rows " in *" geometry "*) of_row geometry; geometry=$value ;; esac
bar=$(awk -v a="$chance" -v b="$geometry" 'BEGIN { printf "%.2f", 2 * (a > b ? a : b) }')
{
  echo "# Results of the study"
  echo
  echo "What these numbers are, and what they do not say, stands in the README beside run.sh."
  echo
  echo "| written by | |"
  echo "|---|---|"
  echo "| command | \`$command\` |"
  echo "| program | $("$bin/vega-train" --version 2>/dev/null | sed -n 1p) |"
  echo "| machine | ${machine:-unknown}, $(nproc) processors in sight |"
  echo "| training and answers | $total s of processor time |"
  echo
  if [ -n "$made_up" ]; then
    echo "World of seed $world_seed: $train_rooms rooms to train with, $rooms unseen ones, made up by \`vega-synth dataset\`."
  else
    echo "One's own scenes: $rooms unseen ones."
  fi
  echo "$questions held-out questions, $least to $most candidates. $steps steps at rate $rate, $rooms_a_step rooms with $questions_a_room"
  echo "questions each; the visual tokens are seen from step $visual_from on. All numbers are percent."
  echo
  echo "| row | $metric | 95 % over rooms | seeds | training rooms | above twice the better of chance and geometry ($bar) | CPU s of a run |"
  echo "|---|---|---|---|---|---|---|"
  echo "| blind (1/N, not run) | $chance | | | | | |"
  for row in $rows; do
    of_row "$row"
    above=''
    [ "$row" = geometry ] || above=$(verdict "$low")
    echo "| $row | $value | $low to $high | $by_seed | $train_rooms_value | $above | $cpu |"
  done
  if [ ${#compared[@]} != 0 ]; then
    echo
    echo "$last against the other rows, question by question (whole rooms are drawn, and exchanged for p):"
    echo
    echo "| row | difference | 95 % | p | won / lost |"
    echo "|---|---|---|---|---|"
    for line in "${compared[@]}"; do echo "| ${line//|/ | } |"; done
  fi
} >"$out/RESULTS.md.new"
mv "$out/RESULTS.md.new" "$out/RESULTS.md"
[ -z "$results" ] || cp "$out/RESULTS.md" "$results"
cat "$out/RESULTS.md"
