#!/usr/bin/env bash
# Builds the container images from the executables that tools/images/CMakeLists.txt links for them: one
# rootfs folder each, with the stripped executable, the shared libraries it needs (copied from Debian's
# packages), CA certificates and time zones where it looks at them, and nothing else. No network, no base
# image, no package manager inside.
#
# usage: tools/images.sh [component...]        default: all whose executables are there
#        tools/images.sh --compare [FOLDER]    sizes beside images of other executables, made the same
#                                              way: FOLDER/prometheus, FOLDER/promtool … (/usr/bin)
#   BIN_DIR   where the executables are         (build/release/image_bin)
#   OUT_DIR   where the rootfs folders go       (build/images)
#   TOOL      podman, buildah or docker, with its options; "none" stops after the folders
#   REGISTRY  in front of the names             (none: narthex/prometheus …)
#   TAG       tag                               (the chart's appVersion)
# OUT_DIR/COMPONENT/contents.tsv lists every file: size, sha256, Debian package and version.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN_DIR:-build/release/image_bin}
out=${OUT_DIR:-build/images}
tag=${TAG:-$(sed -n 's/^appVersion: *//p' charts/prometheus/Chart.yaml)}
limit=$((40 * 1000 * 1000))

# component: executables, the first one is the component itself; others may be links to it.
declare -A programs=(
  [prometheus]="prometheus promtool"
  [alertmanager]="alertmanager amtool"
  [pushgateway]="pushgateway"
  [node-exporter]="node_exporter"
  [kube-state-metrics]="kube-state-metrics"
)
order=(prometheus alertmanager pushgateway node-exporter kube-state-metrics)
# Who speaks TLS to others and must know whom to trust; whose input names time zones.
certificates=" prometheus alertmanager kube-state-metrics "
time_zones=" alertmanager kube-state-metrics "

find_tool() {
  [ -n "${TOOL:-}" ] && { echo "$TOOL"; return; }
  for candidate in podman buildah docker; do
    command -v "$candidate" >/dev/null && { echo "$candidate"; return; }
  done
  echo none
}

# The libraries of an executable, by the paths under which the loader finds them.
libraries() {
  ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\/.*ld-linux/ {print $1}'
}

# Copies what a path stands for to that path; Debian's /lib is /usr/lib.
copy_library() {
  local root=$1 path=$2 target
  target=$root/usr/lib/${path##*/usr/lib/}
  case $path in
    /lib64/*) target=$root/usr$path ;;
    /lib/*) target=$root/usr$path ;;
  esac
  [ -e "$target" ] && return
  mkdir -p "$(dirname "$target")"
  cp -L "$path" "$target"
}

# Sets package[PATH] to "name<tab>version" for files copied from Debian's packages.
declare -A package=()
find_packages() {
  local path real owner versions
  local -A asked=()
  local -A version=()
  for path in "$@"; do
    [ -n "${package[$path]:-}" ] && continue
    real=$(readlink -f "$path")
    asked[$real]=$path
    asked[${real#/usr}]=$path
  done
  [ ${#asked[@]} -eq 0 ] && return
  while IFS=' ' read -r owner real; do
    package[${asked[$real]:-$real}]=${owner%%:*}
  done < <(dpkg-query -S "${!asked[@]}" 2>/dev/null | grep -v '^diversion')
  versions=$(for path in "$@"; do echo "${package[$path]:-}"; done | sort -u)
  while IFS=$'\t' read -r owner real; do version[$owner]=$real; done < <(
    dpkg-query -W -f='${Package}\t${Version}\n' $versions 2>/dev/null)
  for path in "$@"; do
    owner=${package[$path]:-unknown}
    [[ $owner == *$'\t'* ]] || package[$path]="$owner"$'\t'"${version[$owner]:-unknown}"
  done
}

make_rootfs() {
  local component=$1 root=$2 name first=1
  rm -rf "$root"
  mkdir -p "$root"/{bin,etc,usr/lib,usr/share,tmp}
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  mkdir -p "$root/usr/lib64"
  for name in ${programs[$component]}; do
    if [ ! -x "$bin/$name" ]; then
      [ $first = 1 ] && return 1
      continue
    fi
    if [ $first = 0 ] && [ "$bin/$name" -ef "$bin/${programs[$component]%% *}" ]; then
      ln -s "${programs[$component]%% *}" "$root/bin/$name"
      continue
    fi
    first=0
    strip -o "$root/bin/$name" "$bin/$name"
    chmod 755 "$root/bin/$name"
    while read -r library; do copy_library "$root" "$library"; done < <(libraries "$bin/$name")
  done
  if [[ $certificates == *" $component "* ]]; then
    mkdir -p "$root/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  fi
  if [[ $time_zones == *" $component "* ]]; then
    mkdir -p "$root/usr/share/zoneinfo"
    tar -C /usr/share/zoneinfo --exclude=./right --exclude=./posix -cf - . | tar -C "$root/usr/share/zoneinfo" -xf -
  fi
  printf 'root:x:0:0:root:/:/nologin\nnobody:x:65534:65534:nobody:/:/nologin\n' > "$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
  printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
  chmod 1777 "$root/tmp"
  chmod -R go+rX "$root"
}

# The archives of Debian's packages that an executable holds parts of, as the linker said.
archives() {
  [ -e "$1.archives" ] && awk -F'\t' '$2 > 0 && $3 ~ /^\// {print $3}' "$1.archives"
}

list_contents() {
  local root=$1 path hash owner name
  local -a copied=()
  mapfile -t copied < <(cd "$root" && find ./usr/lib ./usr/lib64 -type f -printf '/%P\n' | sed "s|^/|/usr/lib/|;s|^/usr/lib/ld-linux|/lib64/ld-linux|")
  find_packages "${copied[@]}" /usr/share/zoneinfo/UTC
  printf 'path\tbytes\tsha256\tpackage\tversion\n'
  while read -r hash path; do
    path=${path#.}
    case $path in
      /usr/lib64/*) owner=${package[/lib64/${path##*/}]} ;;
      /usr/lib/*) owner=${package[$path]} ;;
      /etc/ssl/*) owner=$(dpkg-query -W -f='${Package}\t${Version}' ca-certificates) ;;
      *) owner=narthex$'\t'$tag ;;
    esac
    printf '%s\t%s\t%s\t%s\n' "$path" "$(stat -c %s "$root$path")" "$hash" "$owner"
  done < <(cd "$root" && find . -type f -not -path './usr/share/zoneinfo/*' -print0 | sort -z | xargs -0 sha256sum)
  for name in "$root"/bin/*; do
    [ -L "$name" ] && continue
    name=${name##*/}
    mapfile -t copied < <(archives "$bin/$name")
    find_packages "${copied[@]}"
    for path in "${copied[@]}"; do
      printf '/bin/%s:%s\t-\t-\t%s\n' "$name" "${path##*/}" "${package[$path]}"
    done
  done
  [ -d "$root/usr/share/zoneinfo" ] || return 0
  printf '/usr/share/zoneinfo/\t%s\t-\t%s\n' "$(du -sb "$root/usr/share/zoneinfo" | cut -f1)" \
    "${package[/usr/share/zoneinfo/UTC]}"
}

# The same recipe for executables that are not ours, and both sizes.
compare() {
  local folder=${1:-/usr/bin} component name path theirs ours
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir "$scratch/bin"
  for name in ${programs[*]}; do
    for path in "$folder/$name" "$folder/prometheus-$name" "$folder/prometheus-${name//_/-}"; do
      [ -x "$path" ] && ln -sf "$(readlink -f "$path")" "$scratch/bin/$name" && break
    done
  done
  printf '%-20s %12s %12s %6s  %s\n' component ours theirs ratio "their programs"
  for component in "${order[@]}"; do
    make_rootfs "$component" "$scratch/ours" || continue
    ours=$(du -sb --apparent-size "$scratch/ours" | cut -f1)
    theirs=
    if (bin=$scratch/bin && make_rootfs "$component" "$scratch/theirs"); then
      theirs=$(du -sb --apparent-size "$scratch/theirs" | cut -f1)
    fi
    printf '%-20s %12s %12s %6s  ' "$component" "$ours" "${theirs:--}" \
      "$([ -z "$theirs" ] || awk "BEGIN {printf \"%.1f\", $theirs / $ours}")"
    for name in ${programs[$component]}; do
      [ -x "$scratch/bin/$name" ] || continue
      "$scratch/bin/$name" --version 2>&1 | awk -v name="$name" 'NR == 1 {printf "%s %s  ", name, $3}'
    done
    echo
  done
}

if [ "${1:-}" = --compare ]; then
  compare "${2:-}"
  exit
fi
tool=$(find_tool)
[ $# -gt 0 ] && order=("$@")
failed=0
printf '%-20s %12s  %s\n' component bytes image
for component in "${order[@]}"; do
  [ -n "${programs[$component]:-}" ] || { echo "no such component: $component" >&2; exit 2; }
  context=$out/$component
  mkdir -p "$context"
  if ! make_rootfs "$component" "$context/rootfs"; then
    echo "$component: no executable in $bin, left out" >&2
    [ $# -gt 0 ] && failed=1
    rm -rf "$context"
    continue
  fi
  list_contents "$context/rootfs" > "$context/contents.tsv"
  mkdir -p "$context/rootfs/usr/share/doc/narthex"
  cp "$context/contents.tsv" "$context/rootfs/usr/share/doc/narthex/"
  cp "tools/images/$component.Containerfile" "$context/Containerfile"
  mkdir -p "$context/data" "$context/etc"
  [ "$component" = prometheus ] && cp tools/images/prometheus.yml "$context/etc/"
  [ "$component" = alertmanager ] && cp tools/images/alertmanager.yml "$context/etc/"
  bytes=$(du -sb --apparent-size "$context/rootfs" | cut -f1)
  name=${REGISTRY:+${REGISTRY%/}/}narthex/$component:$tag
  case $tool in
    none) name="(rootfs only: $context/rootfs)" ;;
    buildah*) $tool bud --quiet --network=none --tag "$name" "$context" >/dev/null ;;
    *) $tool build --quiet --network=none --tag "$name" "$context" >/dev/null ;;
  esac
  printf '%-20s %12s  %s\n' "$component" "$bytes" "$name"
  if [ "$bytes" -gt $limit ]; then
    echo "$component: larger than $limit bytes" >&2
    failed=1
  fi
done
exit $failed
