package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// givesUp is a process that its rule unmonitors after two restarts.
func givesUp(name string) *control.Service {
	s := process(name)
	s.Limits = []*control.RestartLimit{{
		Pos: control.Position{File: "/etc/dialtone.conf", Line: 5, Col: 1}, Restarts: 2, Cycles: 10, Then: control.Action{Kind: control.Unmonitor},
	}}
	return s
}

func TestAQuarantineIsLeftAloneAndSurvivesTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		c := w.config(t, file(givesUp("nginx")))
		w.things["nginx"].deaf, w.things["nginx"].code = true, 1
		a, end := begin(t, c)
		pass(6 * time.Second)
		w.kill("nginx")
		pass(time.Minute)
		got := statusOf(a, "nginx")
		if got.Monitored || !strings.Contains(got.Unmonitored, "restarted 2 times within 10 cycles: unmonitored by its rule at /etc/dialtone.conf:5; watched again when it is well, or from ") {
			t.Errorf("status %+v", got)
		}
		if got.State != dialtone.Critical {
			t.Errorf("what was given up is %s", got.State)
		}
		w.forget()
		pass(8 * time.Minute)
		expectActs(t, w)
		end()

		again, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		if statusOf(again, "nginx").Monitored {
			t.Error("the agent's restart forgot the quarantine")
		}
		expectActs(t, w)
	})
}

// TestAQuarantineEnds: after ten minutes it is watched again, and given up for longer when nothing has changed.
func TestAQuarantineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		spec := process("nginx")
		spec.Rules = []*control.Rule{{Test: &control.Exist{Wanted: true}, Window: control.Window{Count: 6, Cycles: 6}, Then: control.Action{Kind: control.Unmonitor}}}
		a, end := begin(t, w.config(t, file(spec)))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		var quarantined []time.Duration
		watched := true
		for range 6 * 60 * 6 {
			pass(10 * time.Second)
			switch now := statusOf(a, "nginx").Monitored; {
			case !now && watched:
				quarantined = append(quarantined, 0)
				watched = false
			case !now:
				quarantined[len(quarantined)-1] += 10 * time.Second
			default:
				watched = true
			}
		}
		want := []time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}
		for i, span := range want {
			if i >= len(quarantined) || (quarantined[i]-span).Abs() > time.Minute {
				t.Fatalf("quarantines of %v, want %v", quarantined, want)
			}
		}
	})
}

// TestAQuarantineEndsWhenTheServiceIsWell: somebody mended it by hand, and forgot to say so.
func TestAQuarantineEndsWhenTheServiceIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf, w.things["nginx"].code = true, 1
		a, end := begin(t, w.config(t, file(givesUp("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(2 * time.Minute)
		w.change("nginx", func(x *thing) { x.up, x.pid = true, 4711 })
		pass(8 * time.Second)
		if statusOf(a, "nginx").Monitored {
			t.Error("one look or two were enough")
		}
		pass(12 * time.Second)
		if got := statusOf(a, "nginx"); !got.Monitored || got.State != dialtone.OK {
			t.Errorf("status %+v", got)
		}
	})
}

// TestAPersonsUnmonitorStays, however well the service is.
func TestAPersonsUnmonitorStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		a, end := begin(t, w.config(t, file(givesUp("nginx"))))
		defer end()
		pass(6 * time.Second)
		if err := a.Do(t.Context(), Unmonitor, []string{"nginx"}, "jo"); err != nil {
			t.Fatal(err)
		}
		pass(24 * time.Hour)
		if statusOf(a, "nginx").Monitored {
			t.Error("it is watched again")
		}
	})
}
