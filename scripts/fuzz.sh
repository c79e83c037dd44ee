#!/usr/bin/env bash
# fuzz.sh TIME [light]: runs every fuzz target of the project for TIME (10s, 2m). A crasher is kept by go test under testdata/fuzz.
# Fuzzing compiles all of a package anew, with counters; "light" leaves out those for which that takes minutes.
set -euo pipefail
. "$(dirname "$0")/env.sh"

time=${1:-10s} light=${2:-} targets=0
# The same settings as `make build`, so that what needs no counters is compiled already.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Before Go 1.27 the end of -fuzztime is at times reported as a failure without an input (golang/go#75804); that is none.
only_the_time_ended() {
  grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input written' "$log"
}

needs_the_store() { go list -deps "$1" | grep -qx 'github.com/prometheus/prometheus/tsdb'; }

for package in $(scripts/packages-with.sh 'func Fuzz'); do
  if [ "$light" = light ] && needs_the_store "$package"; then
    echo "$package: left to \`make fuzz\`; its seeds ran with the tests"
    continue
  fi
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$package"/*_test.go | cut -d' ' -f2); do
    targets=$((targets + 1))
    if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 "$package" >"$log" 2>&1 || only_the_time_ended; then
      printf '%s %s: %s\n' "$package" "$target" "$(grep -oE 'execs: [0-9]+' "$log" | tail -n1 || echo 'corpus only')"
    else
      cat "$log"
      die "$target in $package failed; what it printed is above, the input in $package/testdata/fuzz/$target"
    fi
  done
done
echo "$targets fuzz targets, $time each"
