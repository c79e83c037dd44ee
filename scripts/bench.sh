#!/usr/bin/env bash
# bench.sh [OPTIONS OF internal/bench]: the figures of docs/performance.md, as that page has them: the programs from the outside, then the
# parts as Go benchmarks (left out when there are options). Nothing is asserted; a busy machine gives busy figures. Wants bin/ (make build).
set -euo pipefail
. "$(dirname "$0")/env.sh"

# A short list, one figure a part: what it does, the benchmark, its package.
parts=(
  'a control file of 10,000 lines, read|Parse10000Lines|./control'
  "the machine's metrics, sampled once|Sample\$|./checks/host"
  'a sample, stored|Append$|./collector/series'
  'a batch of 1,000 samples, taken in over TCP|Intake|./collector'
  'a graph of a page, drawn (SVG)|SVG|./dashboards/plot'
  'a graph of a notice, drawn (PNG)|PNG|./dashboards/plot'
  'an event, from the desk to the webhook|EventToWebhook|./alerting'
)

# row WHAT: the line of `go test -bench` on stdin as a row; the time in a unit that reads well, the rest as it is.
row() {
  tr -s '\t ' ' ' | awk -v what="$1" '/^Benchmark/ {
    n = split("ns µs ms s", unit, " "); t = $3
    for (i = 1; t >= 1000 && i < n; i++) t /= 1000
    rest = ""
    for (f = 5; f < NF; f += 2) rest = rest (rest == "" ? "" : ", ") $f " " $(f + 1)
    printf "| %s | %.3g %s | %s |\n", what, t, unit[i], rest
  }'
}

go run ./internal/bench "$@"
[ $# -eq 0 ] || exit 0
printf '\n### Parts, as Go benchmarks\n\n| what | time | and |\n|---|---|---|\n'
for part in "${parts[@]}"; do
  IFS='|' read -r what pattern package <<<"$part"
  go test -run '^$' -bench "$pattern" -benchmem "$package" | row "$what"
done
