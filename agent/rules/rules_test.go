package rules

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

var (
	present = &checks.Report{Existence: checks.Present}
	missing = &checks.Report{Existence: checks.Absent, Why: "process 42 is gone"}
)

func TestStateOfAService(t *testing.T) {
	port := &control.Connection{Port: 80}
	refused := &checks.Report{Existence: checks.Present}
	refused.Connected(port, 0, errors.New("connection to 127.0.0.1 port 80 refused"))
	ping := &control.Ping{}
	refused.Pinged(ping, 0, errors.New("192.0.2.1 answered none of 3 ping requests within 5s each"))
	hot := &checks.Report{Existence: checks.Present, Values: map[string]float64{"cpu_percent": 93, "status": 2}}
	cpu := &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80, Written: "80 %"}
	said := &checks.Report{Existence: checks.Present, Values: map[string]float64{"status": 1}, Why: "disk array degraded"}
	status := &control.Compare{Value: "status", Op: control.NotEqual, Threshold: 0}
	alert, restart := control.Action{Kind: control.Alert}, control.Action{Kind: control.Restart}
	tests := []struct {
		name   string
		kind   string
		rules  []*control.Rule
		report *checks.Report
		state  dialtone.State
		why    string
	}{
		{"nothing to mind", "process", nil, present, dialtone.OK, ""},
		{"absent", "process", nil, missing, dialtone.Critical, "process 42 is gone"},
		{"absence told only", "process", []*control.Rule{{Test: &control.Exist{Wanted: true}, Then: alert}}, missing, dialtone.Critical, "process 42 is gone"},
		{"absence wanted", "process", []*control.Rule{{Test: &control.Exist{}, Then: alert}}, missing, dialtone.OK, "process 42 is gone"},
		{"there, but absence wanted", "process", []*control.Rule{{Test: &control.Exist{}, Then: alert}}, present, dialtone.Warning, "it is there"},
		{
			"absent for too short", "process",
			[]*control.Rule{{Test: &control.Exist{Wanted: true}, Window: control.Window{Count: 2, Cycles: 2}, Then: alert}},
			missing, dialtone.Unknown, "process 42 is gone",
		},
		{"connection", "process", []*control.Rule{{Test: port, Then: alert}}, refused, dialtone.Critical, "connection to 127.0.0.1 port 80 refused"},
		{"ping", "host", []*control.Rule{{Test: ping, Then: alert}}, refused, dialtone.Critical, "192.0.2.1 answered none of 3 ping requests within 5s each"},
		{"ping not made", "host", []*control.Rule{{Test: ping, Then: alert}}, present, dialtone.OK, ""},
		{"load", "process", []*control.Rule{{Test: cpu, Then: alert}}, hot, dialtone.Warning, "cpu is 93 % (limit > 80 %)"},
		{"load that repairs", "process", []*control.Rule{{Test: cpu, Then: restart}}, hot, dialtone.Critical, "cpu is 93 % (limit > 80 %)"},
		{"program said why", "program", []*control.Rule{{Test: status, Then: alert}}, said, dialtone.Critical, "status is 1: disk array degraded"},
		{"program status", "program", []*control.Rule{{Test: status, Then: alert}}, hot, dialtone.Critical, "status is 2 (limit != 0)"},
		{
			"the worst counts", "process",
			[]*control.Rule{{Test: cpu, Then: alert}, {Test: &control.Expect{Value: "uid", Want: "0"}, Then: restart}},
			&checks.Report{Existence: checks.Present, Values: hot.Values, Texts: map[string]string{"uid": "33"}}, dialtone.Critical, "uid is 33, expected 0",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := New(&control.Service{Kind: test.kind, Name: "s", Rules: test.rules}).Step(Look{Report: test.report})
			if v.State != test.state || v.Why != test.why {
				t.Errorf("got %s, %q; want %s, %q", v.State, v.Why, test.state, test.why)
			}
		})
	}
}

func TestImpliedRestartOnlyWhereTheFileIsSilent(t *testing.T) {
	silent := New(&control.Service{Kind: "process", Name: "s"}).Step(Look{Report: missing})
	if len(silent.Findings) != 1 || silent.Findings[0].Do.Kind != control.Restart {
		t.Errorf("no implied restart: %+v", silent)
	}
	host := New(&control.Service{Kind: "host", Name: "s"}).Step(Look{Report: missing})
	if len(host.Findings) != 0 {
		t.Errorf("a host cannot be restarted: %+v", host)
	}
	written := New(&control.Service{Kind: "process", Name: "s", Rules: []*control.Rule{{Test: &control.Exist{Wanted: true}, Then: control.Action{Kind: control.Alert}}}})
	for _, f := range written.Step(Look{Report: missing}).Findings {
		if f.Do != nil {
			t.Errorf("asked for %s against the file", f.Do.Kind)
		}
	}
}

func TestRepairIsAskedForInEveryFailingCycle(t *testing.T) {
	e := New(&control.Service{Kind: "process", Name: "s"})
	for range 3 {
		if v := e.Step(Look{Report: missing}); len(v.Findings) != 1 {
			t.Fatalf("asked %d times, want once a cycle", len(v.Findings))
		}
	}
	if v := e.Step(Look{Report: present}); v.State != dialtone.OK || !v.Findings[0].Turned || v.Findings[0].Do != nil {
		t.Errorf("recovery is %+v", v)
	}
}

// TestExtraLooksDecideOnlyWhatOneLookCan: a recheck after a death must not shorten `for 3 cycles`.
func TestExtraLooksDecideOnlyWhatOneLookCan(t *testing.T) {
	e := New(&control.Service{Kind: "process", Name: "s", Rules: []*control.Rule{
		{Test: &control.Exist{Wanted: true}, Window: control.Window{Count: 3, Cycles: 3}, Then: control.Action{Kind: control.Restart}},
	}})
	for range 10 {
		if v := e.Step(Look{Report: missing, Extra: true}); len(v.Findings) != 0 {
			t.Fatal("an extra look fired a rule for 3 cycles")
		}
	}
	for range 3 {
		e.Step(Look{Report: missing})
	}
	if v := e.Step(Look{Report: missing, Extra: true}); len(v.Findings) != 1 {
		t.Error("a rule that has fired does not ask again on an extra look")
	}
	if v := e.Step(Look{Report: present, Extra: true}); v.State != dialtone.OK {
		t.Error("a healed service does not recover on the look that verified it")
	}
}

func TestConnectionOfAStartingProcessHasTime(t *testing.T) {
	port := &control.Connection{Port: 80}
	e := New(&control.Service{Kind: "process", Name: "s", Rules: []*control.Rule{{Test: port, Then: control.Action{Kind: control.Restart}}}})
	born := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	look := func(age time.Duration, started time.Time, err error) dialtone.State {
		r := &checks.Report{Existence: checks.Present, Started: started}
		r.Connected(port, 0, err)
		return e.Step(Look{Report: r, At: started.Add(age)}).State
	}
	refused := errors.New("refused")
	if got := look(10*time.Second, born, refused); got != dialtone.OK {
		t.Errorf("10 s after its start: %s", got)
	}
	if got := look(31*time.Second, born, refused); got != dialtone.Critical {
		t.Errorf("31 s after its start: %s", got)
	}
	again := born.Add(time.Hour)
	if got := look(2*time.Second, again, nil); got != dialtone.OK {
		t.Errorf("once it answers: %s", got)
	}
	if got := look(3*time.Second, again, refused); got != dialtone.Critical {
		t.Errorf("once it has answered and no longer does: %s", got)
	}
}

// TestNothingIsWellBeforeItWasDecided: an agent that starts while a service is down must not tell that it is well, only because its
// rule wants to see three failures.
func TestNothingIsWellBeforeItWasDecided(t *testing.T) {
	port := &control.Connection{Port: 80}
	e := New(&control.Service{Kind: "process", Name: "s", Rules: []*control.Rule{
		{Test: port, Window: control.Window{Count: 3, Cycles: 3}, Then: control.Action{Kind: control.Alert}},
	}})
	look := func(err error) dialtone.State {
		r := &checks.Report{Existence: checks.Present}
		r.Connected(port, 0, err)
		return e.Step(Look{Report: r}).State
	}
	no := errors.New("connection to 127.0.0.1 port 80 refused")
	var got []dialtone.State
	for _, err := range []error{no, no, no, nil, no, no} {
		got = append(got, look(err))
	}
	want := []dialtone.State{dialtone.Unknown, dialtone.Unknown, dialtone.Critical, dialtone.OK, dialtone.OK, dialtone.OK}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestPassesIsWhatVerifiesAHeal(t *testing.T) {
	port := &control.Connection{Port: 80}
	up := &checks.Report{Existence: checks.Present}
	up.Connected(port, time.Millisecond, nil)
	cpu := &control.Compare{Value: "cpu_percent", Op: control.Greater, Threshold: 80}
	tests := []struct {
		name   string
		test   control.Test
		report *checks.Report
		want   bool
	}{
		{"there again", &control.Exist{Wanted: true}, present, true},
		{"still gone", &control.Exist{Wanted: true}, missing, false},
		{"gone as wanted", &control.Exist{}, missing, true},
		{"nobody looked", &control.Exist{Wanted: true}, &checks.Report{}, false},
		{"answers", port, up, true},
		{"connection not tried", port, present, false},
		{"not measured yet", cpu, present, true},
		{"gone, nothing to measure", cpu, missing, false},
		{"a person asked", nil, present, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, why := Passes(test.test, test.report); got != test.want {
				t.Errorf("passes: %v (%s), want %v", got, why, test.want)
			}
		})
	}
}

func TestMeasuredReadsWell(t *testing.T) {
	tests := []struct {
		name  string
		value float64
		want  string
	}{
		{"cpu_percent", 93.456, "cpu is 93.46 %"},
		{"total_memory_bytes", 314572800, "total memory is 300 MiB"},
		{"space_free_bytes", 512, "space free is 512 B"},
		{"response_seconds", 0.25, "response is 0.25 s"},
		{"read_bytes_per_second", 1500, "read is 1500 B/s"},
		{"load1", 8.46, "load1 is 8.46"},
		{"inodes", 12345678, "inodes is 12345678"},
	}
	for _, test := range tests {
		if what, read := measured(test.name, test.value); what+" is "+read != test.want {
			t.Errorf("%s reads %q, want %q", test.name, what+" is "+read, test.want)
		}
	}
}

func TestContent(t *testing.T) {
	tests := []struct {
		name  string
		not   bool
		lines []string
		state dialtone.State
	}{
		{"matches", false, []string{"fine", "kernel: oops"}, dialtone.Warning},
		{"does not", false, []string{"fine"}, dialtone.OK},
		{"no new line", false, nil, dialtone.OK},
		{"none matches", true, []string{"fine"}, dialtone.Warning},
		{"one matches", true, []string{"oops"}, dialtone.OK},
		{"nothing to match", true, nil, dialtone.OK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := New(&control.Service{Kind: "file", Rules: []*control.Rule{{Test: &control.Content{Patterns: []string{"oops"}, Not: test.not}, Then: control.Action{Kind: control.Alert}}}})
			if got := e.Step(Look{Report: &checks.Report{Existence: checks.Present, Lines: test.lines}}).State; got != test.state {
				t.Errorf("state %s, want %s", got, test.state)
			}
		})
	}
}

func TestPlacesFollowTheFile(t *testing.T) {
	at := func(line int) *control.Service {
		pos := control.Position{File: "f", Line: line, Col: 1}
		return &control.Service{Pos: pos, Kind: "process", Name: "s", Rules: []*control.Rule{
			{Pos: pos, Test: &control.Changed{Value: "pid"}, Then: exec(0)},
		}}
	}
	e := New(at(1))
	e.Moved(at(7))
	v := e.Step(Look{Report: missing})
	if diff := cmp.Diff("f:7", v.Findings[0].Place); diff != "" {
		t.Error(diff)
	}
}

// TestHistoryCountsAsASliceWould compares the bit arithmetic with the obvious way.
func TestHistoryCountsAsASliceWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history
		var plain []bool
		for _, failing := range rapid.SliceOf(rapid.Bool()).Draw(t, "samples") {
			h.add(failing)
			plain = append(plain, failing)
		}
		w := control.Window{Count: rapid.IntRange(0, 64).Draw(t, "count"), Cycles: rapid.IntRange(0, 64).Draw(t, "cycles")}
		failing := rapid.Bool().Draw(t, "failing")
		count := 0
		for _, bit := range plain[max(0, len(plain)-max(w.Count, w.Cycles, 1)):] {
			if bit == failing {
				count++
			}
		}
		if got, want := h.reached(failing, w), count >= max(w.Count, 1); got != want {
			t.Errorf("reached %v, want %v", got, want)
		}
	})
}
