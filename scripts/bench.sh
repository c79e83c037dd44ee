#!/usr/bin/env bash
# bench.sh [OPTIONS OF internal/bench]: the figures of docs/performance.md, as that page has them: the programs from the outside, then the
# parts as Go benchmarks. Nothing is asserted; a busy machine gives busy figures. Wants bin/ (make build).
set -euo pipefail
. "$(dirname "$0")/env.sh"

# A short list: one figure a part, so that the whole stays under a quarter of an hour.
parts=(
  'Parse10000Lines ./control'
  'Sample$ ./checks/host'
  'Append$ ./collector/series'
  'Intake ./collector'
  'SVG|PNG ./dashboards/plot'
  'EventToWebhook ./alerting'
)

echo "## Figures"
go run ./internal/bench "$@"
[ $# -eq 0 ] || exit 0
printf '\n### Parts, as Go benchmarks\n\n```\n'
for part in "${parts[@]}"; do
  go test -run '^$' -bench "${part% *}" -benchmem "${part##* }" | grep '^Benchmark' | tr -s '\t ' ' '
done
echo '```'
