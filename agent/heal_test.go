package agent

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
	"github.com/dialtone/dialtone/internal/proc"
)

// pass lets time go by, and everything that it sets off.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func expectStory(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.story()); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}

// expectStoryUnordered is for services that tell side by side.
func expectStoryUnordered(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(w.story()))); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}

func expectActs(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.done()); diff != "" {
		t.Errorf("what was run (-want +got):\n%s", diff)
	}
}

func TestADeathIsHealedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		a, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		expectStory(t, w, "nginx unknown→ok")
		w.forget()

		began := time.Now()
		w.kill("nginx")
		synctest.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("the heal waited %s for the clock", took)
		}
		expectStory(t, w, "nginx ok→critical healing", "nginx restart running", "nginx restart healed", "nginx critical→ok")
		expectActs(t, w, "start nginx")
		if s := statusOf(a, "nginx"); s.State != dialtone.OK || s.PID != 1100 || s.Healing {
			t.Errorf("status %+v", s)
		}
	})
}

func TestADeathThatNobodyTellsIsSeenAtTheNextCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.change("nginx", func(t *thing) { t.up = false })
		pass(6 * time.Second)
		expectActs(t, w, "start nginx")
	})
}

func TestEveryHealLeavesItsEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		synctest.Wait()
		var last *dialtone.Heal
		for _, e := range w.events {
			if e.Heal != nil {
				last = e.Heal
			}
		}
		want := &dialtone.Heal{
			Service: "nginx", Action: "restart", Rule: "/etc/dialtone.conf:1", Seen: "process is not running",
			Command: "/etc/init.d/nginx start", Attempt: 1, Budget: "1 of 3 this hour, 1 of 6 today",
			Outcome: dialtone.Healed, Output: "output of start", ID: last.ID, Started: last.Started, Took: last.Took,
		}
		if diff := cmp.Diff(want, last); diff != "" {
			t.Errorf("heal (-want +got):\n%s", diff)
		}
	})
}

// TestWhatCannotBeHealedIsParked follows a service that never comes up: back-off, the budget's end, one page, and a recovery by itself.
func TestWhatCannotBeHealedIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf, w.things["nginx"].code = true, 1
		a, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(10 * time.Minute)
		expectStory(t, w, "nginx ok→critical healing",
			"nginx restart running", "nginx restart failed", "nginx restart running", "nginx restart failed",
			"nginx restart running", "nginx restart parked")
		expectActs(t, w, "start nginx", "start nginx", "start nginx")
		last := w.events[len(w.events)-1].Heal
		if want := "the program exited with status 1: process is not running; all 3 heals of this hour are spent"; last.Reason != want {
			t.Errorf("parked because %q, want %q", last.Reason, want)
		}
		if s := statusOf(a, "nginx"); !s.Parked || s.State != dialtone.Critical {
			t.Errorf("status %+v", s)
		}

		w.forget()
		pass(3 * time.Hour)
		expectActs(t, w)
		w.change("nginx", func(t *thing) { t.up = true })
		pass(6 * time.Second)
		expectStory(t, w, "nginx critical→ok")
		if statusOf(a, "nginx").Parked {
			t.Error("still parked though its check passes")
		}
	})
}

// TestARestartOfTheAgentUnparksNothing: what is down and was given up stays so, also while its rule has not yet seen enough.
func TestARestartOfTheAgentUnparksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].up = false
		s := process("nginx")
		s.Rules = []*control.Rule{{
			Test: &control.Exist{Wanted: true}, Window: control.Window{Count: 3, Cycles: 3}, Then: control.Action{Kind: control.Restart},
		}}
		c := w.config(t, file(s))
		journal, err := healers.OpenJournal(c.DB)
		if err != nil {
			t.Fatal(err)
		}
		if err := journal.SetAccount("nginx", healers.Account{Parked: "all heals are spent"}); err != nil {
			t.Fatal(err)
		}
		a, end := begin(t, c)
		defer end()
		pass(30 * time.Second)
		expectStory(t, w, "nginx unknown→unknown", "nginx unknown→critical")
		expectActs(t, w)
		if got := statusOf(a, "nginx"); !got.Parked || got.State != dialtone.Critical {
			t.Errorf("status %+v", got)
		}
	})
}

// TestWhatIsLeftOfTheDeadIsNamed: workers that outlive their killed master hold the port, and the start program cannot know.
func TestWhatIsLeftOfTheDeadIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		thing := w.things["nginx"]
		thing.deaf, thing.code = true, 1
		thing.left = map[int][]proc.Stat{thing.pid: {{PID: 311, Comm: "nginx"}, {PID: 312, Comm: "nginx"}}}
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		synctest.Wait()
		want := "restart did not help: the program exited with status 1: process is not running; " +
			"2 processes of the dead one still run and may hold its port: 311 nginx, 312 nginx"
		if got := w.events[len(w.events)-1].Why; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestAFailedStartIsTriedAgainAfterItsBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf, w.things["nginx"].code = true, 1
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		synctest.Wait()
		expectActs(t, w, "start nginx")
		pass(3 * time.Second)
		expectActs(t, w, "start nginx")
		w.change("nginx", func(t *thing) { t.deaf, t.code = false, 0 })
		pass(4 * time.Second) // 5 s and a jitter of a fifth
		expectActs(t, w, "start nginx", "start nginx")
	})
}

func TestASlowStartIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf = true
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(20 * time.Second)
		w.change("nginx", func(t *thing) { t.up = true })
		pass(time.Second)
		expectStory(t, w, "nginx ok→critical healing", "nginx restart running", "nginx restart healed", "nginx critical→ok")
		expectActs(t, w, "start nginx")
	})
}

func TestWithoutAJournalNothingIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		c := w.config(t, file(process("nginx")))
		c.DB = nil
		a, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		want := "nothing is healed: " + healers.ErrNoJournal.Error()
		if got := a.Status().Trouble; got != want {
			t.Errorf("trouble %q, want %q", got, want)
		}
		if e := w.events[0]; e.From != dialtone.OK || e.To != dialtone.Warning || e.Why != "the agent started, but "+want {
			t.Errorf("told first %+v", e)
		}
		w.forget()
		w.kill("nginx")
		pass(time.Minute)
		expectActs(t, w)
		expectStory(t, w, "nginx ok→critical healing", "nginx restart refused")
		if why := w.events[len(w.events)-1].Heal.Reason; why != healers.ErrNoJournal.Error() {
			t.Errorf("refused because %q", why)
		}
	})
}

// TestAHealthyStartEndsTheTroubleOfTheLast: the incident that a start without a journal opened is closed by one that has it.
func TestAHealthyStartEndsTheTroubleOfTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		a, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		if e := w.events[0]; e.From != dialtone.Unknown || e.To != dialtone.OK || a.Status().Trouble != "" {
			t.Errorf("told first %+v, trouble %q", e, a.Status().Trouble)
		}
	})
}

func TestAMissingProgramIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].missing = true
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		synctest.Wait()
		expectStory(t, w, "nginx ok→critical healing", "nginx restart running", "nginx restart failed")
		if why := w.events[len(w.events)-1].Why; why != "restart did not help: program /etc/init.d/nginx not found" {
			t.Errorf("told %q", why)
		}
	})
}

func TestWhatHasNoProgramIsToldOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.Start, s.Stop = nil, nil
		_, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(time.Minute)
		expectStory(t, w, "nginx ok→critical")
	})
}

// TestTheFirstStartIsFree: a service that did not run when its watch began has all of its heals left once it does.
func TestTheFirstStartIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].up = false
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(time.Minute)
		var spent []string
		for range 5 {
			w.kill("nginx")
			pass(6 * time.Minute)
		}
		for _, e := range w.events {
			if e.Heal != nil && e.Heal.Outcome == dialtone.HealRunning {
				spent = append(spent, e.Heal.Budget)
			}
		}
		want := []string{
			"0 of 3 this hour, 0 of 6 today", "1 of 3 this hour, 1 of 6 today", "2 of 3 this hour, 2 of 6 today", "3 of 3 this hour, 3 of 6 today",
		}
		if diff := cmp.Diff(want, spent); diff != "" {
			t.Errorf("budget (-want +got):\n%s", diff)
		}
	})
}

// TestARuleForRestartsReplacesTheBudget: killed more often than the default budget allows, and never often enough for its own rule.
func TestARuleForRestartsReplacesTheBudget(t *testing.T) {
	for _, written := range []control.Budget{{}, {PerHour: 4}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("nginx")
			s := process("nginx")
			s.Limits = []*control.RestartLimit{{Restarts: 3, Cycles: 10, Then: control.Action{Kind: control.Unmonitor}}}
			f := file(s)
			f.Settings.Budget = written
			a, end := begin(t, w.config(t, f))
			defer end()
			for range 8 {
				pass(2 * time.Minute)
				w.kill("nginx")
			}
			pass(time.Minute)
			want := 8
			if written.PerHour > 0 {
				want = written.PerHour
			}
			if got := len(w.done()); got != want {
				t.Errorf("with the budget %+v: healed %d times, want %d; status %+v", written, got, want, statusOf(a, "nginx"))
			}
		})
	}
}

func TestPassiveModeOnlyTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.Mode = "passive"
		_, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(time.Minute)
		expectStory(t, w, "nginx ok→critical")
		expectActs(t, w)
	})
}

// TestDependencies is Monit's trace: p1 depends on p2, that on p3, that on p4.
func TestDependencies(t *testing.T) {
	chain := func() *control.File {
		return file(process("p1", "p2"), process("p2", "p3"), process("p3", "p4"), process("p4"))
	}
	tests := []struct {
		kill string
		want []string
	}{
		{"p3", []string{"stop p1", "stop p2", "start p3", "start p2", "start p1"}},
		{"p1", []string{"start p1"}},
		{"p4", []string{"stop p1", "stop p2", "stop p3", "start p4", "start p3", "start p2", "start p1"}},
	}
	for _, test := range tests {
		t.Run(test.kill, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("p1", "p2", "p3", "p4")
				_, end := begin(t, w.config(t, chain()))
				defer end()
				pass(6 * time.Second)
				w.forget()
				w.kill(test.kill)
				pass(20 * time.Second)
				expectActs(t, w, test.want...)
				expectStory(t, w, test.kill+" ok→critical healing", test.kill+" restart running", test.kill+" restart healed", test.kill+" critical→ok")
			})
		})
	}
}

func TestNothingIsHealedWhileItsDependencyIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("web", "db")
		db := process("db")
		db.Start, db.Stop = nil, nil
		_, end := begin(t, w.config(t, file(process("web", "db"), db)))
		defer end()
		pass(6 * time.Second)
		w.kill("db")
		synctest.Wait()
		w.forget()
		w.kill("web")
		pass(time.Minute)
		expectActs(t, w)
		expectStory(t, w, "web ok→critical healing", "web restart refused")
		w.change("db", func(t *thing) { t.up = true })
		pass(6 * time.Second)
		expectActs(t, w, "start web")
	})
}

func TestAnUnfinishedHealIsClosedAsWhatIsFound(t *testing.T) {
	for _, up := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("nginx")
			w.things["nginx"].up = up
			c := w.config(t, file(process("nginx")))
			journal, err := healers.OpenJournal(c.DB)
			if err != nil {
				t.Fatal(err)
			}
			cut := dialtone.Heal{ID: healers.NewID(time.Now()), Service: "nginx", Action: "restart", Started: time.Now().Add(-time.Minute), Outcome: dialtone.HealRunning}
			if err := journal.Begin(cut, healers.Account{}); err != nil {
				t.Fatal(err)
			}
			_, end := begin(t, c)
			synctest.Wait()
			want := "nginx restart failed"
			if up {
				want = "nginx restart healed"
			}
			if got := w.story(); len(got) == 0 || got[0] != want {
				t.Errorf("up %v: told %q, want %q first", up, got, want)
			}
			end()
			if open, err := journal.Unfinished(); err != nil || len(open) != 0 {
				t.Errorf("still open: %v, %v", open, err)
			}
		})
	}
}

// TestAStartThatOutlivedItsAgentIsWaitedFor: an agent that was killed in the middle of a heal must not start a second daemon.
func TestAStartThatOutlivedItsAgentIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx", "web")
		w.things["nginx"].up = false
		c := w.config(t, file(process("nginx"), process("web")))
		journal, err := healers.OpenJournal(c.DB)
		if err != nil {
			t.Fatal(err)
		}
		cut := dialtone.Heal{ID: healers.NewID(time.Now()), Service: "nginx", Action: "restart", Started: time.Now(), Outcome: dialtone.HealRunning}
		if err := journal.Begin(cut, healers.Account{}); err != nil {
			t.Fatal(err)
		}
		if err := journal.Began(cut.ID, healers.Program{Action: "nginx/start", PID: 1, Began: time.Now()}); err != nil {
			t.Fatal(err)
		}
		a, end := begin(t, c)
		defer end()
		pass(10 * time.Second)
		if !statusOf(a, "nginx").Healing || statusOf(a, "web").State != dialtone.OK {
			t.Errorf("while it starts: %+v", a.Status().Services)
		}
		pass(20 * time.Second)
		expectActs(t, w)
		expectStory(t, w, "web unknown→ok", "nginx restart healed", "nginx unknown→ok")
		if _, found, err := journal.Program(cut.ID); found || err != nil {
			t.Errorf("the journal still has its program: %v", err)
		}
	})
}

func TestAStopRuleRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("miner")
		s := process("miner")
		s.Rules = []*control.Rule{{Test: &control.Exist{}, Then: control.Action{Kind: control.Stop}}}
		a, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(6 * time.Second)
		expectActs(t, w, "stop miner")
		if got := statusOf(a, "miner"); got.Monitored {
			t.Errorf("status %+v", got)
		}
	})
}

func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("web", "db")
		a, end := begin(t, w.config(t, file(process("web", "db"), process("db"))))
		defer end()
		pass(6 * time.Second)
		w.forget()
		order := func(verb Verb, names ...string) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			return a.Do(ctx, verb, names, "alice")
		}
		if err := order(Stop, "db"); err != nil {
			t.Fatal(err)
		}
		expectActs(t, w, "stop web", "stop db")
		pass(time.Minute)
		if s := statusOf(a, "db"); s.Monitored || s.Unmonitored != "stopped by alice" || s.State != dialtone.Unknown {
			t.Errorf("after stop: %+v", s)
		}
		w.forget()
		if err := order(Start, All); err != nil {
			t.Fatal(err)
		}
		expectActs(t, w, "start db", "start web")
		pass(time.Second)
		if s := statusOf(a, "web"); !s.Monitored || s.State != dialtone.OK {
			t.Errorf("after start: %+v", s)
		}
		w.forget()
		if err := order(Restart, "web"); err != nil {
			t.Fatal(err)
		}
		expectActs(t, w, "stop web", "start web")
		if err := order(Unmonitor, "web"); err != nil {
			t.Fatal(err)
		}
		w.forget()
		w.kill("web")
		pass(time.Minute)
		expectActs(t, w)
		if err := order(Monitor, "web"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		expectActs(t, w, "start web")

		w.change("web", func(t *thing) { t.code, t.deaf = 1, true })
		if err := order(Restart, "web"); err == nil || !strings.Contains(err.Error(), "status 1") || !strings.Contains(err.Error(), "output of start") {
			t.Errorf("a restart that fails says %v", err)
		}
		if err := order(Start, "nobody"); err == nil || err.Error() != `no service "nobody"; `+"`summary` lists them" {
			t.Errorf("got %v", err)
		}
		if err := order("dance", "web"); err == nil {
			t.Error("danced")
		}
	})
}

func TestAnExecThatStillRunsIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("slow")
		w.things["slow"].values = map[string]float64{"load": 9}
		s := &control.Service{Kind: "system", Name: "slow", Rules: []*control.Rule{{
			Test: &control.Compare{Value: "load", Op: control.Greater, Threshold: 5},
			Then: control.Action{Kind: control.Exec, Repeat: 1, Exec: &control.Command{Argv: []string{"/bin/true"}}},
		}}}
		_, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(119 * time.Second) // of 23 failing cycles
		expectActs(t, w, "rule0/exec slow")
	})
}

// TestAnOrderDuringAHealWaits: a person who stops a service that is being healed gets what was ordered.
func TestAnOrderDuringAHealWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("web")
		w.things["web"].deaf = true
		a, end := begin(t, w.config(t, file(process("web"))))
		defer end()
		pass(6 * time.Second)
		w.kill("web")
		pass(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := a.Do(ctx, Stop, []string{"web"}, "alice"); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		expectActs(t, w, "start web", "stop web")
		if s := statusOf(a, "web"); s.Monitored || s.Healing {
			t.Errorf("status %+v", s)
		}
	})
}

func TestExecIsAnAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("disk")
		s := &control.Service{Kind: "system", Name: "disk", Rules: []*control.Rule{{
			Text: "if load > 5 then exec", Test: &control.Compare{Value: "load", Op: control.Greater, Threshold: 5},
			Then: control.Action{Kind: control.Exec, Exec: &control.Command{Argv: []string{"/bin/true"}}},
		}}}
		_, end := begin(t, w.config(t, file(s)))
		defer end()
		w.change("disk", func(t *thing) { t.values = map[string]float64{"load": 9} })
		pass(time.Minute)
		expectActs(t, w, "rule0/exec disk")
		expectStory(t, w, "disk unknown→warning", "disk action: ran /etc/init.d/disk rule0/exec: exit status 0 after 0s: output of rule0/exec")
	})
}
