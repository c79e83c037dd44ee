package agent

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone/control"
)

// TestOnReboot: two runs of the agent, with or without a boot of the machine between them.
func TestOnReboot(t *testing.T) {
	for _, test := range []struct {
		name      string
		set, own  string // set onreboot, and the service's own
		boot      string // of the second run; the first one's is "a"
		unmonitor bool   // by a person, in the first run
		watched   bool   // in the second
	}{
		{name: "no reboot", boot: "a", unmonitor: true, watched: false},
		{name: "nothing written", boot: "b", unmonitor: true, watched: true},
		{name: "start", set: "nostart", own: "start", boot: "b", unmonitor: true, watched: true},
		{name: "nostart", set: "nostart", boot: "b", watched: false},
		{name: "nostart without a reboot", set: "nostart", boot: "a", watched: true},
		{name: "laststate, unmonitored", own: "laststate", boot: "b", unmonitor: true, watched: false},
		{name: "laststate, monitored", own: "laststate", boot: "b", watched: true},
		{name: "not known whether", boot: "", unmonitor: true, watched: false},
	} {
		t.Run(test.name, func(t *testing.T) {
			db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("nginx")
				spec := process("nginx")
				spec.OnReboot = test.own
				f := file(spec)
				f.Settings.OnReboot = test.set
				watched := func(boot string, during func(*Agent)) bool {
					c := w.config(t, f)
					c.DB, c.MachineBoot = db, boot
					a, end := begin(t, c)
					defer end()
					pass(6 * time.Second)
					during(a)
					return a.Status().Services[0].Monitored
				}
				watched("a", func(a *Agent) {
					if test.unmonitor {
						if err := a.Do(t.Context(), Unmonitor, []string{"nginx"}, "jo"); err != nil {
							t.Error(err)
						}
					}
				})
				if got := watched(test.boot, func(*Agent) {}); got != test.watched {
					t.Errorf("watched: %v", got)
				}
			})
		})
	}
}

func TestReloadHandsTheFileOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		c := w.config(t, file(process("nginx")))
		next := file(process("nginx"))
		c.Load = func() (*control.File, error) { return next, nil }
		var got *control.File
		c.Reloaded = func(f *control.File) { got = f }
		a, end := begin(t, c)
		defer end()
		if err := a.Reload(t.Context()); err != nil || got != next {
			t.Errorf("handed on %p: %v", got, err)
		}
	})
}
