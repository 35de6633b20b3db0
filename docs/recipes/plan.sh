# plan.sh: run.sh --plan: disk, memory and hours of every stage, as the dry runs of its programs and vega-train plan say. Nothing
# is computed. Times on a GPU that is not here come from tflops of the configuration, and are said to. run.sh's variables are
# known here.
# shellcheck shell=bash disable=SC2034,SC2154
mkdir -p "$out/log" "$out/reports"
threads_said=$([ "$threads" = 0 ] && nproc || echo "$threads")
# forecast FILE NAME: a number of the forecast of a dry run's report; nothing where it is null.
forecast() { sed -nE '/"forecast"/,/\}/{s/.*"'"$2"'": ([0-9.e+]+).*/\1/p}' "$1" | head -n 1; }
# line STAGE DISK HOST GPU SECONDS FLOP DIVIDED: bytes, seconds (empty: the program cannot say), operations (empty or 0: not said).
line() { printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$lines"; }
lines=$out/log/plan.tsv
: >"$lines"
# planned STAGE NAME...: one line for the dry runs of the stage's programs.
planned() {
  local stage=$1 name file
  shift
  for name; do
    file=$out/reports/plan-$name.json
    [ ! -s "$file" ] || printf '%s\t%s\t%s\t%s\t%s\n' "$(forecast "$file" output_bytes)" "$(forecast "$file" host_bytes)" \
      "$(forecast "$file" device_bytes)" "$(forecast "$file" seconds)" "$(forecast "$file" flop)"
  done | awk -F'\t' -v stage="$stage" -v OFS='\t' '
    { disk += $1; host = $2 > host ? $2 : host; gpu = $3 > gpu ? $3 : gpu; if ($4 == "") unknown = 1; s += $4; flop += $5 }
    END { print stage, disk + 0, host + 0, gpu + 0, unknown ? "" : s, flop, 1 }' >>"$lines"
}
# planned_training STAGE COUNT RANKS OPTION...: of so many trainings with these options of vega-train run: memory of one rank,
# hours of all ranks together. Where there is no GPU, the plan is that of the CPU in the GPU's type, with the frozen weights in
# its memory and not in mapped files.
planned_training() {
  local stage=$1 times=$2 of=$3 file=$out/reports/plan-$1.json text memory seconds device=$device
  shift 3
  set -- "$@" --ranks "$of"
  plan() { "$bin/vega-train" plan "$@" --format json -o "$out/none" "${quiet[@]}" >"$file" 2>"$out/log/plan-$stage.txt"; }
  if ! plan "$@" ${tflops:+--speed "$tflops"} &&
    { [ "$device" = cpu ] || ! plan "${@/#$device/cpu}" --dtype bf16 --speed "${tflops:-1}"; }; then
    echo "run.sh: $stage: vega-train plan reads what the stages before write, and says: $(tail -n 1 "$out/log/plan-$stage.txt")" >&2
    return
  fi
  text=$(tr -d ' \n' <"$file")
  number() { sed -E 's/.*"'"$1"'":\{([^{}]*,)?"'"$2"'":([0-9.e+]+).*/\2/' <<<"$text"; }
  memory=$(sed -E 's/.*"mapped":([0-9.e+]+).*"total":([0-9.e+]+).*/\1 \2/' <<<"$text")
  seconds=$(awk -v n="$times" -v of="$of" -v s="$(number seconds all)" 'BEGIN { print n * of * s }')
  if [ "$device" = cpu ]; then memory="${memory#* } 0"; else
    memory="0 $(awk '{ print $1 + $2 }' <<<"$memory")"
    grep -q '"speed_measured":true' <<<"$text" || [ -n "$tflops" ] || seconds=''
  fi
  line "$stage" "$(awk -v n="$times" -v d="$(number disk all)" 'BEGIN { print n * d }')" "${memory% *}" "${memory#* }" "$seconds" '' 1
}
# planned_answers STAGE TASK...: operations of their dry runs, before the words of the answers.
planned_answers() {
  local stage=$1 task
  shift
  for task; do
    "$bin/vega-eval" answer "$task" "$(questions_of "$task")" "${options[@]}" --dry-run -o "$out/none" 2>/dev/null | sed -nE 's/.*, ([0-9.e+-]+) TFLOP in all/\1/p' || true
  done | awk -v stage="$stage" -v OFS='\t' '{ n += $1 } END { if (NR) print stage, 0, 0, 0, "", n * 1e12, 1 }' >>"$lines"
}
show_plan() {
  echo "Disk, memory and hours of what is left to do, as the dry runs say them, device $device; threads: $threads_said."
  if [ "$device" != cpu ] && [ -n "$tflops" ]; then
    echo "Hours of a GPU rest on tflops=$tflops of $conf, which is an assumption: no GPU was measured."
  fi
  echo
  local unit=GPU
  [ "$device" != cpu ] || unit=machine
  echo "| stage | disk | memory | memory of the GPU | hours, 1 $unit | hours, 8 ${unit}s |"
  echo "|---|---|---|---|---|---|"
  awk -F'\t' -v tflops="${tflops:-0}" -v cpu="$([ "$device" = cpu ] && echo 1 || echo 0)" '
    function size(b) { b += 0; return b == 0 ? "-" : b < 1e6 ? sprintf("%.0f kB", b / 1e3) : b < 1e9 ? sprintf("%.1f MB", b / 1e6) : sprintf("%.1f GB", b / 1e9) }
    function hours(s) { return s < 36 ? "< 0.01" : sprintf("%.2f", s / 3600) }
    { s = $5; if (s == "" && tflops > 0 && $6 > 0 && !cpu) s = $6 / tflops / 1e12
      print "| " $1 " | " size($2) " | " size($3) " | " size($4) " | " (s == "" ? "not known" : hours(s)) " | " (s == "" ? "not known" : hours(s / 8)) " |"
      disk += $2; if (s == "") unknown = 1; all += s }
    END { print "| all | " size(disk) " | | | " (unknown ? "more than " : "") hours(all) " | " (unknown ? "more than " : "") hours(all / 8) " |" }' "$lines"
  echo
  echo "8 ${unit}s: scenes and trainings go to one each; ranks of one training share its steps. Both are counted as an eighth."
}
stage_lists >/dev/null 2>&1 || stage_lists
plan_recipe
show_plan
