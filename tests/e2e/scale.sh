# tools/scale.sh on one and two made-up scenes: a line a measurement, and the tables of a page written anew.
#   bash scale.sh BIN
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
mkdir build && ln -s "$BIN" build/bin
export BUILD=$T/build
scale() { bash "$root/tools/scale.sh" "$@"; }

# --- wrong calls
expect_exit 2 scale --count 3
expect_text "got '--count', expected an option"
echo "# A page" >page.md
expect_exit 2 scale --results page.md -o none
expect_text "page.md: got no line '<!-- tools/scale.sh -->'"

printf '%s\n' '# A page' '<!-- tools/scale.sh -->' 'old tables' '<!-- end -->' 'Last line.' >page.md
expect_exit 0 scale --counts "1 2" --more "" --ranks "1 2" --items "3 6" --results page.md -o run
# point AXIS STAGE N COLUMN: a figure of points.tsv.
point() { awk -F'\t' -v a="$1" -v s="$2" -v n="$3" -v c="$4" '$1 == a && $2 == s && $3 == n { print $c }' run/points.tsv; }
for stage in scene semantic generative resume tokens prepare train answer score; do
  check "$stage of one and two scenes" test "$(grep -cP "^scene\t$stage\t[12]\t" run/points.tsv)" = 2
  check "$stage takes time, memory and bytes" awk -F'\t' -v s=$stage '$2 == s && !($4 > 0 && $5 > 0 && $6 > 0) { exit 1 }' run/points.tsv
done
for stage in scene semantic generative tokens; do
  check "$stage: a file a scene" test "$(point scene $stage 1 8)-$(point scene $stage 2 8)" = 1-2
done
check "what is complete is not written" test "$(point scene resume 1 8)-$(point scene resume 2 8)" = 0-0
check "two ranks" test -n "$(point rank train 2 4)"
check "lists" test "$(point item made 6 8)-$(point item again 6 8)-$(point item dry 6 8)" = 6-0-0
if command -v strace >/dev/null; then
  check "operations of a scene more" test "$(point scene scene 2 10)" -gt "$(point scene scene 1 10)"
  check "on paper" grep -qE '^\| `semantic` \| 1\.5 k, [0-9.]+ k, 81 GB \| 100\.0 k, ' page.md
fi
check "the tables" grep -q '^| `generative` | ' page.md
check "the page around them" test "$(sed -n '1p;$p' page.md | paste -sd ' ')-$(grep -c 'old tables' page.md)" = "# A page Last line.-0"
check "the data is gone" test ! -e run/data
finish
