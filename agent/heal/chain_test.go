package heal

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// execThenRestart runs the rule's own program, and restarts only when that has succeeded.
func execThenRestart() *control.Action {
	return &control.Action{
		Kind: control.Exec, Exec: &control.Command{Argv: []string{"/bin/drain", "calls"}}, Next: &control.Action{Kind: control.Restart},
	}
}

func TestAChainStopsAtTheLinkThatFails(t *testing.T) {
	for name, code := range map[string]int{"succeeds": 0, "fails": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.up.Store(true)
				b.act = func(o healers.Order) (healers.Outcome, error) {
					if strings.HasSuffix(string(o.Action), "/stop") {
						b.up.Store(false)
					} else if strings.HasSuffix(string(o.Action), "/start") {
						b.up.Store(true)
					} else {
						return healers.Outcome{Command: "drain", ExitCode: code}, nil
					}
					return healers.Outcome{Command: string(o.Action)}, nil
				}
				r := b.request()
				r.Do, r.Exec, r.Running = execThenRestart(), "s/rule0/exec", true
				child := &control.Service{Name: "child", Start: r.Service.Start, Stop: r.Service.Stop}
				r.Dependents = []*control.Service{child}
				a := b.Heal(t.Context(), r)
				want, outcome, reason := []healers.ActionID{"s/rule0/exec", "child/stop", "s/stop", "s/start", "child/start"}, dialtone.Healed, ""
				if code != 0 {
					want, outcome = []healers.ActionID{"s/rule0/exec"}, dialtone.HealFailed
					reason = "the program exited with status 1: exec: it did not succeed, so restart was not begun"
				}
				if diff := cmp.Diff(want, b.acted); diff != "" {
					t.Errorf("acted (-want +got):\n%s", diff)
				}
				if a.Heal.Outcome != outcome || a.Heal.Reason != reason || a.Heal.Action != "exec then restart" {
					t.Errorf("got %+v", a.Heal)
				}
			})
		})
	}
}

func TestWhatNobodyCanDrainIsLeftAlone(t *testing.T) {
	b := newBench(t)
	b.up.Store(true)
	r := b.request()
	r.Running = true
	r.Do = &control.Action{Kind: control.Drain, Next: &control.Action{Kind: control.Restart}}
	a := b.Heal(t.Context(), r)
	if a.Acted || len(b.acted) != 0 || a.Heal.Outcome != dialtone.HealRefused {
		t.Errorf("got %+v after %v", a.Heal, b.acted)
	}
	if want := "nothing here can drain s, and whoever uses it is left alone"; a.Heal.Reason != want {
		t.Errorf("because %q, want %q", a.Heal.Reason, want)
	}
}

func TestADryRunSaysWhatItWouldRun(t *testing.T) {
	b := newBench(t)
	r := b.request()
	r.Do, r.Exec, r.Running = execThenRestart(), "s/rule0/exec", true
	h := b.Rehearse(r)
	if want := "dry run: would have run /bin/drain calls; /bin/start; /bin/start"; h.Reason != want || h.Outcome != dialtone.HealRefused {
		t.Errorf("got %s, %q; want %q", h.Outcome, h.Reason, want)
	}
	b.Note(h)
	kept, err := b.Journal.Heals("s", 1)
	if err != nil || len(kept) != 1 || kept[0].Reason != h.Reason {
		t.Errorf("the journal holds %+v, %v", kept, err)
	}
	if len(b.acted) != 0 {
		t.Errorf("a dry run ran %v", b.acted)
	}
	if account, err := b.Journal.Account("s"); err != nil || len(account.Acts) != 0 {
		t.Errorf("it cost %+v, %v", account, err)
	}
}
