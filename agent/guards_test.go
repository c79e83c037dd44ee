package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// TestMaintenanceRecordsAndWaits: what breaks in it is told with its end, nothing is healed; when it ends, both are made up for.
func TestMaintenanceRecordsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		ends := time.Now().Add(10 * time.Minute)
		s.Maintenance = []control.Maintenance{{From: time.Now().Add(-time.Minute), To: ends}}
		a, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(time.Minute)
		expectStory(t, w, "nginx ok→critical")
		expectActs(t, w)
		if e := w.events[0]; !e.MutedUntil.Equal(ends) || e.Healing {
			t.Errorf("told %+v", e)
		}
		if s := statusOf(a, "nginx"); s.State != dialtone.Critical {
			t.Errorf("status %+v", s)
		}
		w.forget()
		pass(10 * time.Minute)
		expectStory(t, w, "nginx critical→critical", "nginx restart running", "nginx restart healed", "nginx critical→ok")
		if e := w.events[0]; !e.MutedUntil.IsZero() {
			t.Errorf("the end of the maintenance told %+v", e)
		}
	})
}

func TestMaintenanceOfAllServicesComesWithTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		f := file(process("nginx"))
		f.Settings.Maintenance = []control.Maintenance{{From: time.Now(), To: time.Now().Add(time.Hour)}}
		_, end := begin(t, w.config(t, f))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(time.Minute)
		expectActs(t, w)
	})
}

func TestMaintenanceByCron(t *testing.T) {
	m, err := newMaintenance([]control.Maintenance{{Cron: "0 2 * * *", For: 2 * time.Hour}, {Cron: "30 3 * * *", For: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.Local) }
	tests := []struct{ now, until time.Time }{
		{at(1, 59), time.Time{}},
		{at(2, 0), at(4, 0)},
		{at(3, 29), at(4, 0)},
		{at(3, 30), at(4, 30)},
		{at(4, 29), at(4, 30)},
		{at(4, 30), time.Time{}},
	}
	for _, test := range tests {
		if got := m.until(test.now); !got.Equal(test.until) {
			t.Errorf("at %s until %s, want %s", test.now, got, test.until)
		}
	}
}

// TestADryRunIsToldOnceAndDoesNothing: neither heals nor a rule's programs nor its unmonitor; the page does not wait for a heal.
func TestADryRunIsToldOnceAndDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.DryRun = true
		program := &control.Command{Text: "/bin/tell", Argv: []string{"/bin/tell", "ops"}}
		s.Rules = []*control.Rule{
			{Test: &control.Exist{Wanted: true}, Then: control.Action{Kind: control.Restart}},
			{Test: &control.Exist{Wanted: true}, Then: control.Action{Kind: control.Exec, Exec: program}},
			{Test: &control.Exist{Wanted: true}, Then: control.Action{Kind: control.Unmonitor}},
		}
		c := w.config(t, file(s))
		a, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.kill("nginx")
		pass(time.Minute)
		expectActs(t, w)
		expectStory(t, w, "nginx ok→critical", "nginx restart refused", "nginx action: dry run: would have run /bin/tell ops")
		heals, err := a.journal.Heals("nginx", 5)
		if err != nil || len(heals) != 1 || heals[0].Reason != "dry run: would have run /etc/init.d/nginx start" {
			t.Errorf("the journal holds %+v, %v", heals, err)
		}
		if !statusOf(a, "nginx").Monitored {
			t.Error("a dry run ended monitoring")
		}
		if err := a.Do(t.Context(), Start, []string{"nginx"}, "alice"); err != nil {
			t.Errorf("a person's order: %v", err)
		}
	})
}

// TestWhenAloneDecidesWhatIsDone while the collector is out of reach.
func TestWhenAloneDecidesWhatIsDone(t *testing.T) {
	hot := &control.Rule{Test: &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80}, Then: control.Action{Kind: control.Restart}}
	tests := []struct {
		mode  string
		alone bool
		dead  []string // what is run when it is dead
		alive []string // and when it runs and its rule wants a restart
	}{
		{"", true, []string{"start nginx"}, []string{"stop nginx", "start nginx"}},
		{"heal", true, []string{"start nginx"}, []string{"stop nginx", "start nginx"}},
		{"start", true, []string{"start nginx"}, nil},
		{"start", false, []string{"start nginx"}, []string{"stop nginx", "start nginx"}},
		{"alert", true, nil, nil},
	}
	for _, test := range tests {
		for name, want := range map[string][]string{"dead": test.dead, "alive": test.alive} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("nginx")
				s := process("nginx")
				s.WhenAlone, s.Rules = test.mode, []*control.Rule{hot}
				c := w.config(t, file(s))
				c.Alone = func() bool { return test.alone }
				_, end := begin(t, c)
				defer end()
				pass(6 * time.Second)
				if name == "dead" {
					w.kill("nginx")
				} else {
					w.change("nginx", func(t *thing) { t.values = map[string]float64{"cpu_percent": 99} })
				}
				pass(6 * time.Second)
				w.change("nginx", func(t *thing) { t.values = nil })
				if diff := cmp.Diff(want, w.done()); diff != "" {
					t.Errorf("when alone %q, alone %v, %s (-want +got):\n%s", test.mode, test.alone, name, diff)
				}
			})
		}
	}
}

// TestSecondsDoNotWaitForTheCycle: a rule for 30 seconds fires then, though the next cycle is minutes away.
func TestSecondsDoNotWaitForTheCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.Rules = []*control.Rule{{
			Test: &control.Exist{Wanted: true}, Window: control.Window{For: 30 * time.Second}, Then: control.Action{Kind: control.Restart},
		}}
		f := file(s)
		f.Settings.Interval = 10 * time.Minute
		_, end := begin(t, w.config(t, f))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(29 * time.Second)
		expectActs(t, w)
		pass(2 * time.Second)
		expectActs(t, w, "start nginx")
	})
}

// TestALoadedParentHoldsNobody: Monit skips the children of a parent with any error, even a load alert.
func TestALoadedParentHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("db", "web")
		db := process("db")
		db.Severity = "critical"
		db.Rules = []*control.Rule{{
			Test: &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80}, Then: control.Action{Kind: control.Alert},
		}}
		w.things["db"].values = map[string]float64{"cpu_percent": 99}
		a, end := begin(t, w.config(t, file(db, process("web", "db"))))
		defer end()
		pass(6 * time.Second)
		if s := statusOf(a, "db"); s.State != dialtone.Critical {
			t.Fatalf("db is %+v", s)
		}
		w.kill("web")
		synctest.Wait()
		expectActs(t, w, "start web")
	})
}

// TestAChainThatNobodyCanDoPagesAtOnce: it is told once why, and nothing is touched.
func TestAChainThatNobodyCanDoPagesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.Rules = []*control.Rule{{
			Test: &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80}, Runbook: "https://wiki.example/nginx",
			Then: control.Action{Kind: control.Drain, Next: &control.Action{Kind: control.Restart}},
		}}
		w.things["nginx"].values = map[string]float64{"cpu_percent": 99}
		_, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(time.Minute)
		expectStory(t, w, "nginx unknown→critical", "nginx drain then restart refused")
		expectActs(t, w)
		for _, e := range w.events {
			if e.Kind == dialtone.EventState && e.Runbook != "https://wiki.example/nginx" {
				t.Errorf("told without its runbook: %+v", e)
			}
		}
	})
}

// TestAMachineThatIsDownIsStartedInOrder: which service is looked at first is chance, so a child waits until its parent was looked at.
func TestAMachineThatIsDownIsStartedInOrder(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("web", "app", "db")
			for _, thing := range w.things {
				thing.up = false
			}
			_, end := begin(t, w.config(t, file(process("web", "app"), process("app", "db"), process("db"))))
			defer end()
			pass(6 * time.Second)
			expectActs(t, w, "start db", "start app", "start web")
		})
	}
}

// TestARestBeginsAnew: what a rule knew before a rest says nothing after it, so a failure that is still there is told again.
func TestARestBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.Rules = []*control.Rule{{
			Test: &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80},
			Then: control.Action{Kind: control.Exec, Exec: &control.Command{Argv: []string{"/bin/tell"}}},
		}}
		w.things["nginx"].values = map[string]float64{"cpu_percent": 99}
		a, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(6 * time.Second)
		for _, verb := range []Verb{Unmonitor, Monitor} {
			if err := a.Do(t.Context(), verb, []string{"nginx"}, "alice"); err != nil {
				t.Fatal(err)
			}
		}
		pass(6 * time.Second)
		expectActs(t, w, "rule0/exec nginx", "rule0/exec nginx")
	})
}

// TestAHealIsNoChangeOfThePID: only what others have started is.
func TestAHealIsNoChangeOfThePID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		s := process("nginx")
		s.Rules = []*control.Rule{{Test: &control.Changed{Value: "pid"}, Then: control.Action{Kind: control.Alert}}}
		w.things["nginx"].values = map[string]float64{"pid": 1}
		_, end := begin(t, w.config(t, file(s)))
		defer end()
		pass(6 * time.Second)
		w.forget()
		w.change("nginx", func(t *thing) { t.values = nil })
		w.kill("nginx")
		synctest.Wait()
		w.change("nginx", func(t *thing) { t.values = map[string]float64{"pid": 2} })
		pass(6 * time.Second)
		expectStory(t, w, "nginx ok→critical healing", "nginx restart running", "nginx restart healed", "nginx critical→ok")
		w.forget()
		w.change("nginx", func(t *thing) { t.values = map[string]float64{"pid": 3} })
		pass(6 * time.Second)
		expectStory(t, w, "nginx change: pid changed from 2 to 3")
	})
}

// TestAnyActionMayBeginAChain: what stands behind an alert, an exec or a restart is done when that has succeeded.
func TestAnyActionMayBeginAChain(t *testing.T) {
	program := &control.Command{Argv: []string{"/bin/tell"}}
	exec := func(next *control.Action) control.Action {
		return control.Action{Kind: control.Exec, Exec: program, Next: next}
	}
	last := exec(nil)
	tests := []struct {
		name string
		then control.Action
		acts []string
	}{
		{"alert then exec", control.Action{Kind: control.Alert, Next: &last}, []string{"rule0/exec/then1 nginx"}},
		{"exec then exec", exec(&last), []string{"rule0/exec nginx", "rule0/exec/then1 nginx"}},
		{"exec then restart", exec(&control.Action{Kind: control.Restart}), []string{"rule0/exec nginx", "stop nginx", "start nginx"}},
		{"restart then exec", control.Action{Kind: control.Restart, Next: &last}, []string{"stop nginx", "start nginx", "rule0/exec/then1 nginx"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("nginx")
				s := process("nginx")
				s.Rules = []*control.Rule{{
					Test: &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80}, Then: test.then,
				}}
				_, end := begin(t, w.config(t, file(s)))
				defer end()
				pass(6 * time.Second)
				w.change("nginx", func(t *thing) { t.values = map[string]float64{"cpu_percent": 99} })
				pass(5 * time.Second)
				w.change("nginx", func(t *thing) { t.values = nil })
				pass(time.Minute)
				expectActs(t, w, test.acts...)
			})
		})
	}
}
