# Shared by the tests of faults, kills and signals: source it after lib.sh, with the folder of fault_store and
# libfault_shim.so as $2.
STORE=$(cd "$2" && pwd)/fault_store   # a quick verify, and the writers of the store
cp "$2/libfault_shim.so" "$T/shim.so" # LD_PRELOAD takes no path with a space
SOAK=${VEGA_SOAK:-}
D=$T/d                                # outputs: only calls on files below it are counted

# plan NAME=VALUE... -- COMMAND...: PLANNED is what runs the command under a plan of fault_shim.c. (As a
# background job it is the command's own process.)
plan() {
  PLANNED=(env "VEGA_FAULT_PREFIX=${PREFIX:-$D/}" "LD_PRELOAD=$T/shim.so"
    "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0")
  while [ "$1" != -- ]; do
    PLANNED+=("VEGA_FAULT_$1")
    shift
  done
  shift
  PLANNED+=("$@")
}
faulty() { plan "$@" && "${PLANNED[@]}"; }

# launch COMMAND...: in the background, its process in $process. With job control: a shell's background job would
# ignore SIGINT otherwise.
launch() {
  LAST="$*"
  set -m
  "$@" >"$OUT" 2>"$ERR" &
  process=$!
  set +m
}
# launch_stopped CALL N COMMAND...: and wait until it has come right before that call on files below $D, where it
# stands still: what a test then does to it meets that moment on every machine.
launch_stopped() {
  plan CALL="$1" AT="$2" SIGNAL=19 -- "${@:3}"
  launch "${PLANNED[@]}"
  until grep -qs '^State:.[TZ]' /proc/$process/status || [ ! -e /proc/$process ]; do sleep 0.01; done
}
# let_go [SIGNAL]: goes on, with a signal to meet; waits for the end; the exit code in $code.
let_go() {
  [ $# = 0 ] || kill -"$1" "$process"
  kill -CONT "$process" 2>/dev/null
  ended
}
ended() {
  code=0
  wait "$process" 2>/dev/null || code=$?
}

# content FILE...: keys and checksums of files that are whole, without the names of their folders; else the faults.
content() { "$STORE" verify "$@" | sed 's|^.*/\([^/ ]*\.h5\) |\1 |'; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
