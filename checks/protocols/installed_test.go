package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/internal/testkit"
)

// serveAfter runs an installed server until the test ends, after a piece of shell that prepares what only the server sees: its /etc,
// /var and /run.
func serveAfter(t *testing.T, address string, server testkit.Binary, prepare string, args ...string) {
	t.Helper()
	shell := server
	shell.Path = "/bin/sh"
	testkit.Serve(t, address, shell, append([]string{"-euc", prepare + "\n" + `exec "$0" "$@"`, server.Path}, args...)...)
}
