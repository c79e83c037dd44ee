package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// TestSecondsCountFromTheFirstFailure: a pass starts the count afresh, one success recovers, and an extra look counts like any.
func TestSecondsCountFromTheFirstFailure(t *testing.T) {
	e := New(sizeRule(control.Window{For: 30 * time.Second}, nil, exec(0)))
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	steps := []struct {
		second int
		bit    byte
		extra  bool
		state  dialtone.State
		due    int // second; 0: none
	}{
		{0, '1', false, dialtone.Unknown, 30},
		{20, '1', false, dialtone.Unknown, 30},
		{25, '0', false, dialtone.OK, 0},
		{28, '1', false, dialtone.OK, 58},
		{57, '1', true, dialtone.OK, 58},
		{58, '1', true, dialtone.Warning, 0},
		{60, '1', false, dialtone.Warning, 0},
		{61, '0', true, dialtone.OK, 0},
	}
	for _, step := range steps {
		l := size(step.bit)
		l.At, l.Extra = start.Add(time.Duration(step.second)*time.Second), step.extra
		v := e.Step(l)
		due := 0
		if !v.Due.IsZero() {
			due = int(v.Due.Sub(start) / time.Second)
		}
		if v.State != step.state || due != step.due {
			t.Errorf("at %d s: %s, due at %d; want %s, %d", step.second, v.State, due, step.state, step.due)
		}
	}
}

func TestARecoveryMayCountSecondsToo(t *testing.T) {
	e := New(sizeRule(control.Window{}, &control.Window{For: time.Minute}, exec(0)))
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var got []dialtone.State
	for i, bit := range []byte("1001000") {
		l := size(bit)
		l.At = start.Add(time.Duration(i) * 40 * time.Second)
		got = append(got, e.Step(l).State)
	}
	bad := dialtone.Warning
	if diff := cmp.Diff([]dialtone.State{bad, bad, bad, bad, bad, bad, dialtone.OK}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// TestIgnoredMeansNothing: neither an event nor a state, but the rule still knows how it stands.
func TestIgnoredMeansNothing(t *testing.T) {
	e := New(sizeRule(control.Window{}, nil, control.Action{Kind: control.Ignore}))
	if v := e.Step(size('1')); len(v.Findings) != 0 || v.State != dialtone.OK {
		t.Errorf("an ignored failure made %+v", v)
	}
	if v := e.Step(size('0')); len(v.Findings) != 1 || v.Findings[0].Exec != "trace/rule0/recovery" {
		t.Errorf("its recovery made %+v", v)
	}
}

func TestSeverityIsAsWritten(t *testing.T) {
	tests := []struct{ service, rule, want string }{
		{"", "", "warning"}, {"critical", "", "critical"}, {"critical", "warning", "warning"}, {"", "critical", "critical"},
	}
	for _, test := range tests {
		s := sizeRule(control.Window{}, nil, control.Action{Kind: control.Alert})
		s.Severity, s.Rules[0].Severity = test.service, test.rule
		if got := New(s).Step(size('1')).State.String(); got != test.want {
			t.Errorf("service %q, rule %q: %s, want %s", test.service, test.rule, got, test.want)
		}
	}
}

func TestARunbookIsTheRulesOwnOrItsServices(t *testing.T) {
	s := sizeRule(control.Window{}, nil, control.Action{Kind: control.Alert})
	s.Runbook = "https://wiki.example/service"
	if got := New(s).Step(size('1')).Findings[0].Runbook; got != s.Runbook {
		t.Errorf("runbook %q", got)
	}
	s.Rules[0].Runbook = "https://wiki.example/rule"
	if got := New(s).Step(size('1')).Findings[0].Runbook; got != s.Rules[0].Runbook {
		t.Errorf("runbook %q", got)
	}
}

func TestTextsThatAreExpected(t *testing.T) {
	tests := []struct {
		name  string
		test  control.Expect
		texts []string
		fails []int // looks
	}{
		{"as written", control.Expect{Want: "644"}, []string{"644", "600", "644"}, []int{1}},
		{"not as written", control.Expect{Want: "777", Not: true}, []string{"644", "777"}, []int{1}},
		{"by pattern", control.Expect{Want: "^unconfined", Regex: true}, []string{"unconfined_t", "confined_t"}, []int{1}},
		{"against a pattern", control.Expect{Want: "^unconfined", Regex: true, Not: true}, []string{"unconfined_t", "confined_t"}, []int{0}},
		{"as at first", control.Expect{First: true}, []string{"a", "a", "b", "b", "a"}, []int{2, 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.test.Value = "text"
			e := New(&control.Service{Kind: "file", Rules: []*control.Rule{{Test: &test.test, Then: control.Action{Kind: control.Alert}}}})
			var failed []int
			for i, text := range test.texts {
				r := &checks.Report{Existence: checks.Present}
				r.Text("text", text)
				if e.Step(Look{Report: r}).State != dialtone.OK {
					failed = append(failed, i)
				}
			}
			if diff := cmp.Diff(test.fails, failed); diff != "" {
				t.Errorf("failing looks (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNotChangedFailsWhileNothingChanges: a heartbeat file that stands still.
func TestNotChangedFailsWhileNothingChanges(t *testing.T) {
	e := New(&control.Service{Kind: "file", Rules: []*control.Rule{
		{Test: &control.Changed{Value: "size_bytes", Not: true}, Then: control.Action{Kind: control.Alert}},
	}})
	var got []dialtone.State
	for _, bit := range []byte("011011") {
		got = append(got, e.Step(size(bit)).State)
	}
	want := []dialtone.State{dialtone.OK, dialtone.OK, dialtone.Warning, dialtone.OK, dialtone.OK, dialtone.Warning}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}
