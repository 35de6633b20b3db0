# Drives a headless Chromium by its debugging pipe: JSON with a NUL behind it, no other program. Source it after lib.sh.
# `find_browser` first: without a Chromium the test says so and is skipped.
find_browser() {
  BROWSER=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  [ -n "$BROWSER" ] && return
  echo "SKIPPED: no Chromium; sh tools/setup.sh BROWSER=1 installs it (350 MB, so that it is in no default group)"
  exit 77
}

# open_browser: one page, at about:blank.
open_browser() {
  mkfifo "$T/to" "$T/from"
  "$BROWSER" --headless --no-sandbox --disable-gpu --no-first-run --disable-dev-shm-usage --hide-scrollbars \
    --remote-debugging-pipe --user-data-dir="$T/profile" about:blank 3<"$T/to" 4>"$T/from" 2>"$T/chromium.log" &
  BROWSER_PID=$!
  exec 7>"$T/to" 8<"$T/from"
  SESSION="" CALLS=0
  : >"$T/console"
  call Target.getTargets
  local id
  id=$(sed 's/},{/\n/g' <<<"$MESSAGE" | sed -n '/"type":"page"/s/.*"targetId":"\([^"]*\)".*/\1/p' | head -n 1)
  call Target.attachToTarget "{\"targetId\":\"$id\",\"flatten\":true}"
  SESSION=$(sed 's/.*"sessionId":"\([^"]*\)".*/\1/' <<<"$MESSAGE")
  local domain
  for domain in Page Runtime Log Network; do call $domain.enable; done
}

close_browser() {
  exec 7>&- 8<&-
  kill "$BROWSER_PID" 2>/dev/null
  wait "$BROWSER_PID" 2>/dev/null
}

# next_message: into $MESSAGE; errors of the page and requests that it makes are kept in $T/console and $T/requests.
next_message() {
  IFS= read -r -d '' -t 300 MESSAGE <&8 || { fail "the browser does not answer"; close_browser; finish; }
  case $MESSAGE in
    *'"method":"Runtime.exceptionThrown"'* | *'"method":"Log.entryAdded"'* | *'"method":"Runtime.consoleAPICalled"'*)
      printf '%s\n' "$MESSAGE" >>"$T/console" ;;
    *'"method":"Network.requestWillBeSent"'*)
      sed 's/.*"request":{"url":"\([^"]\{0,80\}\).*/\1/' <<<"$MESSAGE" >>"$T/requests" ;;
  esac
}

# call METHOD [PARAMS]: its result in $MESSAGE.
call() {
  CALLS=$((CALLS + 1))
  printf '{"id":%d,"method":"%s","params":%s%s}\0' "$CALLS" "$1" "${2:-{\}}" "${SESSION:+,\"sessionId\":\"$SESSION\"}" >&7
  next_message
  while [[ $MESSAGE != "{\"id\":$CALLS,"* ]]; do next_message; done
}

# visit FILE WIDTH HEIGHT [dark]: loads it at this size of the window.
visit() {
  local dark=light
  [ "${4:-}" = dark ] && dark=dark
  call Emulation.setDeviceMetricsOverride "{\"width\":$2,\"height\":$3,\"deviceScaleFactor\":1,\"mobile\":false}"
  call Emulation.setEmulatedMedia "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"$dark\"}]}"
  call Page.navigate "{\"url\":\"file://$1\"}"
  while [[ $MESSAGE != *'"method":"Page.loadEventFired"'* ]]; do next_message; done
}

# js EXPRESSION: its value, once it is there, as text in $VALUE (a value with quotes or backslashes: as JSON has it).
js() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  call Runtime.evaluate "{\"expression\":\"(async () => String(await ($text)))()\",\"returnByValue\":true,\"awaitPromise\":true}"
  VALUE=$(sed 's/.*"value":"\(.*\)"}}.*/\1/' <<<"$MESSAGE")
}

# key NAME [CODE] [TEXT]: a key goes down and up, as from a keyboard.
key() {
  local text=${3:+,\"text\":\"$3\"}
  call Input.dispatchKeyEvent "{\"type\":\"keyDown\",\"key\":\"$1\",\"code\":\"$1\",\"windowsVirtualKeyCode\":${2:-0}$text}"
  call Input.dispatchKeyEvent "{\"type\":\"keyUp\",\"key\":\"$1\",\"code\":\"$1\",\"windowsVirtualKeyCode\":${2:-0}}"
}
type_text() { call Input.insertText "{\"text\":\"$1\"}"; }

# shot FILE [WHOLE]: the window, or the whole page, as PNG.
shot() {
  call Page.captureScreenshot "{\"format\":\"png\",\"captureBeyondViewport\":${2:-false}}"
  sed 's/.*"data":"\([^"]*\)".*/\1/' <<<"$MESSAGE" | base64 -d >"$1"
}
