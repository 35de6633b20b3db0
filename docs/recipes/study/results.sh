# results.sh: scores of the answers, and RESULTS.md. run.sh reads it after the last answer; its variables are known here.
# shellcheck shell=bash disable=SC2154

say "Scores: the mean of the seeds, rooms drawn as a whole"
scores=$out/scores
answers_of() {   # ROW SPLIT: an answer file of each seed
  local seed wanted=" $seeds "
  [ "$2" != qa ] || wanted=" ${qa_seeds:-$seeds} "
  for seed in $seeds; do
    [[ $wanted = *" $seed "* ]] || continue
    find "$out/answers/$1-$seed/$2" -name '*.jsonl' ! -name '*.stats.jsonl' | sort | head -n 1
  done
}
score() { "$bin/vega-eval" score "$@" "${quiet[@]}"; }
field() { awk -F, -v metric="$1" -v column="$2" '$1 == metric && $7 == "" { print $column; exit }'; }
# scored TASK METRIC NAME TRUTH FILE...: scores/NAME.{json,csv,sh} and scores/NAME.samples.jsonl; NAME.sh has value, low,
# high, and by_seed where there are several files.
scored() {
  local task=$1 metric=$2 name=$3 truth=$4
  shift 4
  score "$task" "$@" --gt "$truth" --format csv --samples "$scores/$name.samples.jsonl" -o "$scores/$name.json" >"$scores/$name.csv"
  {
    echo "value=$(field "$metric" 2 <"$scores/$name.csv") low=$(field "$metric" 3 <"$scores/$name.csv") high=$(field "$metric" 4 <"$scores/$name.csv")"
    echo "by_seed='$(awk -v metric="\"$metric\":" '$1 == metric { inside = 1 } inside && /\}/ { exit } inside && /\]/ { exit }
      list { gsub(/,/, ""); printf "%s%.2f", n++ ? " " : "", $1 } inside && $1 == "\"seeds\":" { list = 1 }' "$scores/$name.json")'"
  } >"$scores/$name.sh"
}
# compared TASK METRIC TRUTH FILE... -- OTHER...: "+1.00 | -2.00 to +4.00 | 0.5 | 7 / 6".
compared() {
  local task=$1 metric=$2 truth=$3 mine=()
  shift 3
  while [ "$1" != -- ]; do mine+=("$1") && shift; done
  shift
  score "$task" "${mine[@]}" --gt "$truth" "${@/#/--against=}" --format csv |
    sed 's/"\[\([^,]*\), \([^]]*\)\]"/\1 to \2/' |
    awk -F, -v metric="$metric" '$1 == metric { print $4 " | " $5 " | " $6 " | " $8 " / " $9; exit }'
}
metric=Acc@0.5   # candidates are the annotated objects: this box is right, or another
for row in $rows; do
  mapfile -t mine < <(answers_of "$row" test)
  scored scanrefer "$metric" "$row" "$test" "${mine[@]}"
  mapfile -t seen < <(answers_of "$row" train)
  {
    echo "train_rooms_value=$(score scanrefer "${seen[@]}" --gt "$train" --partial --format csv | field "$metric" 2)"
    echo "cpu=$(awk -F'\t' -v row="$row" '$1 ~ "^train-" row "-" { s += $2 + $3; n[$1] } END { if (length(n)) printf "%.0f", s / length(n) }' "$out/log/times.tsv")"
  } >>"$scores/$row.sh"
done
# Chance: a guess among the candidates of each question's room.
chance=$(grep -oE '"video": *"[^"]*"' "$test" | sed 's/"$//; s/.*["/]//' | sort | uniq -c | while read -r count scene; do
  "$bin/vega-extract" inspect "$scenes/$scene.h5" "${quiet[@]}" | awk -v count="$count" '$1 == "/objects/gt/box" {
    gsub(/[][,]/, " "); print count, $3 }'
done | awk '{ questions += $1; right += $1 / $2; rooms++; most = $2 > most ? $2 : most; least = !least || $2 < least ? $2 : least }
  END { printf "%.2f %d %d %d %d", 100 * right / questions, questions, rooms, least, most }')
read -r chance questions rooms least most <<<"$chance"

# ---------------------------------------------------------------------------------------------- kinds of questions
# kinds_of_questions TASK MEMBER: "SPLIT<tab>ID<tab>KIND", from what a made-up world says of its sentences.
kinds_of_questions() {
  [ -z "$made_up" ] || sed -nE "s/^\{\"benchmark\":\"$1\",\"split\":\"(train|val)\".*\"id\":\"?([^\",]*)\"?,\"text\".*\"$2\":\"([^\"]*)\".*/\1\t\2\t\3/p" \
    "$data/meanings.jsonl"
}
# by_kind METRIC KINDS SAMPLES: the mean of each kind, in the order of the kinds' names.
# by_kind KINDS: "KIND<tab>COUNT" in that order.
by_kind() {
  if [ $# = 1 ]; then cut -f 2 "$1" | sort | uniq -c | awk '{ n = $1; sub(/^ *[0-9]+ /, ""); print $0 "\t" n }'; return; fi
  sed -nE "s/^\{\"id\":\"([^\"]*)\".*\"$1\":([0-9.e+-]+).*/\1\t\2/p" "$3" |
    awk -F'\t' 'FILENAME == ARGV[1] { kind[$1] = $2; next } $1 in kind { sum[kind[$1]] += $2; n[kind[$1]]++ }
      END { for (k in sum) printf "%s\t%.1f\n", k, sum[k] / n[k] }' "$2" - | sort | cut -f 2
}
# kind_table METRIC KINDS "TITLE<tab>SAMPLES"...: a row for each file of samples, a column for each kind.
kind_table() {
  local metric=$1 kinds=$2 line
  shift 2
  by_kind "$kinds" | awk -F'\t' '{ a = a " " $1 " (" $2 ") |"; b = b "---|" } END { print "| row |" a; print "|---|" b }'
  for line in "$@"; do echo "| ${line%%$'\t'*} | $(by_kind "$metric" "$kinds" "${line#*$'\t'}" | paste -sd '|' | sed 's/|/ | /g') |"; done
}
kinds_of_questions scanrefer relation | awk -F'\t' -v OFS='\t' '$1 == "val" { print $2, $3 }' >"$scores/kinds.tsv"

# ---------------------------------------------------------------------------------------------- questions in words
# answers_in FILE: "ID<tab>FIRST TWO WORDS<tab>ANSWER" of prepared questions in words; answers stay as JSON has them. The
# id is that of vega-eval score.
answers_in() {
  sed 's/}, {"id": /}\n{"id": /g' "$1" |
    sed -nE 's/^\[?\{"id": "?(scanqa_)?([^",]*)"?, .*"value": "(<image>)? *(([^"\\]|\\.)*)", "from": "human"\}, \{"value": "(([^"\\]|\\.)*)", "from": "gpt"\}.*/\2\t\4\t\6/p' |
    awk -F'\t' '{ sub(/_[0-9]+$/, "", $1); split(tolower($2), word, " "); print $1 "\t" word[1] " " word[2] "\t" $3 }'
}
if [ -n "$qa_steps" ]; then
  # The most frequent answer that the training rooms give to questions of the same kind.
  kinds_of_questions scanqa ask | cut -f 2- >"$scores/qa.asks.tsv"
  for split in train test; do
    truth=qa_$split
    answers_in "${!truth}" | awk -F'\t' 'FILENAME == ARGV[1] { kind[$1] = $2; next } { print $1 "\t" ($1 in kind ? kind[$1] : $2) "\t" $3 }' \
      "$scores/qa.asks.tsv" - >"$scores/qa.$split.tsv"
  done
  sort "$scores/qa.train.tsv" -t $'\t' -k 2,3 | awk -F'\t' '
    FILENAME == ARGV[1] { n = ++count[$2 "\t" $3]; if (n > most[$2]) { most[$2] = n; answer[$2] = $3 }; next }
    { print "{\"dataset\":\"scanqa\",\"sample_id\":\"" $1 "\",\"pred_response\":\"" answer[$2] "\"}" }' - "$scores/qa.test.tsv" \
    >"$scores/qa.frequent.jsonl"
  cut -f 1,2 "$scores/qa.test.tsv" >"$scores/qa.kinds.tsv"
  scored scanqa EM qa.frequent "$qa_test" "$scores/qa.frequent.jsonl"
  for row in $rows; do
    mapfile -t mine < <(answers_of "$row" qa 2>/dev/null)
    [ ${#mine[@]} = 0 ] || scored scanqa EM "qa.$row" "$qa_test" "${mine[@]}"
  done
fi

# ---------------------------------------------------------------------------------------------- RESULTS.md
say "RESULTS.md"
# shellcheck source=docs/recipes/results_head.sh
. "$here/../results_head.sh"
verdict() {   # VALUE: whether it exceeds the bar
  awk -v value="$1" -v bar="$bar" 'BEGIN { print (value > bar ? "yes" : "**no**") }'
}
# of NAME: numbers of scores/NAME.sh as variables.
of() {
  value='' low='' high='' by_seed='' train_rooms_value='' cpu=''
  # shellcheck source=/dev/null
  . "$scores/$1.sh"
}
# against_table TASK METRIC SPLIT TRUTH ROW: the row against every other one.
against_table() {
  local task=$1 metric=$2 split=$3 truth=$4 last=$5 row mine theirs
  mapfile -t mine < <(answers_of "$last" "$split")
  echo "| $last against | difference | 95 % | p | won / lost |"
  echo "|---|---|---|---|---|"
  for row in $rows; do
    [ "$row" != "$last" ] || continue
    mapfile -t theirs < <(answers_of "$row" "$split")
    echo "| $row | $(compared "$task" "$metric" "$truth" "${mine[@]}" -- "${theirs[@]}") |"
  done
}
geometry=0
case " $rows " in *" geometry "*) of geometry; geometry=$value ;; esac
bar=$(awk -v a="$chance" -v b="$geometry" 'BEGIN { printf "%.2f", 2 * (a > b ? a : b) }')
qa_results() {
  local row mine frequent=()
  echo
  echo "## Questions in words"
  echo
  echo "$(grep -c . "$scores/qa.test.tsv") held-out questions. After the table above every model goes on for $qa_steps steps ($qa_rooms_a_step room with"
  echo "$qa_questions_a_room questions in words each; the visual tokens are seen from step $qa_visual_from on). The score is exact match. The most"
  echo "frequent answer is that of the training rooms to questions of the same kind."
  echo
  echo "| row | EM | 95 % over rooms | seeds | minus the most frequent answer | 95 % | p | won / lost |"
  echo "|---|---|---|---|---|---|---|---|"
  of qa.frequent
  echo "| most frequent answer | $value | $low to $high | | | | | |"
  for row in $rows; do
    mapfile -t mine < <(answers_of "$row" qa 2>/dev/null)
    [ ${#mine[@]} != 0 ] || { echo "| $row | not answered yet | | | | | | |"; continue; }
    frequent=("${mine[@]/*/$scores/qa.frequent.jsonl}")
    of "qa.$row"
    echo "| $row | $value | $low to $high | ${by_seed:-$value} | $(compared scanqa EM "$qa_test" "${mine[@]}" -- "${frequent[@]}") |"
  done
  echo
  local lines=("most frequent answer"$'\t'"$scores/qa.frequent.samples.jsonl")
  for row in $rows; do [ ! -f "$scores/qa.$row.samples.jsonl" ] || lines+=("$row"$'\t'"$scores/qa.$row.samples.jsonl"); done
  kind_table EM "$scores/qa.kinds.tsv" "${lines[@]}"
}
{
  results_head "$title"
  [ -z "$made_up" ] || echo "| rooms and features | $(cpu_of '^(world|scenes|rgb|semantic|'"$(IFS='|'; echo "${generative[*]}")"')$') s of processor time |"
  echo "| training | $(cpu_of '^(train|qa)-') s |"
  echo "| answers | $(cpu_of '^answer-') s |"
  echo "| by the clock | $(awk -v now="$(date +%s)" 'NR == 1 { first = $1 } END { printf "%d s since the first of %d calls", now - first, NR }' "$out/log/calls.tsv"); load of the machine at the end $(cut -d ' ' -f 3 /proc/loadavg 2>/dev/null || echo unknown) |"
  echo
  if [ -n "$made_up" ]; then
    echo "World of seed $world_seed: $train_rooms rooms to train with, $rooms unseen ones, made up by \`vega-synth dataset\`."
  else
    echo "One's own scenes: $rooms unseen ones."
  fi
  echo "$questions held-out descriptions, $least to $most candidates. $steps steps at rate $rate, $rooms_a_step rooms with $questions_a_room"
  echo "questions each; the visual tokens are seen from step $visual_from on. All numbers are percent."
  echo
  echo "## Things that are described"
  echo
  echo "| row | $metric | 95 % over rooms | seeds | training rooms | above twice the better of chance and geometry ($bar) | CPU s of a run |"
  echo "|---|---|---|---|---|---|---|"
  echo "| blind (1/N, not run) | $chance | | | | | |"
  for row in $rows; do
    of "$row"
    above=''
    [ "$row" = geometry ] || above=$(verdict "$low")
    echo "| $row | $value | $low to $high | ${by_seed:-$value} | $train_rooms_value | $above | $cpu |"
  done
  if [ -s "$scores/kinds.tsv" ]; then
    lines=()
    for row in $rows; do lines+=("$row"$'\t'"$scores/$row.samples.jsonl"); done
    echo
    echo "By relation (number of descriptions):"
    echo
    kind_table "$metric" "$scores/kinds.tsv" "${lines[@]}"
  fi
  first=1
  for row in $compare; do
    [[ " $rows " = *" $row "* && $rows = *' '* ]] || continue
    [ -z "$first" ] || { echo && echo "Question by question (whole rooms are drawn, and exchanged for p):"; }
    first=''
    echo
    against_table scanrefer "$metric" test "$test" "$row"
  done
  [ -z "$qa_steps" ] || qa_results
} >"$out/RESULTS.md.new"
mv "$out/RESULTS.md.new" "$out/RESULTS.md"
[ -z "$results" ] || cp "$out/RESULTS.md" "$results"
cat "$out/RESULTS.md"
