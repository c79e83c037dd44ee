#!/usr/bin/env bash
# web.sh [check]: builds the pages' scripts and styles; with `check` also runs the type checker.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd dashboards/web

# node_modules is as good as the lock file it was made from.
if ! cmp -s package-lock.json node_modules/.made-from; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.made-from
fi
npm run --silent build
[ "${1:-}" != check ] || npm run --silent check
