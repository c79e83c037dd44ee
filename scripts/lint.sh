#!/usr/bin/env bash
# lint.sh [PACKAGE...]: runs the golangci-lint that tools/go.mod pins. It is built once (about four minutes) and kept in the cache.
set -euo pipefail
. "$(dirname "$0")/env.sh"

key=$(cat tools/go.sum <(go env GOVERSION GOARCH) | sha256sum | cut -c1-16)
linter=$DIALTONE_CACHE/bin/golangci-lint-$key
if [ ! -x "$linter" ]; then
  mkdir -p "$DIALTONE_CACHE/bin"
  echo "building golangci-lint, once" >&2
  go -C tools build -o "$linter.$$" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
  mv "$linter.$$" "$linter"
fi
# The same settings as `make build`, so that what it compiles is compiled already.
GOLANGCI_LINT_CACHE=$DIALTONE_CACHE/lint CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath" exec "$linter" run "$@"
