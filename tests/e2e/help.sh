# --help of every program and verb: exit 0, on stdout. Wrong calls: exit 2.
. "$(dirname "$0")/lib.sh" || exit 1

help_of() {
  expect_exit 0 "$@" --help
  check "help says how to call it" grep -q '^Usage: ' "$OUT"
  check "help is for stdout" test ! -s "$ERR"
  check "no option without an explanation" test \
    "$(grep -cE '^  -{1,2}[a-z][^ ]*( [^ ]+)? *$' "$OUT")" -le "$(grep -cE '^ {20,}[^ ]' "$OUT")"
}

verbs_of() { sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$OUT"; }

for program in vega-extract vega-fuse vega-train vega-eval vega-synth; do
  help_of "$BIN/$program"
  verbs=$(verbs_of)
  check "verbs are listed" test "$(wc -w <<<"$verbs")" -ge 3
  for verb in $verbs; do
    help_of "$BIN/$program" "$verb"
    check "two examples and a pointer" grep -q '^See also: ' "$OUT"
  done
  expect_exit 0 "$BIN/$program" --version
  check "name and version" grep -qE "^$program [0-9]+\.[0-9]+\.[0-9]+(\+g[0-9a-f]+(\.dirty)?)? " "$OUT"
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
  expect_exit 2 "$BIN/$program" inspect x --progress off --progress bar
  expect_text "--progress: got 'off' and 'bar', expected one value; give the option once"
done

# Numbers have ranges, choices have names, and the help shows both.
expect_exit 2 synth scene -o "$T/room" --quality 101
expect_text "--quality: got '101', expected a whole number, 1 to 100"
expect_exit 2 synth scene -o "$T/room" --quality 9x
expect_text "--quality: got '9x', expected a whole number, 1 to 100"
expect_exit 2 synth model -o "$T/model" --preset wan-99b
expect_text "--preset: got 'wan-99b'" "wan-tiny" "vega-7b"
run synth model --help
for preset in wan-tiny wan-1.3b umt5-tiny umt5-xxl siglip-tiny siglip-so400m vega-tiny vega-7b vlm-tiny vlm-small vlm-tiny-3d vlm-tiny-video; do
  check "the help names $preset" grep -qw -e "$preset" "$OUT"
done
run synth scene --help
check "the help shows a range" grep -qF "(1 to 100)" "$OUT"

# A list that cannot be read is an error, also on stdin; a reader that goes away is named.
closed() { extract features --backbone rgb -o "$T/out" --list - <&-; }
expect_exit 3 closed
expect_text "--list -" "standard input"
expect_exit 3 extract features --backbone rgb -o "$T/out" --list "$T/no such file"
expect_text "--list '$T/no such file'"

finish
