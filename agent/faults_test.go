package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// TestACheckThatHangsDelaysNothing: it is Unknown, it is not started again, and the others go on; when it comes back, it is used.
func TestACheckThatHangsDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nfs", "nginx")
		hangs := make(chan struct{})
		w.things["nfs"].hangs = hangs
		a, end := begin(t, w.config(t, file(process("nfs"), process("nginx"))))
		defer end()
		pass(time.Minute)
		if s := statusOf(a, "nfs"); s.State != dialtone.Unknown || s.Why != "the check did not answer within 10s" {
			t.Errorf("nfs is %s: %s", s.State, s.Why)
		}
		w.mu.Lock()
		stuck, busy := w.things["nfs"].runs, w.things["nginx"].runs
		w.mu.Unlock()
		if stuck != 1 || busy < 10 {
			t.Errorf("the check that hangs was run %d times, the other %d times", stuck, busy)
		}
		w.kill("nginx")
		synctest.Wait()
		expectActs(t, w, "start nginx")
		w.change("nfs", func(t *thing) { t.hangs = nil })
		close(hangs)
		pass(6 * time.Second)
		if s := statusOf(a, "nfs"); s.State != dialtone.OK {
			t.Errorf("nfs came back as %s: %s", s.State, s.Why)
		}
	})
}

func TestACheckThatCannotLookIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		a, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.change("nginx", func(t *thing) { t.err = errors.New("reading /proc: permission denied") })
		pass(time.Minute)
		expectStory(t, w, "nginx ok→unknown")
		expectActs(t, w)
		w.change("nginx", func(t *thing) { t.err, t.panics = nil, true })
		pass(6 * time.Second)
		if s := statusOf(a, "nginx"); s.State != dialtone.Unknown {
			t.Errorf("a check that breaks left %+v", s)
		}
		w.change("nginx", func(t *thing) { t.panics = false })
		pass(6 * time.Second)
		expectStory(t, w, "nginx ok→unknown", "nginx unknown→ok")
	})
}

func TestAServiceThatCannotBeCheckedHereIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("good", "bad")
		c := w.config(t, file(process("good"), process("bad")))
		c.NewCheck = func(s *control.Service) (checks.Check, error) {
			if s.Name == "bad" {
				return nil, errors.New("/etc/dialtone.conf:7:1: user nobody-here not found")
			}
			return fakeCheck{w, s.Name}, nil
		}
		a, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		if s := statusOf(a, "bad"); s.State != dialtone.Unknown || !strings.Contains(s.Why, "nobody-here") {
			t.Errorf("bad is %+v", s)
		}
		expectStoryUnordered(t, w, "bad unknown→unknown", "good unknown→ok")
		if s := statusOf(a, "good"); s.State != dialtone.OK {
			t.Errorf("good is %+v", s)
		}
	})
}

// TestAStartProgramThatNeverReturns runs a real one: it is killed at its time-out, and the heal failed.
func TestAStartProgramThatNeverReturns(t *testing.T) {
	s := &control.Service{Kind: "process", Name: "slow", Start: &control.Command{
		Text: "sleep", Argv: []string{"/bin/sleep", "300"}, Timeout: 200 * time.Millisecond,
	}}
	w := newWorld("slow")
	w.things["slow"].up = false
	c := w.config(t, file(s))
	c.NewHand = func(f *control.File) (healers.Hand, error) { return healers.NewHand(f) }
	_, end := begin(t, c)
	defer end()
	waitFor(t, w, "slow restart failed")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Heal != nil && e.Heal.Outcome == dialtone.HealFailed && !strings.Contains(e.Heal.Reason, "did not end within") {
			t.Errorf("failed because %q", e.Heal.Reason)
		}
	}
}

// TestAClockThatJumps: the times that a heal goes by may lie in the past or the future of the clock; neither stops healing for long.
func TestAClockThatJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": 24 * time.Hour, "back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("nginx")
				c := w.config(t, file(process("nginx")))
				journal, err := healers.OpenJournal(c.DB)
				if err != nil {
					t.Fatal(err)
				}
				then := time.Now().Add(-jump) // the clock has moved by jump since
				if err := journal.SetAccount("nginx", healers.Account{Acts: []time.Time{then}, InARow: 1, Next: then.Add(5 * time.Second)}); err != nil {
					t.Fatal(err)
				}
				_, end := begin(t, c)
				defer end()
				pass(6 * time.Second)
				w.kill("nginx")
				pass(13 * time.Minute)
				expectActs(t, w, "start nginx")
			})
		})
	}
}

func TestStoppingWaitsForAHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf = true
		_, end := begin(t, w.config(t, file(process("nginx"))))
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(time.Second)
		go func() {
			<-time.After(3 * time.Second)
			w.change("nginx", func(t *thing) { t.up = true })
		}()
		end()
		expectStory(t, w, "nginx ok→critical healing", "nginx restart running", "nginx restart healed")
	})
}

func TestAHealThatOutlivesTheAgentStaysInTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf = true
		c := w.config(t, file(process("nginx")))
		_, end := begin(t, c)
		pass(6 * time.Second)
		w.kill("nginx")
		pass(time.Second)
		end()
		journal, err := healers.OpenJournal(c.DB)
		if err != nil {
			t.Fatal(err)
		}
		if open, err := journal.Unfinished(); err != nil || len(open) != 1 {
			t.Errorf("unfinished: %v, %v", open, err)
		}
	})
}
