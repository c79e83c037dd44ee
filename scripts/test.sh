#!/usr/bin/env bash
# test.sh ARGS...: go test with the race detector; prints each package's closing line, what failed in full, what was skipped
# and why, and "N passed, N failed, N skipped" at the end.
set -euo pipefail
. "$(dirname "$0")/env.sh"

# The race detector needs a C compiler; a machine without one gets Debian's, unpacked.
if [ -z "${CC:-}" ] && ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
  CC=$(scripts/compiler.sh)
  export CC
fi
mkdir -p "$DIALTONE_CACHE/bin"
go build -o "$DIALTONE_CACHE/bin/testsum" ./internal/testsum
set +e
go test -race -json -timeout 15m "$@" 2>&1 | "$DIALTONE_CACHE/bin/testsum"
status=("${PIPESTATUS[@]}")
[ "${status[0]}" -eq 0 ] && [ "${status[1]}" -eq 0 ]
