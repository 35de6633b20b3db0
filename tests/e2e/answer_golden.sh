# Every task from annotation to answer, with and without generative features, beside what a PyTorch forward pass and
# transformers' generate() answer (tests/golden/export_answers.py): texts, boxes and objects equal, scores within 1e-4.
#   bash answer_golden.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
GOLD=$(cd "$(dirname "$0")/../golden/answers" && pwd)
in=$T/in
MOST=$(sed -n 's/^ *"most_new_tokens": \([0-9]*\),$/\1/p' "$GOLD/answers.json")
expect_exit 0 bash "$GOLD/inputs.sh" "$BIN" "$in"

# ID<TAB>VALUE of each line, in the order of the ids. The value is the member in the way it stands there.
values() {  # FILE MEMBER
  sed -nE 's/^.*"sample_id":("[^"]*"|[0-9]+),(.*,)?"'"$2"'":("([^"\\]|\\.)*"|\[[^]]*\]|[0-9]+)[,}].*$/\1\t\3/p' "$1" | sort
}

# equal ANSWERS GOLDEN: pairs of MEMBER:MEMBER; the same ids and values.
equal() {
  EXPECTED=$((EXPECTED + 1))
  local mine theirs
  mine=$(values "$1" "${3%:*}") theirs=$(values "$2" "${3#*:}")
  [ -n "$theirs" ] && [ "$(wc -l <<<"$theirs")" = "$(wc -l <"$2")" ] || fail "$2: not every line was read"
  [ "$mine" = "$theirs" ] || fail "$1: $(diff <(echo "$mine") <(echo "$theirs") | head -n 6)"
}

# near ANSWERS GOLDEN MEMBER:MEMBER LIMIT: the same ids, and lists of as many numbers, none farther than the limit.
near() {
  EXPECTED=$((EXPECTED + 1))
  local said
  said=$(awk -F'\t' -v limit="$4" '
    { gsub(/[][]/, "", $2) }
    NR == FNR { theirs[$1] = $2; count++; next }
    {
      if (!($1 in theirs)) { print $1 " is not among the golden ones"; bad = 1; exit }
      n = split($2, a, ","); m = split(theirs[$1], b, ",")
      if (n != m || n < 6) { print $1 ": " n " numbers, expected " m; bad = 1; exit }
      for (i = 1; i <= n; ++i) {
        d = a[i] - b[i]
        if (!(d < limit && -d < limit)) { print $1 ": number " i " is " a[i] ", expected " b[i]; bad = 1; exit }
      }
      seen++
    }
    END { if (!bad && (seen != count || count == 0)) print seen + 0 " of " count + 0 " agree" }
  ' <(values "$2" "${3#*:}") <(values "$1" "${3%:*}"))
  [ -z "$said" ] || fail "$1: $said"
}

# prepared NAME TASK SPLIT
prepared() { expect_exit 0 "$BIN/vega-eval" prepare "$2" "$in/data" --split "$3" -o "$T/$1.json" --progress off; }
for task in scanrefer multi3drefer scan2cap scanqa nr3d; do prepared $task $task val; done
for split in val test; do prepared sqa3d-$split sqa3d $split; done
# Lines of ScanRefer and Nr3D have no scores: the same questions as Multi3DRefer's have.
for task in scanrefer nr3d; do
  sed -E -e "s/\"dataset\": \"$task\"/\"dataset\": \"multi3drefer\"/g" -e 's/"box": \[([^]]*)\]/"box": [[\1]]/g' \
    -e 's/"object_id": "([0-9]+)"/"object_id": [\1]/g' "$T/$task.json" >"$T/$task-scores.json"
done

# answer MODEL NAME TASK OPTION...
answer() {
  local files=(--scenes "$in/$1/scenes" --semantic "$in/$1/semantic")
  [ $1 = vlm-tiny-3d ] || files+=(--features "$in/$1/generative")
  expect_exit 0 "$BIN/vega-eval" answer "$3" "$T/$2.json" --checkpoint "$in/models/$1" "${files[@]}" \
    --compat reference -o "$T/$1/$2" --progress off "${@:4}"
}

for model in vlm-tiny vlm-tiny-3d; do
  for name in scanqa sqa3d-val sqa3d-test scan2cap; do
    answer $model $name ${name%-*} --max-new-tokens "$MOST"
    equal "$T/$model/$name/answers.jsonl" "$GOLD/$model-$name.jsonl" pred_response:text
  done
  answer $model multi3drefer multi3drefer
  near "$T/$model/multi3drefer/answers.jsonl" "$GOLD/$model-multi3drefer.jsonl" scores:scores 1e-4
  answer $model scanrefer scanrefer
  near "$T/$model/scanrefer/answers.jsonl" "$GOLD/$model-scanrefer.jsonl" pred_response:box 1e-6
  answer $model nr3d nr3d
  equal "$T/$model/nr3d/answers.jsonl" "$GOLD/$model-nr3d.jsonl" pred_response:object
  answer $model scanrefer-scores multi3drefer
  near "$T/$model/scanrefer-scores/answers.jsonl" "$GOLD/$model-scanrefer.jsonl" scores:scores 1e-4
  answer $model nr3d-scores multi3drefer --objects gt
  near "$T/$model/nr3d-scores/answers.jsonl" "$GOLD/$model-nr3d.jsonl" scores:scores 1e-4
done
finish
