#!/usr/bin/env bash
# demo.sh: a real nginx and memcached under dialtone: they are killed and broken, and each step is told as it happens. The pages
# stay open for DIALTONE_DEMO (10m); Ctrl-C ends everything.
set -euo pipefail
. "$(dirname "$0")/env.sh"

# Without the real servers there is nothing to see, so that is a failure and no reason to skip.
export DIALTONE_DEMO=${DIALTONE_DEMO:-10m} DIALTONE_REQUIRE_REAL=1
TMPDIR=$(mktemp -d /tmp/dt.XXXXXX)
export TMPDIR

demo=
finish() {
  trap '' INT TERM
  [ -z "$demo" ] || kill -KILL "$demo" 2>/dev/null || true
  [ -z "$demo" ] || wait "$demo" 2>/dev/null || true
  end_strays "$TMPDIR" >/dev/null || true
  remove_tree "$TMPDIR"
}
trap finish EXIT
trap 'printf "\nended, and every server with it\n"; exit 0' INT TERM

echo "unpacking nginx, memcached, exim and a browser into ${DIALTONE_CACHE/#$HOME/\~}, once"
for name in nginx memcached exim chromium; do scripts/debian-root.sh "$name" >/dev/null; done
echo "compiling the demo"
go test -c -o "$TMPDIR/demo" ./cmd/dialtone

# In the background, so that Ctrl-C reaches this script, which ends the servers too; they left the demo's process group.
(cd cmd/dialtone && exec "$TMPDIR/demo" -test.v -test.run '^TestDemo$') &
demo=$!
wait "$demo"
