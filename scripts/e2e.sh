#!/usr/bin/env bash
# e2e.sh: lets a browser look at the pages: of a made-up fleet in every state, then of a dialtone that watches this machine and has
# one real incident, since it also watches a port on which nobody listens.
# CHROMIUM and BASE_URL, when set, name another browser and a dialtone that runs already.
set -euo pipefail
. "$(dirname "$0")/env.sh"

export CHROMIUM=${CHROMIUM:-$PWD/scripts/chromium} NODE_OPTIONS="${NODE_OPTIONS:-} --test-reporter=spec"
"$CHROMIUM" --version >/dev/null || die "no browser; the line above says why"

# node --test is content with no test at all.
compgen -G 'dashboards/web/e2e/*.test.mjs' >/dev/null || die "no browser tests in dashboards/web/e2e"

look() { (cd dashboards/web && npm run --silent e2e); }

[ -z "${BASE_URL:-}" ] || { look; exit; }
look

dir=$(mktemp -d)
mkdir "$dir/state"
cat >"$dir/state/dialtone.conf" <<CONTROL
set daemon 5
set statefile $dir/state/state
check system \$HOST
    if memory > 99% then alert
check filesystem root with path /
    if space > 99% then alert
check process e2e matching "scripts/e2e.sh"
    if cpu > 100% for 60 cycles then alert
check host nobody with address 127.0.0.1
    if failed port 1 then alert
CONTROL
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
look
