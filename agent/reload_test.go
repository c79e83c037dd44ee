package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

func TestReloadKeepsTheLastGoodFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		c := w.config(t, file(process("nginx")))
		bad := errors.New("/etc/dialtone.conf:3:7: no word \"procces\"; did you mean process?")
		c.Load = func() (*control.File, error) { return nil, bad }
		a, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		for range 2 {
			if err := a.Reload(t.Context()); !errors.Is(err, bad) {
				t.Errorf("reload of a bad file: %v", err)
			}
		}
		if got := a.Status(); got.ConfigError != bad.Error() || len(got.Services) != 1 {
			t.Errorf("status %+v", got)
		}
		told := 0
		w.mu.Lock()
		for _, e := range w.events {
			if e.Kind == dialtone.EventAgent && e.Why == "the control file was refused, the last good one stays: "+bad.Error() {
				told++
			}
		}
		w.mu.Unlock()
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
		w.kill("nginx")
		synctest.Wait()
		expectActs(t, w, "start nginx")
	})
}

func TestReloadDisturbsOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("same", "changed", "gone", "new")
		c := w.config(t, file(process("same"), process("changed"), process("gone")))
		moved := process("same")
		moved.Pos.Line = 40
		changed := process("changed")
		changed.Mode = "passive"
		c.Load = func() (*control.File, error) { return file(moved, changed, process("new")), nil }
		a, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		w.forget()
		if err := a.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		pass(6 * time.Second)
		expectStoryUnordered(t, w, "changed unknown→ok", "new unknown→ok")
		if got := statusOf(a, "same").Source; got != "/etc/dialtone.conf:40" {
			t.Errorf("the service that moved is said to be at %s", got)
		}
		if diff := cmp.Diff([]string{"same", "changed", "new"}, a.names()); diff != "" {
			t.Errorf("services (-want +got):\n%s", diff)
		}
		w.kill("changed")
		w.kill("gone")
		pass(time.Minute)
		expectActs(t, w)
		w.kill("same")
		synctest.Wait()
		expectActs(t, w, "start same")
	})
}

func TestReloadWaitsForTheHealOfWhatItReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf = true
		c := w.config(t, file(process("nginx")))
		changed := process("nginx")
		changed.Groups = []string{"web"}
		c.Load = func() (*control.File, error) { return file(changed), nil }
		a, end := begin(t, c)
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(time.Second)
		go func() {
			<-time.After(5 * time.Second)
			w.change("nginx", func(t *thing) { t.up = true })
		}()
		began := time.Now()
		if err := a.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("reload took %s and did not wait", took)
		}
		pass(6 * time.Second)
		if s := statusOf(a, "nginx"); s.State != dialtone.OK || len(s.Groups) != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestReloadWithoutAFile(t *testing.T) {
	a, err := New(newWorld("nginx").config(t, file(process("nginx"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(context.Background()); !errors.Is(err, errNoLoad) {
		t.Errorf("got %v", err)
	}
}

func TestSameIsBlindToPlacesOnly(t *testing.T) {
	full := func(change func(*control.Service)) *control.Service {
		s := process("s", "parent")
		s.Rules = []*control.Rule{{
			Pos: control.Position{Line: 3}, Test: &control.Connection{Port: 80, Timeout: time.Second}, Then: control.Action{Kind: control.Restart},
			Else: &control.Recovery{Then: control.Action{Kind: control.Exec, Exec: &control.Command{Argv: []string{"/bin/true"}}}},
		}}
		change(s)
		return s
	}
	tests := []struct {
		name   string
		change func(*control.Service)
		want   bool
	}{
		{"nothing", func(*control.Service) {}, true},
		{"moved", func(s *control.Service) {
			s.Pos.Line, s.Rules[0].Pos.Line, s.DependsOn[0].Pos.Line, s.Start.Pos.Line = 9, 9, 9, 9
		}, true},
		{"port", func(s *control.Service) { s.Rules[0].Test = &control.Connection{Port: 81, Timeout: time.Second} }, false},
		{"another test", func(s *control.Service) { s.Rules[0].Test = &control.Exist{} }, false},
		{"else gone", func(s *control.Service) { s.Rules[0].Else = nil }, false},
		{"argument", func(s *control.Service) { s.Rules[0].Else.Then.Exec.Argv = []string{"/bin/true", "x"} }, false},
		{"parent", func(s *control.Service) { s.DependsOn = nil }, false},
		{"mode", func(s *control.Service) { s.Mode = "passive" }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := control.Alike(full(func(*control.Service) {}), full(test.change)); got != test.want {
				t.Errorf("same: %v, want %v", got, test.want)
			}
		})
	}
}
