#!/usr/bin/env bash
# image.sh [--cuda] [--plain] [-o FILE] [BUILD]
# Packs the built programs, every library that they load, glibc included, LibTorch and a shell into an OCI archive for
# Docker, Podman and Apptainer: docs/image.md. `make image` calls it. Needs buildah, no network and no root.
#   --cuda    and libvega_cuda.so with CUDA's run time, which `make CUDA=1` fetches
#   --plain   do not compress
#   -o FILE   default: BUILD/vega-VERSION-cpu-x86_64.oci.tar, or -cuda-
#   BUILD     the build folder (build)
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
variant=cpu plain='' out=''
while [ $# -gt 0 ]; do
  case $1 in
    --cuda) variant=cuda ;;
    --plain) plain=1 ;;
    -o) out=${2:?-o wants a file}; shift ;;
    -h | --help) sed -n '2,/^set -euo/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    -*) echo "image: unknown option '$1'; try tools/image.sh --help" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
die() { echo "image: error: $*" >&2; exit 1; }
for program in buildah dpkg-query; do
  command -v "$program" >/dev/null || die "no $program on this machine; an image is packed on Debian 12 with the package" \
    "buildah: sh tools/setup.sh IMAGE=1, or apt-get install buildah"
done
build=$(cd "${1:-$source/build}" && pwd)
. "$source/tools/bundle/collect.sh"
machine=$(uname -m)
out=${out:-$build/vega-$version-$variant-$machine.oci.tar}

work=$(mktemp -d "${TMPDIR:-/tmp}/vega-image-XXXXXX")
clean() {   # what buildah stores may be of its own users
  rm -rf -- "$work" "$out.part" 2>/dev/null || TMPDIR=$work buildah unshare rm -rf -- "$work" 2>/dev/null || true
}
trap clean EXIT
root=$work/root
lib=usr/lib/$machine-linux-gnu   # where the loader looks without being told
share=$root/usr/share/vega
umask 022
mkdir -p "$root"/{etc,dev,proc,sys,run,var,usr/bin,usr/lib64,"$lib"}
mkdir -m 1777 "$root"/{tmp,var/tmp,work}
for folder in bin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done

# ------------------------------------------------------------------------------------------------- programs and LibTorch

# As `make install` lays them out; a LibTorch outside the project is a component of its own.
installing() {
  DESTDIR=$root cmake --install "$build" --prefix /usr "$@" >/dev/null 2>"$work/install.log" || die "$(cat "$work/install.log")"
}
torch=$root/usr/lib/vega
set_rpath() {   # FILE RPATH
  printf 'file(RPATH_SET FILE "%s" NEW_RPATH "%s")\n' "$1" "${2//\$/\\$}" >"$work/rpath.cmake"
  cmake -P "$work/rpath.cmake" >"$work/rpath.log" 2>&1 || die "$(cat "$work/rpath.log")"
}
installing --strip
if [ ! -e "$torch/torch" ]; then
  installing --component libtorch
  for program in "$root"/usr/bin/vega-*; do
    set_rpath "$program" '$ORIGIN/../lib/vega/torch/lib'
  done
  [ ! -e "$torch/libvega_cuda.so" ] || set_rpath "$torch/libvega_cuda.so" '$ORIGIN/torch/lib:$ORIGIN/nvidia/cu13/lib'
fi
binaries=("$root"/usr/bin/vega-*)
if [ $variant = cuda ]; then
  [ -e "$torch/libvega_cuda.so" ] || die "$build has no libvega_cuda.so; expected a build with CUDA: make image CUDA=1"
  compgen -G "$torch/nvidia/cudnn/lib/*.so*" >/dev/null || die "CUDA's run time is missing; make image CUDA=1 fetches it (2 GB)"
else   # what a build with CUDA installs beside what the programs load themselves
  rm -f "$torch/libvega_cuda.so"
  loaded=$(for program in "${binaries[@]}"; do ldd "$program"; done | sed -n 's/.* => \(\/.*\) (0x.*/\1/p' | xargs realpath | sort -u)
  find "$torch" -type f | grep -vxF "$loaded" | xargs -r rm || true
  find "$torch" -type d -empty -delete
fi
while read -r file; do binaries+=("$file"); done < <(find "$torch" -type f -name '*.so*')

# The tools of a shell, by the packages that have them.
for package in $(sed 's/#.*//' "$source/tools/image/packages.txt"); do
  files=$(dpkg -L "$package" 2>/dev/null | grep -E '^(/usr)?/bin/[^/]+$') || die "the Debian package $package is not installed"
  for file in $files; do
    name=usr/bin/${file##*/}
    cp -P "$file" "$root/$name"
    [ -L "$file" ] || [ "$file" = '/usr/bin/[' ] || packed["$name"]=$file   # dpkg would take the bracket for a pattern
    [ "$(head -c 4 "$file" | tail -c 3)" != ELF ] || binaries+=("$root/$name")
  done
done
ln -s mawk "$root/usr/bin/awk"

# ------------------------------------------------------------------------------------------------- libraries and licences

left_out() {   # LIBRARY PATH
  case $1 in
    libcuda.so* | librdmacm.so* | libmpi.so* | libpmix.so* | liboshmem.so* | libfabric.so* | libuc[ps].so*)
      ;;   # of the driver, and of networks that plug-ins of NVIDIA's libraries look for
    *) [ -n "$2" ] && [[ $(realpath "$2") == "$torch"/* ]] ;;
  esac
}
place() {   # LIBRARY PATH
  case $1 in
    ld-linux*) install -m 755 "$2" "$root/usr/lib64/$1" ;;
    *) install -m 644 "$2" "$root/$lib/$1" ;;
  esac
}
pack_libraries "${binaries[@]}"
ln -s ../vega/torch/lib/libgomp.so.1 "$root/$lib/"   # FFmpeg's is LibTorch's, whichever of them is loaded first
write_licences "$share"

# wheel_licences: the same for the files of LibTorch and CUDA's run time, from what pip leaves beside them.
wheel_licences() {
  local file record wheel
  while read -r file; do
    record=$(grep -lF "$file," "$libtorch"/*.dist-info/RECORD 2>/dev/null | sed -n 1p) || true
    [ -n "$record" ] || die "$libtorch tells no licence of $file: no *.dist-info there lists it;" \
      "sh tools/setup.sh IMAGE=1 fetches LibTorch again, with its licences"
    wheel=$(basename "$(dirname "$record")" .dist-info)
    printf '%s\t%s\t%s\tPyPI\t\n' "$file" "${wheel%-*}" "${wheel##*-}" >>"$share/PACKAGES"
    [ -e "$share/licences/${wheel%-*}" ] || cp -r "${record%/*}/licenses" "$share/licences/${wheel%-*}" 2>/dev/null ||
      cp "${record%/*}/METADATA" "$share/licences/${wheel%-*}"   # libcusparseLt's licence is its description
  done < <(cd "$torch" && find torch nvidia -type f | sort)
}
wheel_licences
cp "$source/LICENSE" "$share/"

# ------------------------------------------------------------------------------------------------------ the rest of a system

install -m 755 "$source/tools/image/entry.sh" "$root/usr/bin/vega"
cat >"$share/README" <<END
vega $version ($variant): $(cd "$root/usr/bin" && echo vega-*)
Each program has --help. Documentation: /usr/share/doc/vega, above all docs/image.md.
Licences: /usr/share/vega/PACKAGES and /usr/share/vega/licences.
END
printf '%s\n' 'root:x:0:0:root:/work:/bin/bash' 'vega:x:1000:1000:vega:/work:/bin/bash' \
  'nobody:x:65534:65534:nobody:/work:/bin/bash' >"$root/etc/passwd"
printf '%s\n' root:x:0: vega:x:1000: nogroup:x:65534: >"$root/etc/group"
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >"$root/etc/nsswitch.conf"
printf '%s\n' '127.0.0.1 localhost' '::1 localhost' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
cp /etc/debian_version "$root/etc/"   # tells NVIDIA's container tools where the loader looks for the driver
chmod -R u=rwX,go=rX "$root"/{etc,usr}

# ---------------------------------------------------------------------------------------------------------------- archive

store() { TMPDIR=$work buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs "$@" 2>>"$work/buildah.log"; }
pack() {
  local container
  container=$(store from scratch) && store copy -q --chown 0:0 "$container" "$root" / >/dev/null &&
    store config --user 1000:1000 --workingdir /work --env PATH=/usr/bin --env HOME=/work \
      --env NVIDIA_VISIBLE_DEVICES=all --env NVIDIA_DRIVER_CAPABILITIES=compute,utility \
      --entrypoint '["/usr/bin/vega"]' --label org.opencontainers.image.title="vega-$variant" \
      --label org.opencontainers.image.version="$version" "$container" &&
    store commit -q --format oci --timestamp "$when" --disable-compression="$([ -n "$plain" ] && echo true || echo false)" \
      "$container" "oci:$work/oci:vega-$variant" >/dev/null
}
pack || { cat "$work/buildah.log" >&2; die "buildah could not pack the image, see above; as another user than root it needs" \
  "user namespaces (sysctl user.max_user_namespaces), which some containers do not allow"; }
# An OCI archive is the tar of that folder; the same image gives the same bytes.
tar -C "$work/oci" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$when" -cf "$out.part" \
  blobs index.json oci-layout
mv "$out.part" "$out"
echo "$out: $(du -h --apparent-size "$out" | cut -f1), unpacked $(du -sh --apparent-size "$root" | cut -f1)," \
  "$(($(wc -l <"$share/PACKAGES") - 1)) files of $(find "$share/licences" -mindepth 1 -maxdepth 1 | wc -l) packages"
