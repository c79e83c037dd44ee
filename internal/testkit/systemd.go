package testkit

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

//go:embed systemd.sh
var systemdScript string

// SystemdManager is a real systemd that manages the units of one folder, beside whatever runs the machine. Its processes are
// processes of the machine: their ids mean the same to the test.
type SystemdManager struct {
	Units string // put unit files here, then Run(t, "daemon-reload")

	systemctl Binary
	env       map[string]string
	group     string // name of its control group
	dir       string
	ready     bool // it answered once
}

// Systemd starts a systemd that runs until the test ends. It needs root, to make namespaces; a test without is skipped.
func Systemd(t testing.TB) *SystemdManager {
	t.Helper()
	manager := Program(t, "systemd", "systemd")
	if os.Geteuid() != 0 {
		t.Skip("needs a real systemd: only root may make the namespaces it runs in")
	}
	s := &SystemdManager{
		systemctl: Program(t, "systemd", "systemctl"), dir: t.TempDir(),
		group: fmt.Sprintf("dialtone-test-%d-%d", os.Getpid(), time.Now().UnixNano()),
	}
	s.Units = filepath.Join(s.dir, "units")
	run := filepath.Join(s.dir, "run")
	s.env = map[string]string{
		"LD_LIBRARY_PATH":   manager.Env["LD_LIBRARY_PATH"],
		"HOME":              s.dir,
		"XDG_RUNTIME_DIR":   run,
		"SYSTEMD_UNIT_PATH": s.Units + ":" + filepath.Join(manager.Root, "usr/lib/systemd/user"),
	}
	for _, dir := range []string{s.Units, run} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatalf("%v", err)
		}
	}
	s.start(t, manager)
	return s
}

func (s *SystemdManager) start(t testing.TB, manager Binary) {
	t.Helper()
	p, err := command.Start(command.Spec{
		Argv: []string{"/usr/bin/unshare", "--mount", "/bin/sh", "-c", systemdScript, "systemd.sh", s.dir, manager.Root, s.group},
		Env:  s.env,
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { s.end(t, p) })
	err = poll(patience, func() error {
		select {
		case <-p.Ended():
			return nil
		default:
		}
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(s.env["XDG_RUNTIME_DIR"], "systemd", "private"))
		if err != nil {
			return err // the socket's file is there a moment before anybody listens on it
		}
		s.ready = true
		return conn.Close()
	})
	if !s.ready {
		t.Skipf("needs a real systemd: it did not start (%v): %s", err, p.Output())
	}
}

// Argv is a line that runs systemctl on this manager from anywhere, for the control file under test.
func (s *SystemdManager) Argv(args ...string) []string {
	argv := []string{"/usr/bin/env"}
	for _, name := range []string{"LD_LIBRARY_PATH", "XDG_RUNTIME_DIR"} {
		argv = append(argv, name+"="+s.env[name])
	}
	return append(append(argv, s.systemctl.Path, "--user", "--no-pager"), args...)
}

// Run runs systemctl and returns its output without the space around it. The test fails when systemctl does.
func (s *SystemdManager) Run(t testing.TB, args ...string) string {
	t.Helper()
	argv := s.Argv(args...)
	r, err := command.Run(t.Context(), command.Spec{Argv: argv, Timeout: patience})
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("systemctl %s: exit status %d, error %v\n%s", strings.Join(args, " "), r.ExitCode, err, r.Output)
	}
	return strings.TrimSpace(r.Output)
}

// Environment is what a program needs to find this manager through libsystemd or D-Bus' private socket.
func (s *SystemdManager) Environment() map[string]string { return maps.Clone(s.env) }

// end stops the manager, then whatever is left in its control group, then removes the group, which nobody else would.
func (s *SystemdManager) end(t testing.TB, p *command.Process) {
	t.Helper()
	p.Stop(time.Second)
	err := poll(patience, func() error {
		left := s.members()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(left) > 0 {
			return fmt.Errorf("processes %v of a systemd under test still run", left)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	if s.ready {
		s.removeGroup(t)
	}
}

const removeGroupScript = `mkdir -p "$1" && mount -t cgroup2 cgroup2 "$1" && find "$1/$2" -depth -type d -exec rmdir {} +`

func (s *SystemdManager) removeGroup(t testing.TB) {
	t.Helper()
	r, err := command.Run(context.WithoutCancel(t.Context()), command.Spec{
		Argv: []string{"/usr/bin/unshare", "--mount", "/bin/sh", "-c", removeGroupScript, "sh", filepath.Join(s.dir, "cgroup"), s.group},
	})
	if err != nil || r.ExitCode != 0 {
		t.Errorf("removing the control group %s: exit status %d, error %v: %s", s.group, r.ExitCode, err, r.Output)
	}
}

func (s *SystemdManager) members() []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	var found []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		pid, numberErr := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && numberErr == nil && bytes.Contains(text, []byte("/"+s.group)) {
			found = append(found, pid)
		}
	}
	return found
}
