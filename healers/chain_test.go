package healers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/control"
)

func then(actions ...control.Action) *control.Action {
	for i := len(actions) - 1; i > 0; i-- {
		actions[i-1].Next = &actions[i]
	}
	return &actions[0]
}

func kind(k control.ActionKind) control.Action { return control.Action{Kind: k} }

func TestChain(t *testing.T) {
	s := &control.Service{Name: "s", Start: sh("start"), Stop: sh("stop")}
	tests := []struct {
		name string
		do   *control.Action
		acts [][]ActionID
		err  string
	}{
		{"one", then(kind(control.Restart)), [][]ActionID{{"s/stop", "s/start"}}, ""},
		{"healer by name", then(control.Action{Kind: control.Heal, Healer: "restart"}), [][]ActionID{{"s/stop", "s/start"}}, ""},
		{"exec then stop then start", then(control.Action{Kind: control.Exec, Exec: sh("x")}, kind(control.Stop), kind(control.Start)), [][]ActionID{{"s/rule0/exec"}, {"s/stop"}, {"s/start"}}, ""},
		{"start then exec", then(kind(control.Start), control.Action{Kind: control.Exec, Exec: sh("x")}), [][]ActionID{{"s/start"}, {"s/rule0/exec/then1"}}, ""},
		{"alert then restart", then(kind(control.Alert), kind(control.Restart)), [][]ActionID{{"s/stop", "s/start"}}, ""},
		{"what runs is not restarted once it was stopped", then(kind(control.Stop), kind(control.Restart)), [][]ActionID{{"s/stop"}, {"s/start"}}, ""},
		{"nobody can drain", then(kind(control.Drain), kind(control.Restart)), nil, "nothing here can drain s, and whoever uses it is left alone"},
		{"no such healer", then(control.Action{Kind: control.Heal, Healer: "hangup"}), nil, `no healer "hangup" fits s`},
		{"unmonitor", then(kind(control.Start), kind(control.Unmonitor)), nil, "unmonitor cannot stand in a chain of actions"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain, err := Chain(s, test.do, ExecAction("s", 0, false), true)
			if text := errorText(err); text != test.err {
				t.Errorf("error %q, want %q", text, test.err)
			}
			var acts [][]ActionID
			for _, link := range chain {
				acts = append(acts, link.Acts)
				if len(link.Runs) != len(link.Acts) {
					t.Errorf("%d programs of %d acts", len(link.Runs), len(link.Acts))
				}
			}
			if diff := cmp.Diff(test.acts, acts); diff != "" {
				t.Errorf("acts (-want +got):\n%s", diff)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWords(t *testing.T) {
	chain := then(kind(control.Drain), control.Action{Kind: control.Heal, Healer: "hangup"}, kind(control.Restart))
	if got := Words(chain); got != "drain then hangup then restart" {
		t.Errorf("got %q", got)
	}
}

func TestAim(t *testing.T) {
	for words, want := range map[string]control.ActionKind{
		"restart": control.Restart, "drain then restart then exec": control.Restart, "exec then alert": control.Exec,
		"stop then exec": control.Stop, "hangup": "hangup",
	} {
		if got := Aim(words); got != want {
			t.Errorf("%s is for %s, want %s", words, got, want)
		}
	}
}

func TestInspectNamesHealersThatAreNone(t *testing.T) {
	pos := control.Position{File: "f", Line: 4, Col: 1}
	f := &control.File{Services: []*control.Service{{Name: "s", Rules: []*control.Rule{
		{Pos: pos, Then: *then(kind(control.Drain), control.Action{Kind: control.Heal, Healer: "hangpu"})},
		{Pos: pos, Then: control.Action{Kind: control.Heal, Healer: "restart"}, Else: &control.Recovery{Then: *then(kind(control.Alert), kind(control.Unmonitor))}},
	}}}}
	want := []*control.Problem{{
		Pos: pos, Service: "s", Why: `there is no healer "hangpu"`, Mend: "healers are restart, start, stop; `kinds` describes them", Partial: true,
	}, {
		Pos: pos, Service: "s", Why: "unmonitor cannot stand in a chain of actions", Mend: "give it a rule of its own", Partial: true,
	}}
	if diff := cmp.Diff(want, Inspect(f)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestTheHandKnowsEveryLink: a program that stands behind another action is one of the file's actions too.
func TestTheHandKnowsEveryLink(t *testing.T) {
	f := &control.File{Services: []*control.Service{{Name: "s", Start: sh("echo up"), Rules: []*control.Rule{
		{Then: *then(kind(control.Start), control.Action{Kind: control.Exec, Exec: sh("echo behind")})},
	}}}}
	hand, err := NewHand(f)
	if err != nil {
		t.Fatal(err)
	}
	out, err := hand.Act(t.Context(), Order{Action: "s/rule0/exec/then1"})
	if err != nil || out.Output != "behind\n" {
		t.Errorf("got %+v, %v", out, err)
	}
}
