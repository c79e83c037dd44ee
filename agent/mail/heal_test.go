package mail

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// only hands an agent's events to mail.
type only struct{ *Mailer }

func (only) Samples([]dialtone.Sample)  {}
func (only) Status(dialtone.NodeStatus) {}

// sleeper is a service whose process sleeps.
func sleeper(t *testing.T) (s *control.Service, pid func() int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sleeper.pid")
	script := fmt.Sprintf("setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! > %s", path)
	pid = func() int {
		text, _ := os.ReadFile(path) // not there yet: no process
		n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return n
	}
	t.Cleanup(func() {
		if n := pid(); n > 1 {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	})
	return &control.Service{
		Pos: control.Position{File: "/etc/dialtone.conf", Line: 3, Col: 1}, Kind: "process", Name: "sleeper", Pidfile: path,
		Start: &control.Command{Text: script, Argv: []string{"/bin/sh", "-c", script}},
		Stop:  &control.Command{Text: "/bin/true", Argv: []string{"/bin/true"}},
	}, pid
}

// restart kills the process and returns how long it was away; zero when it never came back.
func restart(t *testing.T, pid func() int) time.Duration {
	t.Helper()
	old := pid()
	began := time.Now()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if now := pid(); now == old || now == 0 || syscall.Kill(now, 0) != nil {
			return fmt.Errorf("process %d is not replaced", old)
		}
		return nil
	})
	return time.Since(began)
}

// TestADeafMailServerDelaysNoHeal runs a real agent whose every mail goes to a server that accepts and says nothing.
func TestADeafMailServerDelaysNoHeal(t *testing.T) {
	spec, pid := sleeper(t)
	file := &control.File{Path: "/etc/dialtone.conf", Services: []*control.Service{spec}}
	file.Settings.Interval = time.Second
	file.Settings.Budget = control.Budget{PerHour: 100, PerDay: 100, Backoff: time.Millisecond}
	file.Settings.Alerts = []*control.MailAlert{everything("ada@example.com")}
	file.Settings.Mail = control.MailServers{Servers: []*control.MailServer{{Host: "127.0.0.1", Port: deafServer(t)}}, Timeout: time.Minute}
	db := openDB(t, filepath.Join(t.TempDir(), "state.db"))
	m, err := New(Config{File: func() *control.File { return file }, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(agent.Config{
		File: file, DB: db, Uplink: only{m}, Node: dialtone.Node{Name: "web1"}, AgentID: "agent", BootID: "boot", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	sending, stop := context.WithCancel(context.Background())
	go func() { ended <- m.Run(sending) }()
	go func() { ended <- a.Run(ctx) }()
	testkit.Eventually(t, 20*time.Second, func() error {
		if s := a.Status().Services[0]; s.State != dialtone.OK {
			return fmt.Errorf("sleeper is %s: %s", s.State, s.Why)
		}
		return nil
	})
	testkit.Eventually(t, 20*time.Second, func() error {
		if m.Stats().Waiting == 0 {
			return fmt.Errorf("no mail waits")
		}
		return nil
	})
	for range 3 {
		took := restart(t, pid)
		t.Logf("restarted %s after its death, with %d messages waiting", took.Round(time.Millisecond), m.Stats().Waiting)
		if took > 5*time.Second {
			t.Errorf("a heal waited %s", took)
		}
		testkit.Eventually(t, 20*time.Second, func() error {
			if s := a.Status().Services[0]; s.State != dialtone.OK || s.PID != pid() {
				return fmt.Errorf("sleeper is %s: %s", s.State, s.Why)
			}
			return nil
		})
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	began := time.Now()
	stop()
	if err := <-ended; err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("mail ended %s after the agent: %v", time.Since(began), err)
	}
}
