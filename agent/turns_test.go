package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
)

func turnsOf(w *world, kind dialtone.EventKind) []dialtone.Turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []dialtone.Turn
	for _, e := range w.events {
		if e.Kind == kind {
			all = append(all, e.Turns...)
		}
	}
	return all
}

func TestEventsNameWhatTurnedAsMonitDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		a, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(6 * time.Second)
		w.change("nginx", func(t *thing) { t.err = errors.New("/proc cannot be read") })
		pass(10 * time.Second)
		want := []dialtone.Turn{
			{Type: "nonexist", Failed: true, Why: "process is not running", Action: "restart"},
			{Type: "nonexist", Why: "it is there", Action: "alert"},
			{Type: "data", Failed: true, Why: "/proc cannot be read", Action: "alert"},
		}
		if diff := cmp.Diff(want, turnsOf(w, dialtone.EventState)); diff != "" {
			t.Errorf("turns (-want +got):\n%s", diff)
		}
		w.change("nginx", func(t *thing) { t.err = nil })
		if err := a.Do(t.Context(), Restart, []string{"nginx"}, "ada"); err != nil {
			t.Fatal(err)
		}
		if got := turnsOf(w, dialtone.EventAction); len(got) != 1 || got[0].Type != "action" || got[0].Action != "restart" {
			t.Errorf("a person's order: %+v", got)
		}
	})
}
