# VEGA_IMAGE of tools/slurm/*.sbatch, without SLURM and without a container: stand-ins for apptainer and podman write down
# what they are asked for and start the command.
#   bash sbatch.sh BIN
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
. "$SOURCE/tests/e2e/lib.sh" || exit 1

part() { sed -n '/^# -* an image:/,/(end of image)$/p' "$1"; }
whole=$(part "$SOURCE/tools/slurm/extract.sbatch")
check "it is something" test "$(wc -l <<<"$whole")" -gt 20
for script in "$SOURCE"/tools/slurm/*.sbatch "$SOURCE/tools/image/launch.sh"; do
  check "${script##*/} has the same part" test "$whole" = "$(part "$script")"
  check "and uses it" grep -qF '"${image[@]}" "${command[@]}"' "$script"
  check "and says which image" grep -q '^container_image=' "$script"
done
for program in "$BIN"/vega-*; do
  check "a link of ${program##*/}" test "$(readlink "$SOURCE/tools/image/bin/${program##*/}")" = ../launch.sh
done

mkdir -p "$T/apptainer" "$T/podman" "$T/none" "$T/job" "$T/far away/rooms" "$T/scratch"
for name in apptainer podman; do
  cat >"$T/$name/$name" <<'END'
#!/bin/bash
printf '%s\n' "$@" >"$ASKED"
until [ "$1" = "$VEGA_IMAGE" ]; do shift; done
shift
exec "$@"
END
  chmod +x "$T/$name/$name"
done
for tool in bash date hostname mkdir readlink realpath env; do ln -s "$(command -v $tool)" "$T/none/"; done
expect_exit 0 synth scene --size 160x120 --frames 4 -o "$T/far away/rooms/room"
expect_exit 0 synth model --preset wan-tiny --dtype bf16 -o "$T/far away/model"
printf '%s\n' "$T/far away/rooms/room" >"$T/job/list"
ln -s "$T/far away/model" "$T/job/model"
cd "$T/job" || exit 1
unset "${!SLURM_@}"
export ASKED=$T/asked LIST=list MODEL=model EXTRA='--size 96x64 --select uniform:2 --tag f' VEGA_BIND=$T/scratch
# job OUT PATH: extract.sbatch as the only task of an array.
job() {
  env OUT="$1" PATH="$2" SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=0 \
    SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=1 bash "$SOURCE/tools/slurm/extract.sbatch"
}
# asked WORD...: the container was asked for these words, in this order and next to each other.
asked() { check "asked for $*: $(xargs <"$ASKED")" grep -qF " $* " <(printf ' %s ' "$(tr '\n' ' ' <"$ASKED")"); }

# Apptainer, where there are both: it shows the folder of the job, what the command names, and what a link leads to.
VEGA_IMAGE=vega.sif expect_exit 0 job "$T/out" "$T/apptainer:$T/podman:$BIN:/usr/bin:/bin"
check "the scene is there" test -s "$T/out/f/room.h5"
check "first words: $(head -n 3 "$ASKED" | xargs)" test "$(head -n 3 "$ASKED" | xargs)" = "exec --pwd $T/job"
for folder in "$T/job" "$T/far away/model" "$T/out" "$T/scratch"; do asked --bind "$folder:$folder"; done
asked vega.sif vega-extract features --list list
check "no GPU" test -z "$(grep -x -e --nv "$ASKED")"
check "no more than that" test "$(grep -cx -e --bind "$ASKED")" = 4

# Podman: within the job's limits and its network, with SLURM's variables.
VEGA_IMAGE=localhost/vega-cpu expect_exit 0 job "$T/out" "$T/podman:$BIN:/usr/bin:/bin"
check "it finds the scene: $(tail -n 3 "$ERR")" grep -q 'room: complete already' "$ERR"
asked run --rm --interactive --read-only --user 0:0 --cgroups disabled
asked --workdir "$T/job"
asked --env 'SLURM_*'
asked --volume "$T/far away/model:$T/far away/model"
asked localhost/vega-cpu vega-extract features
# On a GPU; the exit code is the program's.
VEGA_IMAGE=vega.sif DEVICE=cuda VEGA=false expect_exit 1 job "$T/out" "$T/apptainer:/usr/bin:/bin"
asked --nv
VEGA_IMAGE=vega.sif DEVICE=cuda:1 VEGA=false expect_exit 1 job "$T/out" "$T/podman:/usr/bin:/bin"
asked --device nvidia.com/gpu=all
# Neither: what is missing, and nothing is started.
VEGA_IMAGE=vega.sif expect_exit 2 job "$T/other" "$T/none"
expect_text "VEGA_IMAGE=vega.sif needs apptainer, singularity or podman"
check "nothing computed" test ! -e "$T/other/f"
# The programs of a recipe: what is yet to be made is seen by the folder above it; the image's own folders are not hidden.
asks() { PATH="$1:/usr/bin:/bin" VEGA_IMAGE=vega.sif VEGA_BIND='' run "$SOURCE/tools/image/bin/vega-synth" "${@:2}"; }
printf '#!/bin/sh\necho "$0 $*"\n' >"$T/podman/vega-synth"
chmod +x "$T/podman/vega-synth"
asks "$T/apptainer:$T/podman" scene --model /usr/share/vega/world -o "$T/scratch/a/b" -o ../new --device cuda
check "it is started: $(cat "$OUT")" test "$(cat "$OUT")" = \
  "$T/podman/vega-synth scene --model /usr/share/vega/world -o $T/scratch/a/b -o ../new --device cuda"
asked --nv
for device in '--device=cuda' '--device cuda:1'; do
  # shellcheck disable=SC2086   # two words
  asks "$T/apptainer:$T/podman" scene $device -o "$T/scratch/a/b"
  asked --nv
done
asks "$T/apptainer:$T/podman" scene --device cpu -o "$T/scratch/cuda"
check "no GPU for a path" test -z "$(grep -x -e --nv "$ASKED")"
asks "$T/apptainer:$T/podman" scene --model /usr/share/vega/world -o "$T/scratch/a/b" -o ../new --device cuda
for folder in "$T/job" "$T/scratch" "$T"; do asked --bind "$folder:$folder"; done
check "no more than that" test "$(grep -cx -e --bind "$ASKED")" = 3
expect_exit 1 env -u VEGA_IMAGE "$SOURCE/tools/image/bin/vega-synth" --version
expect_text "VEGA_IMAGE: expected an image"
# Without VEGA_IMAGE no container is started.
rm "$ASKED"
expect_exit 0 job "$T/out" "$T/apptainer:$T/podman:$BIN:/usr/bin:/bin"
check "no container" test ! -e "$ASKED"
finish
