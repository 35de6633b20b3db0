# stages.sh: a recipe in stages, which run here or as jobs of SLURM. The recipe's script sets here (its folder), recipe (its
# name) and stages (their names, in order), has a function stage_NAME for each, and calls read_options "$@", then run_stages.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=docs/recipes/common.sh
. "$here/../common.sh"
export LC_ALL=C OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}   # threads that wait for work leave their cores to others
root=$(cd "$here/../../.." && pwd)
bin=${BUILD:-$root/build}/bin

stage_count() { wc -w <<<"$stages"; }
stage_name() { cut -d ' ' -f "$1" <<<"$stages"; }
# stage_number OPTION WORD: of a number or a name.
stage_number() {
  local number=0 name
  for name in $stages; do
    number=$((number + 1))
    if [ "$2" = "$name" ] || [ "$2" = "$number" ]; then echo "$number"; return; fi
  done
  refuse "$1: got '$2', expected 1 to $number or one of $stages"
}

read_options() {
  command="docs/recipes/$recipe/run.sh${*:+ $*}"
  out=$recipe conf=$here/$recipe.conf first=1 last=$(stage_count) submit=local shard='' threads=0 progress=lines report='' results=''
  mode=run
  declare -gA asked=()
  local name
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --check | --plan) mode=${1#--}; shift ;;
      -o | --conf | --stage | --until | --submit | --shard | --device | --threads | --progress | --report | --results)
        [ $# -ge 2 ] || refuse "$1: got nothing behind it"
        case $1 in
          -o) out=$2 ;;
          --stage) first=$(stage_number "$1" "$2") ;;
          --until) last=$(stage_number "$1" "$2") ;;
          --device) asked[device]=$2 ;;
          *) printf -v "${1#--}" %s "$2" ;;
        esac
        shift 2 ;;
      *) refuse "got '$1', expected an option; --help lists them" ;;
    esac
  done
  case $submit in local | slurm) ;; *) refuse "--submit: got '$submit', expected local or slurm" ;; esac
  [ "$first" -le "$last" ] || refuse "--until: got stage $last, expected $first or later"
  [ -f "$conf" ] || refuse "--conf: got no file $conf"
  take_share "$shard"
}
# read_conf NAME...: the values of the configuration; those that it does not name are empty.
read_conf() {
  local name
  for name; do printf -v "$name" %s ''; done
  # shellcheck source=/dev/null
  . "$conf"
  for name in "${!asked[@]}"; do printf -v "$name" %s "${asked[$name]}"; done
  device=${device:-cpu}
}

# part NAME: the name, and which share it is of.
part() { if [ "$of" = 1 ]; then printf %s "$1"; else printf '%s-%s-of-%s' "$1" "$share" "$of"; fi; }
# attempt NAME COMMAND...: as measured, but where some items failed (exit code 4; each was named) the stage still runs its
# other programs.
partly=''
attempt() {
  local rc=0
  measure "$@" || rc=$?
  case $rc in
    0) ;;
    4) partly=1 ;;
    75) exit 75 ;;
    *) echo "run.sh: $1: exit code $rc" >&2; exit "$rc" ;;
  esac
}

# ---------------------------------------------------------------------------------------------- here, or as jobs
run_stages() {
  mkdir -p "$out/log" "$out/reports"
  [ -n "${VEGA_RECIPE_COMMAND:-}" ] || printf '%s\n' "$command" >"$out/command.txt"   # not the command of a job
  if [ "$submit" = slurm ]; then submit_stages; return; fi
  local number name
  for ((number = first; number <= last; number++)); do
    name=$(stage_name "$number") partly=''
    if [ "$of" != 1 ] && ! is_divided "$name" && [ "$share" != 0 ]; then continue; fi
    say "Stage $number of $(stage_count): $name$([ "$of" = 1 ] || echo ", share $share of $of")"
    "stage_$name"
    [ -z "$partly" ] || [ -n "$skip_missing" ] || {
      echo "run.sh: stage $number, $name: some items failed, named above; the same command tries them again," \
        "and skip_missing=1 in $conf goes on without them" >&2
      exit 4
    }
  done
  [ -z "$report" ] || printf '{"share": "%s/%s", "first": %s, "last": %s}\n' "$share" "$of" "$first" "$last" >"$report"
}
# is_divided NAME: may the stage be an array of several tasks? The recipe names those in `divided`.
is_divided() { [[ " $divided " = *" $1 "* ]]; }
# submit_stages: a job for each stage, which begins when the one before has ended well. NAME_sbatch of the configuration are
# its options, sbatch those of all. Prints "JOB<tab>STAGE" lines.
submit_stages() {
  local number name own after='' id all=() extra
  command -v sbatch >/dev/null || refuse "--submit slurm: got no sbatch on the path"
  [[ $out$conf != *[[:space:]]* ]] || refuse "--submit slurm: got a blank in '$out' or '$conf', expected paths without"
  for ((number = first; number <= last; number++)); do
    name=$(stage_name "$number") own=${name}_sbatch
    read -ra all <<<"$sbatch ${!own:-}"
    extra="--conf $conf --stage $number --until $number${results:+ --results $results}"
    id=$(RECIPE=$here/run.sh OUT=$out DEVICE=$device EXTRA=$extra VEGA_RECIPE_COMMAND=$command BUILD=${bin%/bin} \
      sbatch --parsable --export=ALL --job-name="$recipe-$name" --array=0-0 --output="$out/log/%x-%A_%a.log" \
      ${after:+--dependency=afterok:$after --kill-on-invalid-dep=yes} "${all[@]}" "$root/tools/slurm/recipe.sbatch")
    after=${id%%;*}
    printf '%s\t%s\n' "$after" "$name"
  done
}
