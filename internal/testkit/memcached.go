package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// MemcachedServer is a real memcached with 8 MiB of memory and one thread.
type MemcachedServer struct {
	Daemon
	Port int
}

// Memcached prepares a memcached; Start, or somebody who watches it, starts it.
func Memcached(t testing.TB) *MemcachedServer {
	t.Helper()
	bin := Program(t, "memcached", "memcached")
	dir, port := t.TempDir(), FreePort(t)
	pidfile := filepath.Join(dir, "memcached.pid")
	args := []string{"-d", "-P", pidfile, "-l", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "0", "-m", "8", "-t", "1"}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "root") // it refuses to run as root unless told
	}
	m := &MemcachedServer{Port: port, Daemon: Daemon{
		Address: fmt.Sprintf("127.0.0.1:%d", port), PIDFile: pidfile, Dir: dir, cmdline: pidfile,
		StartArgv: bin.Argv(args...), StopArgv: []string{"/bin/sh", "-c", "kill $(cat " + pidfile + ")"},
	}}
	m.endAtCleanup(t)
	return m
}
