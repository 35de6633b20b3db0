# Shared by the end-to-end tests: source it first, call `finish` last. Needs bash and coreutils alone.
#   bash THEME.sh BIN     BIN: the folder of vega-extract and vega-synth
# A failed expectation is printed with what the program said, and the test goes on.
set -u -o pipefail
export LC_ALL=C
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}   # threads that spin while others compute take twice the time
BIN=$(cd "$1" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/vega-e2e-XXXXXX")
trap 'rm -rf -- "$T"' EXIT
export XDG_CACHE_HOME=$T/xdg   # the test's own memory of fingerprints
FAILURES=0 EXPECTED=0
OUT=$T/stdout ERR=$T/stderr    # of the last `run`
TAB=$'\t'

extract() { "$BIN/vega-extract" "$@"; }
synth() { "$BIN/vega-synth" "$@"; }

# A port of this machine that nobody listens at, of the range below the one that the kernel hands out.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
}

# run COMMAND...: stdout in $OUT, stderr in $ERR, exit code in $RC.
run() {
  LAST="$*" RC=0
  "$@" >"$OUT" 2>"$ERR" || RC=$?
}

# fail WHAT: counts and shows, does not stop.
fail() {
  FAILURES=$((FAILURES + 1))
  printf 'FAILED %s:%s: %s\n' "${BASH_SOURCE[2]##*/}" "${BASH_LINENO[1]}" "$1"
  printf '  after: %s\n' "${LAST:-}"
  sed 's/^/  stderr: /' "$ERR" 2>/dev/null | tail -n 8
}

# check WHAT COMMAND...: the command (a test, a comparison) succeeds.
check() {
  EXPECTED=$((EXPECTED + 1))
  local what=$1
  shift
  "$@" >/dev/null 2>&1 || fail "$what"
}

# expect_exit CODE COMMAND...
expect_exit() {
  EXPECTED=$((EXPECTED + 1))
  local code=$1
  shift
  run "$@"
  [ "$RC" = "$code" ] || fail "exit code $RC, expected $code"
}

# expect_text TEXT...: every text stands in the last stderr, word for word.
expect_text() {
  EXPECTED=$((EXPECTED + 1))
  local text
  for text in "$@"; do
    grep -qF -e "$text" "$ERR" || fail "stderr lacks: $text"
  done
}

# expect_out LINE...: the last stdout is these lines and nothing else.
expect_out() {
  EXPECTED=$((EXPECTED + 1))
  local wanted=""
  [ $# = 0 ] || wanted=$(printf '%s\n' "$@")
  [ "$(cat "$OUT")" = "$wanted" ] || fail "stdout is '$(head -n 5 "$OUT")', expected '$wanted'"
}

# expect_nothing DIR: neither outputs nor part files lie below it.
expect_nothing() {
  EXPECTED=$((EXPECTED + 1))
  [ -e "$1" ] || return 0
  local found
  found=$(find "$1" ! -type d)
  [ -z "$found" ] || fail "left behind: $found"
}

# expect_no_parts DIR
expect_no_parts() {
  EXPECTED=$((EXPECTED + 1))
  local found
  found=$(find "$1" -name '*.part-*')
  [ -z "$found" ] || fail "part files left: $found"
}

# facts FILE...: what must agree in equal files: the cache keys of the file and of its taps, and
# "PATH CHECKSUM" of every dataset.
facts() {
  extract inspect --json "$@" --log-level error | sed -n \
    -e 's/^ *"cache_key": "\(.*\)",$/cache_key \1/p' \
    -e '/^ *"path": "\/.*",$/{s/^ *"path": "\(.*\)",$/\1/;h;}' \
    -e '/^ *"xxh3": /{s/^ *"xxh3": "\(.*\)".*$/\1/;H;x;s/\n/ /p;}'
}
datasets() { facts "$@" | grep -v '^cache_key'; }
key_of() { facts "$1" | sed -n '1s/^cache_key //p'; }
checksum_of() { facts "$1" | sed -n "s|^$2 ||p"; }

# expect_equal A B: equal cache keys and equal datasets, the promise of docs/formats.md.
expect_equal() {
  EXPECTED=$((EXPECTED + 1))
  local a b
  a=$(facts "$1")
  b=$(facts "$2")
  [ "$(printf '%s\n' "$a" | wc -l)" -gt 8 ] || fail "inspect shows no datasets of $1: $a"
  [ "$a" = "$b" ] || fail "$1 and $2 differ: $(diff <(echo "$a") <(echo "$b") | head -n 6)"
}

skip_note() { printf 'skipped: %s\n' "$1"; }

finish() {
  printf '%s expectations, %s failed\n' "$EXPECTED" "$FAILURES"
  [ "$FAILURES" = 0 ]
  exit
}

# german_locale: makes a locale with a decimal comma in $T, and says whether it is one. german COMMAND...: runs under it.
german_locale() {
  localedef -i de_DE -f UTF-8 "$T/de_DE.UTF-8" 2>/dev/null
  [ "$(env LOCPATH="$T" LC_ALL=de_DE.UTF-8 /usr/bin/printf %.1f 1,5 2>/dev/null)" = 1,5 ]
}
german() { env LOCPATH="$T" LC_ALL=de_DE.UTF-8 "$@"; }
