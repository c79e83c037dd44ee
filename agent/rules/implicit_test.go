package rules

import (
	"testing"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/google/go-cmp/cmp"
)

func TestImplicitRules(t *testing.T) {
	written := func(tests ...control.Test) []*control.Rule {
		var all []*control.Rule
		for _, test := range tests {
			all = append(all, &control.Rule{Test: test})
		}
		return all
	}
	const restart, flags = "if not exist then restart (implied)", "if changed fsflags then alert (implied)"
	const link, faults = "if link down then alert (implied)", "if link errors > 0 then alert (implied)"
	const critical, warning = "if status > 1 then alert severity critical (implied)", "if status > 0 then alert severity warning (implied)"
	for _, test := range []struct {
		kind  string
		rules []*control.Rule
		want  []string
	}{
		{"process", nil, []string{restart}},
		{"fifo", nil, []string{restart}},
		{"system", nil, nil},
		{"file", written(&control.Exist{}), nil},
		{"filesystem", nil, []string{restart, flags}},
		{"filesystem", written(&control.Changed{Value: "fsflags"}), []string{restart}},
		{"nagios", nil, []string{critical, warning}},
		{"munin", written(&control.Compare{Value: "field/load", Op: control.Greater}), []string{critical, warning}},
		{"munin", written(&control.Compare{Value: "criticals", Op: control.Greater}), nil},
		{"network", nil, []string{link, faults}},
		{"network", written(&control.Link{Up: true}), []string{faults}},
		{"network", written(&control.Compare{Value: "link_errors", Op: control.Greater, Threshold: 5}), []string{link}},
	} {
		var got []string
		for _, r := range implicit(&control.Service{Kind: test.kind, Rules: test.rules}) {
			got = append(got, r.Text)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.kind, diff)
		}
	}
}

func TestLink(t *testing.T) {
	e := New(&control.Service{Kind: "network", Name: "uplink"})
	step := func(r checks.Report) Verdict { return e.Step(Look{Report: &r}) }
	up := checks.Report{Existence: checks.Present, Values: map[string]float64{"link_up": 1, "link_errors": 0}}
	if v := step(up); v.State != dialtone.OK {
		t.Errorf("up: %+v", v)
	}
	down := checks.Report{Existence: checks.Present, Why: "interface eth0 has no link (down)", Values: map[string]float64{"link_up": 0, "link_errors": 0}}
	if v := step(down); v.State != dialtone.Critical || v.Why != down.Why {
		t.Errorf("down: %+v", v)
	}
	step(up)
	if v := step(checks.Report{Existence: checks.Absent, Why: "there is no interface eth0"}); v.State != dialtone.Critical || v.Why != "there is no interface eth0" {
		t.Errorf("gone: %+v", v)
	}
	step(up)
	faulty := checks.Report{Existence: checks.Present, Values: map[string]float64{"link_up": 1, "link_errors": 3}}
	if v := step(faulty); v.State != dialtone.Warning || v.Why != "link errors is 3 (limit > 0)" {
		t.Errorf("with errors: %+v", v)
	}
	if ok, _ := Passes(&control.Link{Up: true}, &up); ok {
		t.Error("`if link up` passes on a link that is up")
	}
}

func TestContentOfFiles(t *testing.T) {
	not := &control.Content{Patterns: []string{"^ok"}, Not: true}
	is := &control.Content{Patterns: []string{"error", "fail"}}
	for _, test := range []struct {
		test   *control.Content
		lines  []string
		gained bool
		want   bit
	}{
		{is, nil, true, passes},
		{is, []string{"fine", "it failed"}, true, fails},
		{not, nil, true, passes},
		{not, []string{"ok 1", "ok 2"}, true, passes},
		{not, []string{"ok 1", "hm"}, true, fails},
		{not, []string{"header", "ok 1"}, false, passes}, // of a program: one text
		{not, []string{"header"}, false, fails},
		{&control.Content{File: "/nowhere/patterns"}, []string{"x"}, true, noData},
	} {
		if got, why := judgeContent(test.test, &checks.Report{Lines: test.lines, Gained: test.gained}); got != test.want {
			t.Errorf("%+v on %q: %d (%s)", test.test, test.lines, got, why)
		}
	}
}

// TestStatusOfAPlugin: 1 is a warning and 2 critical, by themselves and where the file says how often.
func TestStatusOfAPlugin(t *testing.T) {
	status := func(op control.Op, limit float64) *control.Rule {
		return &control.Rule{Test: &control.Compare{Value: "status", Op: op, Threshold: limit}, Then: control.Action{Kind: control.Alert}}
	}
	for _, test := range []struct {
		name  string
		rules []*control.Rule
		want  [3]dialtone.State
	}{
		{"no rules", nil, [3]dialtone.State{dialtone.OK, dialtone.Warning, dialtone.Critical}},
		{"two rules", []*control.Rule{status(control.Greater, 0), status(control.Equal, 2)}, [3]dialtone.State{dialtone.OK, dialtone.Warning, dialtone.Critical}},
		{"one rule", []*control.Rule{status(control.NotEqual, 0)}, [3]dialtone.State{dialtone.OK, dialtone.Critical, dialtone.Critical}},
		{"critical alone", []*control.Rule{status(control.Greater, 1)}, [3]dialtone.State{dialtone.OK, dialtone.OK, dialtone.Critical}},
	} {
		e := New(&control.Service{Kind: "nagios", Name: "disk", Rules: test.rules})
		for code, want := range test.want {
			v := e.Step(Look{Report: &checks.Report{Existence: checks.Present, Why: "DISK", Values: map[string]float64{"status": float64(code)}}})
			if v.State != want || want != dialtone.OK && v.Why != "status is "+string(rune('0'+code))+": DISK" {
				t.Errorf("%s, status %d: %s, %s; want %s", test.name, code, v.State, v.Why, want)
			}
		}
	}
}
