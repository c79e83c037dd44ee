#!/usr/bin/env bash
# packages-with.sh TEXT: the packages whose tests contain TEXT, as paths for the go command.
set -euo pipefail
. "$(dirname "$0")/env.sh"
git grep -lF --untracked -e "$1" -- '*_test.go' | xargs -r -n1 dirname | sort -u | sed 's#^#./#'
