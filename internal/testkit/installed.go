package testkit

import (
	_ "embed"
	"os"
	"strings"
	"testing"
)

//go:embed installed.sh
var installedScript string

// Installed is Program for servers that insist on the paths they were compiled for, or on a user of their own: it runs in a view
// of the machine in which the packages are installed and users exist, and which ends with it. The view has the machine's network
// and its /tmp. It needs root, to make namespaces; a test without is skipped.
func Installed(t testing.TB, pkg, name string, users ...string) Binary {
	t.Helper()
	b := Program(t, pkg, name)
	if os.Geteuid() != 0 {
		t.Skipf("needs a real %s: only root may make the namespaces it runs in", name)
	}
	path := strings.TrimPrefix(b.Path, b.Root)
	if !strings.HasPrefix(path, "/usr/") {
		path = "/usr" + path
	}
	b.Inside = []string{
		"/usr/bin/unshare", "--mount", "--pid", "--kill-child", "--mount-proc",
		"/bin/sh", "-c", installedScript, "installed.sh", t.TempDir(), b.Root, strings.Join(users, " "),
	}
	b.Path, b.Env = path, nil
	return b
}

// Serve runs a program in the foreground until the test ends, and waits until it accepts connections at address, HOST:PORT or the
// path of a Unix socket.
func Serve(t testing.TB, address string, b Binary, args ...string) {
	t.Helper()
	startServer(t, address, b.Spec(args...))
}
