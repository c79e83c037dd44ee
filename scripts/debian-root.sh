#!/usr/bin/env bash
# debian-root.sh NAME [PACKAGE...]
#
# Unpacks Debian packages of this machine's own release, with all they depend on, into the cache, and prints the folder.
# Nothing is installed: no maintainer script runs, no file outside the cache changes, no root is needed. Without PACKAGE
# the packages are those that packages.txt names. The folder's .libs file holds the LD_LIBRARY_PATH its programs need.
# The C library and the essential packages are left out: the machine has them, and they must match its loader.
#
# DIALTONE_CACHE   where it goes; ${XDG_CACHE_HOME:-$HOME/.cache}/dialtone when unset
# Exit status      0 and the folder's path on stdout; 1 and the reason in one line on stderr
set -euo pipefail

cache=${DIALTONE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dialtone}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# A failure is kept for ten minutes, so that a test run without network asks the mirror once and not once a package.
fail() {
  [ ! -d "$base" ] || printf '%s\n' "$*" >"$base/$name.failed"
  printf '%s\n' "$*" >&2
  exit 1
}

packages_of() {
  awk -v name="$1" '$1 == name { for (i = 2; i <= NF; i++) print $i; exit }' "$here/packages.txt"
}

require_tools() {
  local tool
  for tool in apt-get dpkg dpkg-deb flock timeout; do
    command -v "$tool" >/dev/null || fail "unpacking $name needs $tool: this works on Debian and its kin only"
  done
}

# apt reads the machine's own configuration first (its sources, its proxy) and this file last. It moves all state into the
# cache and clears the hooks that would touch the machine.
write_apt_configuration() {
  mkdir -p "$apt/lists/partial" "$apt/cache"
  : >"$apt/status"
  cat >"$apt/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Cache::archives "$debs";
Dir::Log "$apt/log";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
CONF
}

# One broken third-party source is no reason to stop; no list at all is.
update_lists() {
  timeout 300 apt-get -c "$apt/apt.conf" -q update >"$apt/update.log" 2>&1 || true
  compgen -G "$apt/lists/*_Packages*" >/dev/null ||
    fail "unpacking $name: the sources of this machine's apt gave no package list: $(complaint "$apt/update.log")"
  touch "$apt/updated"
}

download() {
  timeout 900 apt-get -c "$apt/apt.conf" -q -y --download-only install "${packages[@]}" >"$apt/$name.log" 2>&1
}

# Lists older than six hours, or a download that fails, ask the mirror again.
download_with_fresh_lists() {
  [ -n "$(find "$apt/updated" -mmin -360 2>/dev/null)" ] || update_lists
  download && return
  update_lists
  download || fail "downloading ${packages[*]}: $(complaint "$apt/$name.log")"
}

complaint() {
  grep -m1 -E '^(E:|W: Failed)' "$1" || tail -n1 "$1"
}

belongs_to_the_machine() {
  case $(dpkg-deb -f "$1" Package) in
  libc6 | libc-bin | libcrypt1 | libgcc-s1 | gcc-*-base | debconf | adduser | passwd) return 0 ;;
  esac
  [ "$(dpkg-deb -f "$1" Essential)" = yes ]
}

unpack() {
  local deb
  for deb in "$debs"/*.deb; do
    belongs_to_the_machine "$deb" && continue
    dpkg-deb -x "$deb" "$new" || fail "unpacking ${deb##*/} into $new: is the disk full?"
  done
}

# The loader's folders inside the root, and those below them where programs like systemd keep libraries of their own.
write_library_path() {
  local dir path=
  for dir in "$new"/{usr/lib,lib}/*-linux-gnu* "$new"/{usr/lib,lib}/*-linux-gnu*/*; do
    compgen -G "$dir/lib*.so*" >/dev/null || continue
    path+=${path:+:}$root${dir#"$new"}
  done
  printf '%s\n' "$path" >"$new/.libs"
}

[ $# -ge 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
name=$1
shift
packages=("$@")
[ $# -gt 0 ] || mapfile -t packages < <(packages_of "$name")

release=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_CODENAME:-$ID}") || release=unknown
base=$cache/debian/$release-$(uname -m)
root=$base/$name new=$base/$name.new debs=$base/$name.debs apt=$base/apt
want="${packages[*]}"

unpacked() { [ -e "$root/.ok" ] && [ "$(cat "$root/.ok")" = "$want" ]; }

unpacked && { printf '%s\n' "$root"; exit; }
mkdir -p "$base"
[ ${#packages[@]} -gt 0 ] || fail "packages.txt names no packages for $name"
require_tools

exec 9>"$base/lock"
flock -w 1500 9 || fail "unpacking $name: another run has held $base/lock for 25 minutes"
unpacked && { printf '%s\n' "$root"; exit; }
if [ -n "$(find "$base/$name.failed" -mmin -10 2>/dev/null)" ]; then
  printf '%s (asked a moment ago; remove %s to ask again)\n' "$(cat "$base/$name.failed")" "$base/$name.failed" >&2
  exit 1
fi

trap 'rm -rf "$new" "$debs"' EXIT
rm -rf "$new" "$root" "$debs"
mkdir -p "$new" "$debs/partial"
write_apt_configuration
download_with_fresh_lists
unpack
write_library_path
printf '%s\n' "$want" >"$new/.ok"
mv "$new" "$root"
rm -f "$base/$name.failed"
printf '%s\n' "$root"
