package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
	"github.com/dialtone/dialtone/internal/testkit"
)

// daemonWorld is an agent with one process by its pidfile, and a start program that makes a real one.
type daemonWorld struct {
	*world
	agent   *Agent
	pidfile string
}

func newDaemonWorld(t *testing.T, pid int, written time.Time) *daemonWorld {
	t.Helper()
	dir := t.TempDir()
	w := &daemonWorld{world: newWorld(), pidfile: filepath.Join(dir, "daemon.pid")}
	start := filepath.Join(dir, "start")
	script := fmt.Sprintf("#!/bin/sh\n/bin/sleep 600 >/dev/null 2>&1 &\necho $! >%s\n", w.pidfile)
	if err := os.WriteFile(start, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.pidfile, fmt.Appendf(nil, "%d\n", pid), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(w.pidfile, written, written); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("set daemon 1\ncheck process daemon with pidfile %s\n  start program = %q\n", w.pidfile, start)
	f, err := control.Parse("daemon.conf", []byte(text), checks.Vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	c := w.config(t, f)
	c.NewHand, c.NewCheck, c.Watch = nil, nil, nil
	a, end := begin(t, c)
	w.agent = a
	t.Cleanup(func() {
		end()
		if text, err := os.ReadFile(w.pidfile); err == nil {
			if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid > 1 && pid != os.Getpid() {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	return w
}

// healed waits for the heal and checks that another process runs now.
func (w *daemonWorld) healed(t *testing.T, before int, seen string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		if s := statusOf(w.agent, "daemon"); s.State != dialtone.OK || s.PID == 0 || s.PID == before {
			return fmt.Errorf("it is %s as process %d: %s; %q", s.State, s.PID, s.Why, w.story())
		}
		return nil
	})
	kept, err := w.agent.journal.Heals("daemon", 10)
	if err != nil || len(kept) != 1 || !strings.Contains(kept[0].Seen, seen) {
		t.Errorf("healed by %+v, %v", kept, err)
	}
}

// sleeper starts a program that does nothing.
func sleeper(t *testing.T, seconds string) *os.Process {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", seconds}, &os.ProcAttr{Files: []*os.File{null, null, null}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		_, _ = p.Wait() // it may have been waited for
	})
	return p
}

// TestAPermanentZombieIsRestarted: Monit says in each cycle that it is one, and never starts it.
func TestAPermanentZombieIsRestarted(t *testing.T) {
	zombie := sleeper(t, "0") // this test is its parent, and does not ask how it ended
	testkit.Eventually(t, 10*time.Second, func() error {
		if s, err := proc.ReadStat("/proc", zombie.Pid); err != nil || !s.Dead() {
			return fmt.Errorf("it is %+v, %w", s, err)
		}
		return nil
	})
	w := newDaemonWorld(t, zombie.Pid, time.Now())
	w.healed(t, zombie.Pid, fmt.Sprintf("process %d (sleep) has ended", zombie.Pid))
}

// TestAStalePidfileIsNotRunning: its number belongs to another program now, which Monit takes for the daemon. The other is left alone.
func TestAStalePidfileIsNotRunning(t *testing.T) {
	other := sleeper(t, "600")
	w := newDaemonWorld(t, other.Pid, time.Now().Add(-time.Hour))
	w.healed(t, other.Pid, fmt.Sprintf("is stale: process %d is now sleep", other.Pid))
	if s, err := proc.ReadStat("/proc", other.Pid); err != nil || s.Dead() {
		t.Errorf("the program that has the number now was ended: %+v, %v", s, err)
	}
}
