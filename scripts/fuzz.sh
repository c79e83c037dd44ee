#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target of the project for TIME (10s, 2m). A crasher is kept by go test under testdata/fuzz.
set -euo pipefail
. "$(dirname "$0")/env.sh"

time=${1:-10s} targets=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Before Go 1.27 the end of -fuzztime is at times reported as a failure without an input (golang/go#75804); that is none.
only_the_time_ended() {
  grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input written' "$log"
}

for package in $(scripts/packages-with.sh 'func Fuzz'); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
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
