#!/usr/bin/env bash
# Sourced by the other scripts: the project's folder, the cache, and what is said when something ends the run.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export DIALTONE_CACHE=${DIALTONE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dialtone}

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# end_strays DIR: ends what names DIR in its command line, tells each, and is false when there was any.
end_strays() {
  local dir=${1:?} round place files strays=0
  for round in $(seq 50); do
    mapfile -t files < <(grep -slF -f - /proc/[0-9]*/cmdline <<<"$dir")
    [ ${#files[@]} -gt 0 ] || break
    for place in "${files[@]%/cmdline}"; do
      [ "$round" -gt 1 ] || printf '   left behind: %s %s\n' "${place#/proc/}" "$(tr '\0' ' ' 2>/dev/null <"$place/cmdline")"
      kill -KILL "${place#/proc/}" 2>/dev/null || true
    done
    strays=1
    sleep 0.1
  done
  [ "$strays" -eq 0 ]
}

# remove_tree DIR: also folders that a test made read-only.
remove_tree() {
  chmod -R u+w "$1" 2>/dev/null || true
  rm -rf "$1"
}
