#!/bin/sh
# The image's entry point: runs its arguments as a command; without any it says what there is.
[ $# = 0 ] || exec "$@"
cat /usr/share/vega/README
