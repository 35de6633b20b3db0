#!/usr/bin/env bash
# Starts the program of this name in an image. The links in bin/ make this folder stand for a build folder, so that a recipe
# finds its programs in the image: BUILD=tools/image VEGA_IMAGE=~/vega.sif docs/recipes/world/run.sh
set -u
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
container_image=${VEGA_IMAGE:?expected an image that has the programs: vega.sif, or a name that podman knows (docs/image.md)}
command=("${0##*/}" "$@")
DEVICE=cpu
[[ " $* " != *' --device'[=\ ]cuda* ]] || DEVICE=cuda   # cuda:N too

# ------------------------------------------------------ an image: the command runs in it, docs/image.md; as in every script
# It sees, by their own names, the folder that this runs in, what the command names, and the folders of VEGA_BIND; a result
# that is yet to be made, by the folder above it. Nothing else can be written to.
image=()
if [ -n "$container_image" ]; then
  declare -A shared=()
  share() { case $1/ in / | // | "$PWD"/?*) ;; *) shared["$1"]=1 ;; esac; }
  read -ra bind <<<"${VEGA_BIND:-}"
  for path in "$PWD" "${command[@]}" "${bind[@]}"; do
    case $path in '' | /usr/* | /etc/* | /dev/* | /proc/* | /sys/*) continue ;; esac   # the image's own
    path=$(realpath -ms -- "$path")
    until [ -e "${path:=/}" ]; do path=${path%/*}; done
    share "$path"
    share "$(readlink -f -- "$path")"   # what a link leads to must be there, too
  done
  if container=$(command -v apptainer || command -v singularity); then
    image=("$container" exec --pwd "$PWD")
    [[ $DEVICE != cuda* ]] || image+=(--nv)
    for path in "${!shared[@]}"; do image+=(--bind "$path:$path"); done
  elif container=$(command -v podman); then
    # User 0 of a rootless container is who runs it. It stays within this job's limits; ranks meet by the network of the node.
    image=("$container" run --rm --interactive --read-only --user 0:0 --cgroups disabled --security-opt label=disable
      --network host --volume /dev/shm:/dev/shm --workdir "$PWD")
    [[ $DEVICE != cuda* ]] || image+=(--device nvidia.com/gpu=all)
    for names in 'SLURM_*' 'VEGA_*' 'OMP_*' 'MKL_*' 'CUDA_*' 'NCCL_*' 'GLOO_*' 'MASTER_*' RANK WORLD_SIZE LOCAL_RANK; do
      image+=(--env "$names")
    done
    cache=${XDG_CACHE_HOME:-$HOME/.cache}   # fingerprints of weights, which take minutes
    if mkdir -p "$cache/vega" 2>/dev/null; then share "$cache/vega" && image+=(--env "XDG_CACHE_HOME=$cache"); fi
    for path in "${!shared[@]}"; do image+=(--volume "$path:$path"); done
  else
    say "VEGA_IMAGE=$container_image needs apptainer, singularity or podman on $(hostname); none is there"
    exit 2
  fi
  image+=("$container_image")
fi
# ------------------------------------------------------------------------------------------------------------ (end of image)

exec "${image[@]}" "${command[@]}"
