#!/usr/bin/env bash
# scale.sh: what one more scene, question, picture, block, timestep or rank costs in every stage, measured on made-up rooms
# with tiny models: processor time, memory, bytes and files, and metadata operations (system calls that name a path of the
# data, or list, flush or lock a file of it), counted by strace. Writes the tables of docs/scale.md anew, and extends them to
# 1,513 scenes, 10^5 and 10^6 videos.
#
#   tools/scale.sh --results docs/scale.md        # some ten minutes of two cores
#   tools/scale.sh --counts "1 2" --ranks "1 2" --items "20 40" -o trial
#
#   -o DIR            work folder (scale); its points.tsv has a line a measurement, tables.md the tables
#   --counts "1 2"    how many scenes ("1 2 4 8")
#   --more "1 2"      how many times as many questions and pictures of one scene, blocks and timesteps ("1 4"); "": none
#   --ranks "1 2"     of a training ("1 2 4 8")
#   --items "N ..."   lengths of lists of small scenes, made and looked at again ("250 500 1000"); "": none
#   --results FILE    the lines of FILE between "<!-- tools/scale.sh -->" and "<!-- end -->" become the tables
#   --keep            keep the data of the work folder, and go on with it where there is some; otherwise all begins anew
#
# BUILD=build is the build folder. Needs perl, as git does; without strace no operations are counted.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export LC_ALL=C OMP_WAIT_POLICY=passive
bin=$(cd "${BUILD:-$root/build}/bin" && pwd)
out=scale counts="1 2 4 8" more="1 4" ranks="1 2 4 8" items="250 500 1000" results='' keep=''
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --keep) keep=1; shift ;;
    -o | --counts | --more | --ranks | --items | --results)
      [ $# -ge 2 ] || { echo "scale.sh: $1: got nothing behind it" >&2; exit 2; }
      case $1 in -o) out=$2 ;; *) printf -v "${1#--}" %s "$2" ;; esac
      shift 2 ;;
    *) echo "scale.sh: got '$1', expected an option; --help lists them" >&2; exit 2 ;;
  esac
done
[ -z "$results" ] || grep -qxF '<!-- tools/scale.sh -->' "$results" || { echo "scale.sh: --results $results: got no line '<!-- tools/scale.sh -->'" >&2; exit 2; }
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
work=$out/data
[ -n "$keep" ] || rm -rf "$work" "$out"/{points.tsv,tables.md,log}
mkdir -p "$work" "$out/log"
[ -n "$keep" ] || trap 'rm -rf -- "$work"' EXIT
export XDG_CACHE_HOME=$work/xdg
unset "${!SLURM_@}" RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE
quiet=(--log-level warn --progress off)

# ---------------------------------------------------------------------------------------------- one measurement
# A child's processor time (s), most memory of one process (KiB), bytes that system calls read and wrote: waitid leaves it a
# zombie, whose /proc/PID/io stands still, and getrusage then has it.
measure='my $to = shift; my $pid = fork; if (!$pid) { exec @ARGV; exit 127 }
my $info = "\0" x 128; syscall(247, 1, $pid, $info, 0x01000004, 0);
my ($r, $w) = (0, 0); open(my $io, "<", "/proc/$pid/io"); while (<$io>) { $r = $1 if /^rchar: (\d+)/; $w = $1 if /^wchar: (\d+)/ }
waitpid($pid, 0); my $rc = $?; my $use = "\0" x 144; syscall(98, -1, $use);
my @t = unpack("q4", $use); open(my $f, ">", $to); printf $f "%.3f\t%d\t%d\t%d\n", $t[0] + $t[2] + ($t[1] + $t[3]) / 1e6, unpack("x32 q", $use), $r, $w;
exit($rc & 127 ? 1 : $rc >> 8);'
strace=$(command -v strace || true)
# point AXIS STAGE N OUTPUT BEFORE COMMAND...: measures the command, which makes the folder OUTPUT. BEFORE, a function, prepares
# OUTPUT, which is removed first; `-`: nothing. Being traced costs some 0.1 ms an operation, of processor
# time too.
point() {
  local axis=$1 stage=$2 n=$3 output=$4 before=$5 name=$1-$2-$3 rc=0 ops=0 opens=0 files bytes trace=()
  shift 5
  if [ -e "$output" ] && grep -q "^$axis	$stage	$n	" "$out/points.tsv" 2>/dev/null; then return; fi   # --keep
  echo "$axis $n: $stage" >&2
  rm -rf "$output"
  mkdir -p "$output"
  [ "$before" = - ] || "$before" "$output"
  touch "$out/log/$name.begun"
  [ -z "$strace" ] || trace=("$strace" -f -y -qq --seccomp-bpf -o "$out/log/$name.calls" -e "trace=%file,getdents64,fsync,fdatasync,flock")
  "${trace[@]}" perl -e "$measure" "$out/log/$name.use" "$@" >"$out/log/$name.txt" 2>"$out/log/$name.err" || rc=$?
  [ "$rc" = 0 ] || { echo "scale.sh: $name: exit code $rc: $(tail -n 1 "$out/log/$name.err")" >&2; exit 1; }
  files=$(find "$output" -newer "$out/log/$name.begun" -type f | wc -l)
  bytes=$(find "$output" -newer "$out/log/$name.begun" -type f -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }')
  if [ -n "$strace" ]; then
    grep -F "$work/" "$out/log/$name.calls" | grep -v "execve(\|$work/xdg" >"$out/log/$name.own" || true
    ops=$(wc -l <"$out/log/$name.own") opens=$(grep -c 'open' "$out/log/$name.own" || true)
    [ -n "$keep" ] || rm "$out/log/$name.calls"
  fi
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$axis" "$stage" "$n" "$(cat "$out/log/$name.use")" "$files" "$bytes" "$ops" "$opens" >>"$out/points.tsv"
}

# ---------------------------------------------------------------------------------------------- data and models
# rooms NAME COUNT TEXTS PICTURES: data-NAME and its list.
rooms() {
  "$bin/vega-synth" dataset --rooms "$2" --val "$2" --test 0 --texts "$3" --frames "$4" --size 96x72 "${quiet[@]}" -o "$work/data-$1" >/dev/null
  cp "$work/data-$1/scannetv2_val.txt" "$work/list-$1.txt"
}
models() {
  [ ! -f "$work/wan/config.json" ] || return 0
  "$bin/vega-synth" model --preset vlm-tiny "${quiet[@]}" -o "$work/vlm" >/dev/null
  sed -i 's/"832\*480"/"240*144"/' "$work/vlm/config.json"
  "$bin/vega-synth" model --preset wan-tiny "${quiet[@]}" -o "$work/wan" >/dev/null
}
pictures=2 texts=4   # of a scene, where another axis grows
extract() {   # VERB NAME OUTPUT OPTION...
  local verb=$1 name=$2 output=$3
  shift 3
  command=("$bin/vega-extract" "$verb" --list "$work/list-$name.txt" --root "$work/data-$name" --threads 1 "${quiet[@]}" "$@" -o "$output")
}
# stages AXIS N NAME PICTURES [STAGE...]: every stage on data-NAME, each on what the one before has made; or these alone, on the
# files of one scene.
stages() {
  local axis=$1 n=$2 name=$3 frames="uniform:$4" here=$work/$1-$2 stage command from
  shift 4
  mkdir -p "$here"
  from=$here
  [ "$axis" != question ] || from=$work/scene-$first
  [ $# -gt 0 ] || set -- scene semantic generative resume tokens prepare train answer score
  for stage; do
    files=(--scenes "$from/scene" --semantic "$from/semantic/s" --features "$from/generative/g")
    case $stage in
      scene) extract scene "$name" "$here/scene" --select "$frames" --proposals masks ;;
      semantic) extract features "$name" "$here/semantic" --select "$frames" --backbone siglip --model "$work/vlm" --tag s ;;
      generative) extract features "$name" "$here/generative" --select "$frames" --model "$work/wan" --recipe "$work/vlm" --tag g ;;
      resume) extract features "$name" "$here/resume" --select "$frames" --model "$work/wan" --recipe "$work/vlm" --tag g ;;
      tokens)
        ls "$here"/generative/g/*.h5 >"$here/fuse.txt"
        command=("$bin/vega-fuse" tokens --list "$here/fuse.txt" --semantic "$here/semantic/s" --scenes "$here/scene" --checkpoint "$work/vlm"
          --threads 1 "${quiet[@]}" -o "$here/tokens") ;;
      prepare) command=("$bin/vega-eval" prepare scanqa "$work/data-$name" --split val "${quiet[@]}" -o "$here/prepare/questions.json") ;;
      train)
        printf '[{"annotations": "%s", "task": "scanqa"}]\n' "$here/prepare/questions.json" >"$here/mixture.json"
        command=("$bin/vega-train" run --checkpoint "$work/vlm" --data "$here/mixture.json" "${files[@]}" --batch 4 --epochs 1 --sampler random
          --threads 1 "${quiet[@]}" -o "$here/train") ;;
      answer)
        command=("$bin/vega-eval" answer scanqa "$here/prepare/questions.json" --checkpoint "$work/vlm" "${files[@]}" --max-new-tokens 4 --threads 1
          "${quiet[@]}" -o "$here/answer") ;;
      score) command=("$bin/vega-eval" score scanqa "$here/answer/answers.jsonl" --gt "$here/prepare/questions.json" "${quiet[@]}" -o "$here/score/scores.json") ;;
    esac
    made() { cp -r "$here/generative/." "$1"; find "$1" -name '*.h5' -exec touch -d '1 minute ago' {} +; }
    point "$axis" "$stage" "$n" "$here/$stage" "$([ "$stage" = resume ] && echo made || echo -)" "${command[@]}"
  done
}

# ---------------------------------------------------------------------------------------------- what is measured
# ---------------------------------------------------------------------------------------------- what is measured
# What does not build on each other runs side by side: processor time, memory and operations do not depend on it.
started=()
side() { "$@" & started+=($!); }
finish() {
  local pid rc=0
  for pid in "${started[@]}"; do wait "$pid" || rc=1; done
  started=()
  [ "$rc" = 0 ] || exit 1
}
first=${counts%% *} most=${counts##* }
of_scenes() { rooms "scene$1" "$1" "$texts" "$pictures" && stages scene "$1" "scene$1" "$pictures"; }
of_questions() { rooms "question$1" "$first" $((texts * $1)) "$pictures" && stages question "$1" "question$1" "$pictures" prepare train answer score; }
of_pictures() { rooms "picture$1" 1 "$texts" $((pictures * $1)) && stages picture "$1" "picture$1" $((pictures * $1)) scene semantic generative resume; }
of_taps() {
  local n=$1 command
  taps() {   # AXIS BLOCKS TIMESTEPS
    extract features "scene$first" "$work/$1-$n" --select "uniform:$pictures" --model "$work/wan" --size 240x144 --blocks "$2" --timesteps "$3" --tag g
    point "$1" generative "$n" "$work/$1-$n" - "${command[@]}"
  }
  taps block "$(seq -s, $((28 - n)) 27)" 300
  taps timestep 20 "$(seq -s, 100 50 $((50 + 50 * n)))"
}
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
}
# Ranks: all of a step's work is shared; processor time is that of all, memory that of the largest one.
ranks_of='count=$1 port=$2; shift 2; for ((rank = 0; rank < count; ++rank)); do
  RANK=$rank WORLD_SIZE=$count LOCAL_RANK=$rank LOCAL_WORLD_SIZE=$count MASTER_ADDR=127.0.0.1 MASTER_PORT=$port "$@" & pids+=($!)
done; rc=0; for pid in "${pids[@]}"; do wait "$pid" || rc=1; done; exit $rc'
of_ranks() {
  local here=$work/scene-$most
  point rank train "$1" "$work/ranks-$1" - bash -c "$ranks_of" ranks "$1" "$2" "$bin/vega-train" run --checkpoint "$work/vlm" --data "$here/mixture.json" \
    --scenes "$here/scene" --semantic "$here/semantic/s" --features "$here/generative/g" --batch 8 --epochs 1 --sampler random --zero 1 --threads 1 "${quiet[@]}" -o "$work/ranks-$1"
}
# Long lists: one small picture under many keys. Made: a file of colours each. Again: all are complete. Dry: a dry run of that.
of_items() {
  local n=$1 many
  linked() {   # FOLDER: N names of one file of colours
    mkdir -p "$1/rgb"
    cp "$work/items-$n/rgb/k000001.h5" "$1/one"
    touch -d '1 minute ago' "$1/one"
    perl -e 'for (1 .. $ARGV[1]) { link("$ARGV[0]/one", sprintf("%s/rgb/k%06d.h5", $ARGV[0], $_)) or die }' "$1" "$n"
  }
  perl -e 'printf "k%06d\t%s\n", $_, $ARGV[1] for 1 .. $ARGV[0]' "$n" "$work/small" >"$work/items-$n.txt"
  many=("$bin/vega-extract" features --list "$work/items-$n.txt" --backbone rgb --no-thumbs --tag rgb --threads 1 "${quiet[@]}")
  point item made "$n" "$work/items-$n" - "${many[@]}" -o "$work/items-$n"
  point item again "$n" "$work/again-$n" linked "${many[@]}" -o "$work/again-$n"
  point item dry "$n" "$work/again-$n-dry" linked "${many[@]}" --dry-run -o "$work/again-$n-dry"
}
models
for n in $counts; do side of_scenes "$n"; done
if [ -n "$items" ]; then
  "$bin/vega-synth" scene --plain --frames 1 --size 64x48 "${quiet[@]}" --overwrite -o "$work/small" >/dev/null
  for n in $items; do side of_items "$n"; done
fi
finish
for n in $more; do side of_questions "$n"; side of_pictures "$n"; side of_taps "$n"; done
for n in $ranks; do side of_ranks "$n" "$(free_port)"; done
finish
sort -t "$(printf '\t')" -k1,1 -k2,2 -k3,3n -o "$out/points.tsv" "$out/points.tsv"

# ---------------------------------------------------------------------------------------------- tables
# The first run with a model also learns its fingerprint: what one more costs is counted from the second N on.
# Columns of points.tsv: axis, stage, N, processor time, KiB of memory, bytes read, bytes given to write calls, files, their bytes,
# operations, those that open.
table() {   # AXIS STAGE...: a line a stage: operations at each N, and what one more takes, from the first N to the last
  local axis=$1
  shift
  awk -F'\t' -v axis="$axis" -v stages="$*" '
    $1 == axis { k = ++count[$2]; at = $2 SUBSEP k; n[at] = $3; for (i = 4; i <= 11; ++i) v[at, i] = $i }
    function slope(s, i, from, to) { return (v[s, to, i] - v[s, from, i]) / (n[s SUBSEP to] - n[s SUBSEP from]) }
    END {
      many = split(stages, stage, " ")
      for (k = 1; k <= many; ++k) {
        s = stage[k]; c = count[s]; if (c < 2) continue
        f = c > 2 ? 2 : 1
        line = "| `" s "` |"
        for (j = 1; j <= c; ++j) line = line (j > 1 ? ", " : " ") v[s, j, 10]
        first = slope(s, 10, f, f + 1); last = slope(s, 10, c - 1, c)
        printf "%s | %.1f | %s | %.1f | %.2f | %.1f | %.1f | %.2f | %.2f |\n", line, slope(s, 10, f, c), c < 4 || first == 0 ? "-" : sprintf("%.2f", last / first), \
          slope(s, 11, f, c), slope(s, 8, f, c), slope(s, 6, f, c) / 1e3, slope(s, 9, f, c) / 1e3, slope(s, 4, f, c), slope(s, 5, f, c) / 1024
      }
    }' "$out/points.tsv"
}
head_of() {
  echo "| $1 | operations at $2 | one more | last / first | of them opens | files | kB read | kB in files | s | MiB |"
  echo "|---|---|---|---|---|---|---|---|---|---|"
}
section() {   # TITLE COUNTS WHAT AXIS STAGE...
  printf '\n**%s**\n\n' "$1"
  head_of stage "${2// /, } $3"
  table "${@:4}"
}
ranks_table() {
  printf '\n**Ranks of a training**, %s scenes, one epoch\n\n| ranks | s of all | MiB of the largest | operations | MB read |\n|---|---|---|---|---|\n' "$most"
  awk -F'\t' '$1 == "rank" { printf "| %d | %.1f | %.0f | %d | %.1f |\n", $3, $4, $5 / 1024, $10, $6 / 1e6 }' "$out/points.tsv"
}
items_table() {
  printf '\n**Lists of small scenes**, one picture of 64x48 and its mean colours\n\n| run | items | s | ms an item | MiB | operations an item |\n|---|---|---|---|---|---|\n'
  awk -F'\t' 'BEGIN { said["made"] = "all are made"; said["again"] = "all are complete"; said["dry"] = "dry run, all are complete" }
    $1 == "item" { printf "| %s | %d | %.1f | %.2f | %.0f | %.1f |\n", said[$2], $3, $4, 1e3 * $4 / $3, $5 / 1024, $10 / $3 }' "$out/points.tsv"
}
# On paper: files and operations by the lines above, bytes by the true sizes (docs/recipes/scannet: 32 pictures, bfloat16).
paper_table() {
  printf '\n**On paper**: the lines above times the scenes; bytes at the true sizes\n\n'
  echo "| stage | 1,513 scenes: files, operations, bytes | 10^5 videos | 10^6 videos |"
  echo "|---|---|---|---|"
  awk -F'\t' '
    BEGIN { bytes["scene"] = 92e6; bytes["semantic"] = 53.7e6; bytes["generative"] = 19.3e6; bytes["tokens"] = 45.0e6; order = "scene semantic generative resume tokens train answer" }
    $1 == "scene" { at = ++c[$2]; n[$2, at] = $3; o[$2, at] = $10; f[$2, at] = $8 }
    function short(x) { return x < 1000 ? sprintf("%.0f", x) : x < 1e6 ? sprintf("%.1f k", x / 1e3) : sprintf("%.1f M", x / 1e6) }
    function size(x) { return x == 0 ? "-" : x < 1e12 ? sprintf("%.0f GB", x / 1e9) : sprintf("%.1f TB", x / 1e12) }
    END {
      m = split(order, stage, " "); many = split("1513 100000 1000000", count, " ")
      for (k = 1; k <= m; ++k) {
        s = stage[k]; from = c[s] > 2 ? 2 : 1; to = c[s]; if (to < 2) continue
        more = n[s, to] - n[s, from]; files = (f[s, to] - f[s, from]) / more; ops = (o[s, to] - o[s, from]) / more; line = "| `" s "` |"
        for (j = 1; j <= many; ++j) line = line (s == "scene" && j > 1 ? " - |" : sprintf(" %s, %s, %s |", short(files * count[j]), short(ops * count[j]), size(bytes[s] * count[j])))
        print line
      }
    }' "$out/points.tsv"
}
{
  echo "Written by \`tools/scale.sh\`: $("$bin/vega-extract" --version | sed -n 1p); $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), one thread a program; processor time is that of being traced, too, some 0.1 ms an operation$([ -n "$strace" ] || echo "; no strace here: operations were not counted")." | fmt -w 118
  section "One more scene" "$counts" scenes scene scene semantic generative resume tokens prepare train answer score
  if [ -n "$more" ]; then
    section "$texts more questions about a scene" "$more" "times $texts questions" question prepare train answer score
    section "$pictures more pictures of a scene" "$more" "times $pictures pictures" picture scene semantic generative resume
    section "One more block" "$more" blocks block generative
    section "One more timestep" "$more" timesteps timestep generative
  fi
  ranks_table
  [ -z "$items" ] || items_table
  [ -z "$strace" ] || paper_table
} >"$out/tables.md"
if [ -n "$results" ]; then
  awk -v tables="$out/tables.md" '
    /^<!-- end -->$/ { inside = 0 }
    !inside
    /^<!-- tools\/scale.sh -->$/ { inside = 1; print ""; while ((getline line < tables) > 0) print line; print "" }' "$results" >"$out/page.md"
  cat "$out/page.md" >"$results"
fi
cat "$out/tables.md"
