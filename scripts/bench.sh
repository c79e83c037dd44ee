#!/usr/bin/env bash
# bench.sh: the figures of docs/performance.md: Go benchmarks of all packages, then the agent beside the tools it replaces.
# Nothing is asserted; a busy machine gives busy figures.
set -euo pipefail
. "$(dirname "$0")/env.sh"

echo "## Go benchmarks"
mapfile -t packages < <(scripts/packages-with.sh 'func Benchmark')
[ ${#packages[@]} -eq 0 ] || go test -run '^$' -bench . -benchmem "${packages[@]}"
echo
echo "## Side by side"
go run ./internal/bench "$@"
