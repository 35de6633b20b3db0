# --help of every program and verb: exit 0, on stdout, quick. Wrong calls: exit 2.
. "$(dirname "$0")/lib.sh" || exit 1

# The median wall time of three warm runs; half a second is the aim, two the alarm, for a busy machine.
timed() {
  local runs=() TIMEFORMAT=%R
  run "$@"
  for _ in 1 2 3; do
    runs+=("$({ time "$@" >/dev/null 2>&1; } 2>&1)")
  done
  local median
  median=$(printf '%s\n' "${runs[@]}" | sort -n | sed -n 2p)
  printf '%6s s  %s\n' "$median" "${*#"$BIN/"}"
  check "--help takes $median s" test "${median%.*}" -lt 2
}

help_of() {
  expect_exit 0 "$@" --help
  check "help says how to call it" grep -q '^Usage: ' "$OUT"
  check "help is for stdout" test ! -s "$ERR"
  check "no option without an explanation" test \
    "$(grep -cE '^  -{1,2}[a-z][^ ]*( [^ ]+)? *$' "$OUT")" -le "$(grep -cE '^ {20,}[^ ]' "$OUT")"
  timed "$@" --help
}

verbs_of() { sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$OUT"; }

for program in vega-extract vega-fuse vega-eval vega-synth; do
  help_of "$BIN/$program"
  verbs=$(verbs_of)
  check "verbs are listed" test "$(wc -w <<<"$verbs")" -ge 3
  for verb in $verbs; do
    help_of "$BIN/$program" "$verb"
    check "two examples and a pointer" grep -q '^See also: ' "$OUT"
  done
  expect_exit 0 "$BIN/$program" --version
  check "name and version" grep -qE "^$program [0-9]+\.[0-9]+\.[0-9]+ " "$OUT"
  for verb in inspect verify; do
    check "$verb belongs to every program" grep -qw "$verb" <<<"$verbs"
  done
  expect_exit 2 "$BIN/$program"
  expect_exit 2 "$BIN/$program" frobnicate
  expect_text "frobnicate" "inspect"
  expect_exit 2 "$BIN/$program" inspect --frobnicate
  expect_text "--frobnicate"
  expect_exit 2 "$BIN/$program" inspect
  expect_exit 2 "$BIN/$program" inspect x --log-level loud
  expect_text "loud" "debug"
  expect_exit 2 "$BIN/$program" inspect x --progress sometimes
  expect_text "sometimes" "bar"
done

finish
