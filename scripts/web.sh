#!/usr/bin/env bash
# web.sh [check]: bundles the pages' scripts and styles; with `check` also runs the type checker.
set -euo pipefail
. "$(dirname "$0")/env.sh"

# node_modules is as good as the lock file it was made from.
if ! cmp -s dashboards/web/package-lock.json dashboards/web/node_modules/.made-from; then
  (cd dashboards/web && npm ci --no-audit --no-fund --loglevel=error)
  cp dashboards/web/package-lock.json dashboards/web/node_modules/.made-from
fi
CGO_ENABLED=0 go run -trimpath ./dashboards/web/build
[ "${1:-}" != check ] || (cd dashboards/web && npm run --silent check)
