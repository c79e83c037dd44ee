#!/usr/bin/env bash
# Sourced by the other scripts: the project's folder, the cache, and what is said when something ends the run.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export DIALTONE_CACHE=${DIALTONE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dialtone}

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
