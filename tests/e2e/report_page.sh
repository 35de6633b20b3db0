#!/usr/bin/env bash
# The page of vega-eval report in a headless Chromium: at the width of a phone and of a desk, by keyboard, with hostile
# texts, light and dark, without JavaScript.
#   bash report_page.sh BIN
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/truth_lib.sh"
. "$(dirname "$0")/browser_lib.sh"
find_browser
cd "$T" || exit 1
quiet=(--log-level warn --progress off)

expect_exit 0 synth dataset -o data --rooms 1 --test 0 --val 1 --texts 16 --frames 4 --size 96x72 --masks exact "${quiet[@]}"
expect_exit 0 extract scene scene0000_00 --root data --select uniform:4 -o scenes "${quiet[@]}"
sqa=data/benchmark/scanqa/ScanQA_v1.0_val.json
# Two systems: right, and wrong at each second question. Answers of SQA3D state what is right, with texts from nowhere good.
mkdir -p right/scanqa right/sqa3d wrong/scanqa wrong/sqa3d
right_texts $sqa >right/scanqa/answers.jsonl
sed '1~2s/"pred_response":".*"/"pred_response":"nothing"/' right/scanqa/answers.jsonl >wrong/scanqa/answers.jsonl
line() { # ID TYPE PROMPT ANSWER
  printf '{"sample_id":"%s","question_type":"%s","scene":"scene0000_00","prompt":"%s","pred_response":"%s","gt_response":"yes"}\n' "$@"
}
long=$(printf 'x%.0s' {1..4000})
{
  line 1 what '</script><script>window.hit=1</script><img src=x onerror=\"window.hit=1\">' yes
  line 2 '<b>is</b>' "$long" no
  line 3 'is' '\u202e \u05d0\u05d1 \u578b \ud83d\ude00 & \u0007 \"' "$long"
} >right/sqa3d/answers.jsonl
sed 's/"pred_response":"[^"]*"/"pred_response":"no"/' right/sqa3d/answers.jsonl >wrong/sqa3d/answers.jsonl
expect_exit 0 "$BIN/vega-eval" report right wrong --gt scanqa=$sqa --scenes scenes --count 4 --wordnet-dir "$T" -o page.html "${quiet[@]}"

# is WHAT EXPRESSION VALUE
is() {
  EXPECTED=$((EXPECTED + 1))
  js "$2"
  [ "$VALUE" = "$3" ] || fail "$1: got '${VALUE:0:300}', expected '$3'"
}
shown="[...document.querySelectorAll('.case')].filter(c => c.offsetParent).length"
active="(document.activeElement.name || document.activeElement.tagName)"
tab() { key Tab 9; }

open_browser
for width in 360 1280; do
  visit "$T/page.html" $width 800
  is "$width: no scrolling sideways" "document.documentElement.scrollWidth <= innerWidth" true
  is "$width: all cases" "$shown" 7
  is "$width: the count says so" "document.getElementById('count').textContent" "7 of 7 cases"
  is "$width: nothing is cut off" \
    "[...document.querySelectorAll('h1,h2,h3,p,dd,label,select,input,button,img,svg')].filter(e => e.offsetParent && !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1).length" 0
  is "$width: tables scroll by themselves" \
    "[...document.querySelectorAll('table')].every(t => t.closest('.scroll').tabIndex === 0)" true
  js "(document.querySelectorAll('details').forEach(d => d.open = true), document.querySelectorAll('img').forEach(i => i.loading = 'eager'))"
  is "$width: with all details" "document.documentElement.scrollWidth <= innerWidth" true
done
is "pictures load" "Promise.all([...document.images].map(i => i.decode())).then(() => document.images.length)" 21
is "pictures have words" "[...document.images].every(i => i.alt.length > 10)" true
is "plots have words" "[...document.querySelectorAll('svg[role=img]')].every(s => s.getAttribute('aria-label').length > 10)" true
is "controls have names" "[...document.querySelectorAll('select,input')].every(e => e.labels.length === 1)" true
is "headings in order" "[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1]).join('').replace(/3+/g, '3')" 122223
is "tables have heads" "[...document.querySelectorAll('table')].every(t => t.caption && t.querySelector('thead th[scope=col]'))" true
is "texts stay texts" "window.hit === undefined && document.scripts.length" 1
is "the question is shown" "document.body.innerText.includes('</script><script>window.hit=1')" true

# --- by keyboard alone: Tab leads from link to link, then through the filters in their order
visit "$T/page.html" 1280 800
tab
is "the first stop" "document.activeElement.className" skip
seen=""
for _ in {1..40}; do
  tab
  js "$active"
  case $VALUE in task | type | run | low | high | sort | words | BUTTON) seen+="$VALUE " ;; esac
  [ "$VALUE" = BUTTON ] && break
done
EXPECTED=$((EXPECTED + 1))
[ "$seen" = "task type run low high sort words BUTTON " ] || fail "order of the filters: $seen"
is "the focus is seen" "getComputedStyle(document.activeElement).outlineStyle" solid
js "document.querySelector('[name=task]').focus()"
key ArrowDown 40
is "task by arrow" "document.querySelector('[name=task]').value" scanqa
is "only its cases" "$shown" 4
is "the count follows" "document.getElementById('count').textContent" "4 of 7 cases"
is "only its types" "[...document.querySelectorAll('[name=type] option')].filter(o => !o.disabled).length" 1
key ArrowDown 40
is "the next task" "$shown" 3
tab
key End 35
is "type by End" "document.querySelector('[name=type]').value" what
is "one case of this type" "$shown" 1
js "document.querySelector('button').focus()"
key Enter 13 '\r'
is "Enter shows all again" "new Promise(r => setTimeout(r)).then(() => $shown)" 7
js "document.querySelector('[name=low]').focus()"
type_text 100
js "document.querySelector('[name=run]').focus()"
key ArrowDown 40
wrong_right="[...document.querySelectorAll('.case')].filter(c => c.dataset.scores.split('|')[1] >= 100).length"
js "$wrong_right"
is "only what the second system got right" "$shown" "$VALUE"
js "document.querySelector('form').reset()"
js "document.querySelector('[name=sort]').focus()"
key End 35
is "the last order" "document.querySelector('[name=sort]').value" loss
is "largest loss first" "(c => { const s = c.dataset.scores.split('|'); return s[1] - s[0]; })(document.querySelector('.case'))" -100
js "document.querySelector('[name=words]').focus()"
type_text 'WINDOW.hit'
is "words, whatever their case" "$shown" 1

# --- dark by the system's wish; without JavaScript all cases are there and no filters
visit "$T/page.html" 1280 800
js "getComputedStyle(document.body).backgroundColor"
light=$VALUE
visit "$T/page.html" 1280 800 dark
js "getComputedStyle(document.body).backgroundColor"
check "dark is another colour" test "$light" != "$VALUE"
call Emulation.setScriptExecutionDisabled '{"value":true}'
visit "$T/page.html" 360 800
is "without JavaScript: all cases" "$shown" 7
is "without JavaScript: no filters" "document.getElementById('filters').offsetParent === null" true

[ -n "${VEGA_KEEP_SHOTS:-}" ] && { mkdir -p "$VEGA_KEEP_SHOTS"; shot "$VEGA_KEEP_SHOTS/report.png" true; }
close_browser
check "no error on the console" test ! -s "$T/console"
check "no request leaves the page" test "$(grep -cvE '^(file:///[^ ]*page\.html|data:)' "$T/requests")" = 0
[ -s "$T/console" ] && head -c 600 "$T/console"
finish
