package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone/control"
)

// TestStopsNeedNoParents: a stop works on what depends on a service that is down, or that the same order has stopped before.
func TestStopsNeedNoParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("db", "web")
		a, end := begin(t, w.config(t, file(process("db"), process("web", "db"))))
		defer end()
		pass(6 * time.Second)
		for _, name := range []string{"db", "web"} {
			if err := a.Do(t.Context(), Stop, []string{name}, "alice"); err != nil {
				t.Errorf("stop %s: %v", name, err)
			}
		}
		expectActs(t, w, "stop web", "stop db", "stop web")
	})
}

// TestOrdersForAll: those that have no program for it rest or are watched; asked for by its name, such a one is an error.
func TestOrdersForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("web", "box")
		a, end := begin(t, w.config(t, file(process("web"), &control.Service{Kind: "system", Name: "box"})))
		defer end()
		pass(6 * time.Second)
		for _, verb := range []Verb{Stop, Start, Restart} {
			if err := a.Do(t.Context(), verb, []string{All}, "alice"); err != nil {
				t.Errorf("%s all: %v", verb, err)
			}
			if s := statusOf(a, "box"); s.Monitored != (verb != Stop) {
				t.Errorf("after %s all: %+v", verb, s)
			}
		}
		if err := a.Do(t.Context(), Start, []string{"box"}, "alice"); err == nil {
			t.Error("a start without a start program was no error")
		}
	})
}

// TestMonitorBeginsAnew: a person who has seen to a service that was given up needs no restart to have it healed again.
func TestMonitorBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].deaf = true
		a, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(2 * time.Hour)
		if s := statusOf(a, "nginx"); !s.Parked || s.Held == "" {
			t.Fatalf("it was not given up: %+v", s)
		}
		w.change("nginx", func(t *thing) { t.deaf = false })
		if err := a.Do(t.Context(), Monitor, []string{"nginx"}, "alice"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if s := statusOf(a, "nginx"); s.Parked || s.Held != "" {
			t.Errorf("a minute after the order: %+v", s)
		}
	})
}
