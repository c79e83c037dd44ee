#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target of the project for TIME (10s, 2m). A crasher is kept by go test under testdata/fuzz.
set -euo pipefail
. "$(dirname "$0")/env.sh"

time=${1:-10s} targets=0
for package in $(scripts/packages-with.sh 'func Fuzz'); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 "$package" || die "$target in $package failed; the input is in $package/testdata/fuzz/$target"
    targets=$((targets + 1))
  done
done
echo "$targets fuzz targets, $time each"
