#!/usr/bin/env bash
# e2e.sh: starts dialtone on this machine in a folder of its own, lets a browser look at its pages, ends it.
# CHROMIUM and BASE_URL, when set, name another browser and a dialtone that runs already.
set -euo pipefail
. "$(dirname "$0")/env.sh"

export CHROMIUM=${CHROMIUM:-$PWD/scripts/chromium}
"$CHROMIUM" --version >/dev/null || die "no browser: see the line above"

if [ -z "${BASE_URL:-}" ]; then
  dir=$(mktemp -d)
  bin/dialtone up --dir "$dir/state" --listen 127.0.0.1:0 >"$dir/log" 2>&1 &
  dialtone=$!
  trap 'kill "$dialtone" 2>/dev/null && wait "$dialtone" || true; rm -rf "$dir"' EXIT
  for _ in $(seq 300); do
    BASE_URL=$(grep -oE -m1 'https?://127\.0\.0\.1:[0-9]+' "$dir/log" || true)
    [ -z "$BASE_URL" ] || break
    kill -0 "$dialtone" 2>/dev/null || die "dialtone ended: $(cat "$dir/log")"
    sleep 0.1
  done
  [ -n "$BASE_URL" ] || die "dialtone printed no address within 30 s: $(cat "$dir/log")"
  export BASE_URL
fi
cd dashboards/web
npm run --silent e2e
