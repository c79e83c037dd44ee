#!/usr/bin/env bash
# check.sh: everything CI asks for, in numbered steps. All of them run, so that one look shows all that is wrong; only missing
# tools end it at once. Nothing is installed, the tree stays as it was, and no process is left behind.
set -euo pipefail
. "$(dirname "$0")/env.sh"

step=0 failures=()
tree_before=$(git status --porcelain 2>/dev/null || true)
# Tests and what they start live below this folder, which is how what they leave behind is told from the machine's own.
TMPDIR=$(mktemp -d /tmp/dt.XXXXXX)
chmod 711 "$TMPDIR" # servers under test serve as users of their own
export TMPDIR
trap 'end_strays "$TMPDIR" >/dev/null || true; remove_tree "$TMPDIR"' EXIT

run() {
  local title=$1 began=$SECONDS
  shift
  step=$((step + 1))
  printf '\n== %d. %s\n' "$step" "$title"
  if "$@"; then
    printf '   ok, %d s\n' $((SECONDS - began))
  else
    printf '   FAILED, %d s\n' $((SECONDS - began))
    failures+=("$step. $title")
  fi
}

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

tools() {
  local go node want
  want=$(awk '$1 == "go" { print $2 }' go.mod)
  go=$(go env GOVERSION 2>/dev/null) || die "no go command; install Go $want or newer"
  at_least "$want" "${go#go}" || die "Go $want or newer is needed; this is ${go#go}"
  node=$(node --version 2>/dev/null) || die "no node command; install Node 20 or newer"
  at_least 20 "${node#v}" || die "Node 20 or newer is needed; this is ${node#v}"
  command -v npm >/dev/null || die "no npm command; it comes with Node"
  printf '   %s, node %s, %s cores\n' "$go" "$node" "$(nproc)"
}

# Without the packages the rest still says something; which tests it cannot say anything about stands in its last lines.
packages() {
  local name missing=()
  rm -f "$DIALTONE_CACHE"/debian/*/*.failed
  for name in $(awk '!/^#/ && NF > 1 && $1 != "compiler" && $1 != "exporter" { print $1 }' scripts/packages.txt); do
    if scripts/debian-root.sh "$name" >/dev/null; then continue; fi
    missing+=("$name")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    printf '   not to be had here, and what needs it is skipped: %s\n' "${missing[*]}"
  else
    export DIALTONE_REQUIRE_REAL=1
  fi
}

format() {
  local unformatted
  unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)
  [ -z "$unformatted" ] || { printf '   not formatted; run gofmt -w:\n%s\n' "$unformatted"; return 1; }
  CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath" go vet ./...
}

go_tests() { scripts/test.sh ./... | tee "$TMPDIR/go-test"; }

unchanged_tree() {
  local after
  after=$(git status --porcelain 2>/dev/null || true)
  [ "$after" = "$tree_before" ] || { printf '   the run changed the tree:\n%s\n' "$(diff <(echo "$tree_before") <(echo "$after") || true)"; return 1; }
}

# What still names the run's own folder in its command line was started by the run.
no_process_left() { end_strays "$TMPDIR"; }

run "tools" tools
run "servers and browser for the tests, unpacked into ${DIALTONE_CACHE/#$HOME/\~}" packages
run "pages: scripts, styles, types" scripts/web.sh check
run "gofmt and go vet" format
run "binaries" make --no-print-directory build
run "golangci-lint" scripts/lint.sh
run "go test -race ./..." go_tests
run "a browser looks at the pages" scripts/e2e.sh
run "fuzzing" scripts/fuzz.sh "${FUZZTIME:-2s}" light
run "the tree is as it was" unchanged_tree
run "no process is left" no_process_left

printf '\n%d steps in %d s, %d failed\n' "$step" "$SECONDS" "${#failures[@]}"
grep -E '^(ok  |FAIL|skipped |[0-9]+ passed, )' "$TMPDIR/go-test" || true
[ ${#failures[@]} -eq 0 ] || { printf 'failed: %s\n' "${failures[@]}"; exit 1; }
