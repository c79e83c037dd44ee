package agent

import (
	"fmt"
	"maps"
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
	"github.com/dialtone/dialtone/internal/systemctl"
	"github.com/dialtone/dialtone/internal/testkit"
)

// unitWorld is an agent that watches units of a real systemd.
type unitWorld struct {
	*world
	t       *testing.T
	systemd *testkit.SystemdManager
	agent   *Agent
}

// newUnitWorld starts the units, and an agent that watches a process with each.
func newUnitWorld(t *testing.T, units map[string]string) *unitWorld {
	t.Helper()
	var text strings.Builder
	for name := range units {
		fmt.Fprintf(&text, "check process %s with unit %s.service\n", name, name)
	}
	return newUnitWorldOf(t, units, text.String())
}

// newUnitWorldOf starts the units, and an agent with checks that bear their names.
func newUnitWorldOf(t *testing.T, units map[string]string, written string) *unitWorld {
	t.Helper()
	w := &unitWorld{world: newWorld(), t: t, systemd: testkit.Systemd(t)}
	t.Cleanup(systemctl.Use(w.systemd.Argv()))
	text := "set daemon 1\nset heal budget 100 per hour with backoff 1 second\n" + written
	for name, unit := range units {
		if err := os.WriteFile(filepath.Join(w.systemd.Units, name+".service"), []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.systemd.Run(t, "daemon-reload")
	for name := range units {
		w.systemd.Run(t, "start", name+".service")
	}
	f, err := control.Parse("units.conf", []byte(text), checks.Vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	c := w.config(t, f)
	c.NewHand, c.NewCheck, c.Watch = nil, nil, nil
	a, end := begin(t, c)
	t.Cleanup(end)
	w.agent = a
	for waiting := maps.Clone(units); len(waiting) > 0; {
		e := w.await("all are well", func(e dialtone.Event) bool { return waiting[e.Service] != "" && e.To == dialtone.OK })
		delete(waiting, e.Service)
	}
	return w
}

// await returns the first event that is meant, and forgets it and what came before.
func (w *unitWorld) await(what string, meant func(dialtone.Event) bool) dialtone.Event {
	w.t.Helper()
	late := time.After(time.Minute)
	for {
		w.mu.Lock()
		for i, e := range w.events {
			if meant(e) {
				w.events = w.events[i+1:]
				w.mu.Unlock()
				return e
			}
		}
		w.mu.Unlock()
		select {
		case <-w.told:
		case <-late:
			w.t.Fatalf("%s: not among %q", what, w.story())
		}
	}
}

func (w *unitWorld) property(unit, name string) string {
	w.t.Helper()
	return w.systemd.Run(w.t, "show", "--property="+name, "--value", unit)
}

// validate looks at everything once more.
func (w *unitWorld) validate() {
	w.t.Helper()
	if err := w.agent.Validate(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// kill ends the main process of a unit as no daemon expects it.
func (w *unitWorld) kill(unit string) int {
	w.t.Helper()
	pid, err := strconv.Atoi(w.property(unit, "MainPID"))
	if err != nil || pid <= 1 {
		w.t.Fatalf("the main process of %s is %d: %v", unit, pid, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
	return pid
}

// lines counts the lines of a file.
func (w *unitWorld) lines(dir, name string) int {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func healOf(service string, outcome dialtone.HealOutcome) func(dialtone.Event) bool {
	return func(e dialtone.Event) bool {
		return e.Kind == dialtone.EventHeal && e.Service == service && e.Heal.Outcome == outcome
	}
}

func TestAUnitIsHealedAndAPersonIsNotFought(t *testing.T) {
	w := newUnitWorld(t, map[string]string{"tone": "[Service]\nExecStart=/bin/sleep 600\n"})
	first := w.kill("tone.service")
	h := w.await("the heal", healOf("tone", dialtone.Healed)).Heal
	if h.Seen != "unit tone.service has failed (signal)" || !strings.HasSuffix(h.Command, " start tone.service") || h.ExitCode != 0 {
		t.Errorf("healed by %+v", h)
	}
	w.await("it is well again", func(e dialtone.Event) bool { return e.To == dialtone.OK })
	w.validate()
	if now := statusOf(w.agent, "tone").PID; now == 0 || now == first || strconv.Itoa(now) != w.property("tone.service", "MainPID") {
		t.Errorf("process %d took the place of %d", now, first)
	}
	if kept, err := w.agent.journal.Heals("tone", 10); err != nil || len(kept) != 1 || kept[0].Outcome != dialtone.Healed {
		t.Errorf("the journal holds %+v: %v", kept, err)
	}

	w.systemd.Run(t, "stop", "tone.service")
	w.await("the stop is told", func(e dialtone.Event) bool {
		return e.To == dialtone.Unknown && strings.Contains(e.Why, "was stopped and did not fail")
	})
	w.validate()
	w.validate()
	if state := w.property("tone.service", "ActiveState"); state != "inactive" {
		t.Errorf("a person stopped the unit, and it is %s", state)
	}
	for _, line := range w.story() {
		t.Errorf("told of a unit that was stopped: %s", line)
	}
	w.systemd.Run(t, "start", "tone.service")
	w.await("the start is seen", func(e dialtone.Event) bool { return e.To == dialtone.OK })
}

// TestAUnitAtItsStartLimit: systemd refuses to start it, which a heal must take for what it is.
func TestAUnitAtItsStartLimit(t *testing.T) {
	w := newUnitWorld(t, map[string]string{
		"limited": "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=1\n[Service]\nExecStart=/bin/sleep 600\n",
	})
	w.kill("limited.service")
	h := w.await("the heal fails", healOf("limited", dialtone.HealFailed)).Heal
	if h.ExitCode == 0 || !strings.Contains(h.Output, "limited.service") {
		t.Errorf("failed with %+v", h)
	}
	w.systemd.Run(t, "reset-failed", "limited.service")
	w.systemd.Run(t, "start", "limited.service")
	w.await("a person brings it back", func(e dialtone.Event) bool { return e.To == dialtone.OK })
}

// TestAnotherSupervisorIsNotFought: systemd starts the process again by itself, and the agent neither ends it again nor starts a second,
// whether the control file names the unit or a pidfile, and though its own programs would do both.
func TestAnotherSupervisorIsNotFought(t *testing.T) {
	dir := t.TempDir()
	unit := func(name string) string {
		return fmt.Sprintf("[Service]\nRestart=always\nRestartSec=300ms\nExecStart=/bin/sh -c 'echo $$$$ >>%[1]s/%[2]s.starts; echo $$$$ >%[1]s/%[2]s.pid; exec sleep 600'\n", dir, name)
	}
	systemd := `/usr/bin/touch ` + dir + `/healed`
	w := newUnitWorldOf(t, map[string]string{"byunit": unit("byunit"), "bypidfile": unit("bypidfile")}, `
check process byunit with unit byunit.service
check process bypidfile with pidfile `+dir+`/bypidfile.pid
  start program = "`+systemd+`"
  restart program = "`+systemd+`"
`)
	for _, name := range []string{"byunit", "bypidfile"} {
		before := w.kill(name + ".service")
		testkit.Eventually(t, 20*time.Second, func() error {
			w.validate()
			s := statusOf(w.agent, name)
			if s.State != dialtone.OK || s.PID == 0 || s.PID == before || w.lines(dir, name+".starts") < 2 {
				return fmt.Errorf("%s is %s as process %d: %s", name, s.State, s.PID, s.Why)
			}
			return nil
		})
		w.validate()
		if n := w.lines(dir, name+".starts"); n != 2 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.systemd.Run(t, "restart", "bypidfile.service") // as a person does, or an upgrade
	w.validate()
	if s := statusOf(w.agent, "bypidfile"); s.State != dialtone.OK || strconv.Itoa(s.PID) != w.property("bypidfile.service", "MainPID") {
		t.Errorf("after a restart by somebody else it is %s as process %d: %s", s.State, s.PID, s.Why)
	}
	if _, err := os.Stat(filepath.Join(dir, "healed")); err == nil {
		t.Error("the agent restarted what systemd restarts")
	}
}
