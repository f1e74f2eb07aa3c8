# For deploy/quickstart and tests/run: progress, root, Debian's packages. Sourced by bash.

PATH=$PATH:/usr/sbin:/sbin
started=$SECONDS
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
jobs=$(nproc)

say() { printf '[%3d s] %s\n' $((SECONDS - started)) "$*"; }
fail() {
  printf '[%3d s] failed: %s\n' $((SECONDS - started)) "$1" >&2
  shift
  printf '        %s\n' "$@" >&2
  exit 1
}

# become_root ARG...: runs the calling script again with sudo unless it is root's already.
become_root() {
  [ "$(id -u)" = 0 ] && return
  command -v sudo >/dev/null ||
    fail "this needs root (packages, network namespaces) and there is no sudo" "run it as root: su -c $0"
  exec sudo -- "$0" "$@"
}

# packages_of GROUP...: the names in deploy/packages.txt that belong to any of the groups.
packages_of() {
  local group
  for group in "$@"; do
    awk -v group="$group" '!/^#/ && NF { n = split($2, groups, ","); for (i = 1; i <= n; i++)
        if (groups[i] == group) print $1 }' "$root/deploy/packages.txt"
  done | sort -u
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

packages_installed() {
  local package
  for package in $(packages_of "$@"); do
    installed "$package" || return
  done
}

# install_packages GROUP...: only what is missing. A Kea or a Prometheus that this installs is neither started
# nor enabled: installing must not put a server on this machine's network.
install_packages() {
  local package missing=() servers=() log policy=/usr/sbin/policy-rc.d ours=
  for package in $(packages_of "$@"); do
    installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    say "packages: all of them are installed"
    return
  fi
  command -v apt-get >/dev/null ||
    fail "packages are missing, and this is no Debian" "install what matches: ${missing[*]}"
  for package in "${missing[@]}"; do
    case $package in kea-*-server | prometheus) servers+=("$package") ;; esac
  done
  say "packages: installing ${missing[*]}"
  log=$(mktemp /tmp/nestor-apt.XXXXXX)
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && ours=yes
  fi
  trap '[ -z "$ours" ] || rm -f '$policy EXIT
  {
    DEBIAN_FRONTEND=noninteractive apt-get -q update &&
      DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "${missing[@]}"
  } </dev/null >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    fail "apt-get could not install the packages" "the whole of its output: $log" \
      "try by hand: apt-get update && apt-get install ${missing[*]}"
  }
  [ -z "$ours" ] || rm -f $policy
  trap - EXIT
  rm -f "$log"
  if [ ${#servers[@]} != 0 ] && [ -d /run/systemd/system ]; then
    systemctl -q disable "${servers[@]}"
  fi
  say "packages: done"
}

# build_preset PRESET [-DNAME=VALUE...] [NINJA-ARGUMENT...]: configures and builds build/PRESET. Non-zero where
# either fails, which it has then said.
build_preset() {
  local preset=$1 options=()
  shift
  while [[ ${1-} = -D* ]]; do
    options+=("$1")
    shift
  done
  mkdir -p "$root/build"
  (cd "$root" && cmake --preset "$preset" "${options[@]}" >"$root/build/$preset.cmake.log" 2>&1) || {
    tail -n 20 "$root/build/$preset.cmake.log" >&2
    return 1
  }
  NINJA_STATUS="[%f/%t %es] " ninja -C "$root/build/$preset" -j "$jobs" "$@" </dev/null
}
