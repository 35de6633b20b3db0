# Read by tools/bundle.sh and tools/image.sh, with $build and $source set: finds the libraries that programs need and the
# licences of what is packed.
export LC_ALL=C
cache() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
[ -s "$build/CMakeCache.txt" ] || die "$build is no build folder: it has no CMakeCache.txt; run make first"
version=$(cache CMAKE_PROJECT_VERSION)
libtorch=$(cache LIBTORCH_ROOT)
# The time of every packed file (seconds since 1970), so that the same things give the same bytes.
when=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || true)}
when=${when:-0}

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'; }

# pack_libraries FILE...: calls `place LIBRARY PATH` once for each library that these files need, directly or through another
# library. The caller defines `place`, and `left_out LIBRARY PATH`, which succeeds for a library that is not to be packed.
# Leaves the paths in `packed`, by the libraries' names.
declare -A packed
pack_libraries() {
  local file library target
  local -A path
  while read -r library _ target _; do
    case $library:$target in
      /*/ld-linux*) path["${library##*/}"]=$library ;;
      *:/*) path["$library"]=$target ;;
    esac
  done < <(for file in "$@"; do ldd "$file" || true; done 2>/dev/null)
  local queue=("$@")
  while [ ${#queue[@]} -gt 0 ]; do
    file=${queue[0]} queue=("${queue[@]:1}")
    for library in $(needed "$file"); do
      if [ -n "${packed["$library"]:-}" ] || left_out "$library" "${path["$library"]:-}"; then continue; fi
      [ -n "${path["$library"]:-}" ] || die "$library, which ${file##*/} needs, is not found on this machine"
      packed["$library"]=${path["$library"]}
      place "$library" "${path["$library"]}"
      queue+=("${path["$library"]}")
    done
  done
}

# packages: "NAME PACKAGE" of every file in `packed` that a Debian package owns. dpkg may know a file by the name before or
# after the merge of /lib into /usr/lib.
packages() {
  local name file
  local -A name_of
  for name in "${!packed[@]}"; do
    file=$(readlink -f "${packed["$name"]}")
    name_of["$file"]=$name name_of["${file#/usr}"]=$name name_of["/usr$file"]=$name
  done
  { dpkg-query -S "${!name_of[@]}" 2>/dev/null || true; } | while IFS=' ' read -r package file; do
    printf '%s %s\n' "${name_of["$file"]}" "${package%%:*}"
  done | sort -u
}

# write_licences SHARE: the table SHARE/PACKAGES (file, package, version, source, its version) of `packed`, and the terms of
# each package in SHARE/licences.
write_licences() {
  local share=$1 name package
  mkdir -p "$share/licences"
  printf 'library\tpackage\tversion\tsource\tsource version\n' >"$share/PACKAGES"
  while read -r name package; do
    # shellcheck disable=SC2016   # the fields are dpkg's
    printf '%s\t%s\n' "$name" "$(dpkg-query -W -f '${Package}\t${Version}\t${source:Package}\t${source:Version}\n' \
      "$package" | sed -n 1p)"
    cp -L "/usr/share/doc/$package/copyright" "$share/licences/$package"
    unset "packed[$name]"
  done < <(packages) >>"$share/PACKAGES"
  for name in "${!packed[@]}"; do
    echo "note: ${packed["$name"]} belongs to no Debian package: look up its licence yourself" >&2
    printf '%s\t?\t\t\t\n' "$name" >>"$share/PACKAGES"
  done
  cp /usr/share/doc/fonts-dejavu-core/copyright "$share/licences/fonts-dejavu-core" 2>/dev/null ||   # within the programs
    echo "note: look up the licence of DejaVu Sans yourself" >&2
}
