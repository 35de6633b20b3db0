#!/bin/sh
# Starts the program of this name in libexec/ with the bundle's libraries and this machine's LibTorch 2.11, found by
# LIBTORCH_ROOT (the folder that holds torch/, as pip's site-packages does), else as the torch that python3 would import.
self=$(readlink -f "$0")
bundle=$(dirname "$(dirname "$self")")
. "$bundle/libexec/libtorch.sh"
exec "$bundle/libexec/$(basename "$self")" "$@"
