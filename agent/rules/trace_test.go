package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// recorded is a trace of Monit 5.33.0 and 6.0.0, which agree: the size test of a file by cycle, 1 where it fails.
const recorded = "00101011101111000011111101000"

func size(bit byte) Look {
	report := &checks.Report{Existence: checks.Present}
	report.Value("size_bytes", 5+10*float64(bit-'0'))
	return Look{Report: report}
}

func sizeRule(w control.Window, recovery *control.Window, then control.Action) *control.Service {
	r := &control.Rule{
		Test: &control.Compare{Value: "size_bytes", Op: control.Greater, Threshold: 10, Written: "10 B"}, Window: w, Then: then,
		Else: &control.Recovery{Then: exec(0)},
	}
	if recovery != nil {
		r.Else.Window = *recovery
	}
	return &control.Service{Kind: "file", Name: "trace", Rules: []*control.Rule{r}}
}

func exec(repeat int) control.Action {
	return control.Action{Kind: control.Exec, Exec: &control.Command{Argv: []string{"/bin/true"}}, Repeat: repeat}
}

func TestRulesFireWhereMonitDoes(t *testing.T) {
	of := func(count, cycles int) control.Window { return control.Window{Count: count, Cycles: cycles} }
	three := of(3, 3)
	tests := []struct {
		name   string
		spec   *control.Service
		failed []int
		passed []int
	}{
		{"plain, else", sizeRule(of(0, 0), nil, exec(0)), []int{2, 4, 6, 10, 18, 25}, []int{3, 5, 9, 14, 24, 26}},
		{"for 3 cycles", sizeRule(of(3, 3), nil, exec(0)), []int{8, 12, 20}, []int{9, 14, 24}},
		{"3 times within 5 cycles", sizeRule(of(3, 5), nil, exec(0)), []int{6, 12, 20}, []int{9, 14, 24}},
		{"for 2 cycles else for 3 cycles", sizeRule(of(2, 2), &three, exec(0)), []int{7, 19}, []int{16, 28}},
		{
			"repeat every 2 cycles", sizeRule(of(0, 0), nil, exec(2)),
			[]int{2, 4, 6, 7, 10, 11, 13, 18, 19, 21, 23, 25},
			[]int{3, 5, 9, 14, 24, 26},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := New(test.spec)
			var failed, passed []int
			for cycle := range len(recorded) {
				for _, f := range e.Step(size(recorded[cycle])).Findings {
					switch {
					case strings.HasSuffix(string(f.Exec), "/rule0/exec"):
						failed = append(failed, cycle)
					case strings.HasSuffix(string(f.Exec), "/rule0/recovery"):
						passed = append(passed, cycle)
					}
				}
			}
			if diff := cmp.Diff(test.failed, failed); diff != "" {
				t.Errorf("failing cycles (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.passed, passed); diff != "" {
				t.Errorf("recovering cycles (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangedFiresOnEachChangeAndNeverRecovers(t *testing.T) {
	e := New(&control.Service{Kind: "file", Name: "trace", Rules: []*control.Rule{{Test: &control.Changed{Value: "size_bytes"}, Then: exec(0)}}})
	var changed []int
	for cycle := range len(recorded) {
		v := e.Step(size(recorded[cycle]))
		for _, f := range v.Findings {
			if !f.Change || f.Failed || f.Do == nil || f.Exec != "trace/rule0/exec" {
				t.Errorf("cycle %d: %+v is not a change", cycle, f)
			}
			changed = append(changed, cycle)
		}
		if v.State != dialtone.OK {
			t.Errorf("cycle %d: a change made the state %s", cycle, v.State)
		}
	}
	if diff := cmp.Diff([]int{2, 3, 4, 5, 6, 9, 10, 14, 18, 24, 25, 26}, changed); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// TestChangedWithin is a trace too: a look without a change begins the count afresh.
func TestChangedWithin(t *testing.T) {
	e := New(&control.Service{Kind: "file", Name: "trace", Rules: []*control.Rule{
		{Test: &control.Changed{Value: "size_bytes"}, Window: control.Window{Count: 2, Cycles: 4}, Then: exec(0)},
	}})
	var changed []int
	for cycle := range len(recorded) {
		if len(e.Step(size(recorded[cycle])).Findings) > 0 {
			changed = append(changed, cycle)
		}
	}
	if diff := cmp.Diff([]int{3, 4, 5, 6, 10, 25, 26}, changed); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// TestRestartLimits is the trace of a service that never comes up: start at 0 1 2 3, the exec of 2 in 3 once at 2, unmonitor at 4.
func TestRestartLimits(t *testing.T) {
	e := New(&control.Service{
		Kind: "process", Name: "trace",
		Limits: []*control.RestartLimit{
			{Restarts: 2, Cycles: 3, Then: exec(0)},
			{Restarts: 4, Cycles: 6, Then: control.Action{Kind: control.Unmonitor}},
		},
	})
	gone := Look{Report: &checks.Report{Existence: checks.Absent}}
	got := map[string][]int{}
	for cycle := range 20 {
		stop := false
		for _, f := range e.Limits() {
			got[string(f.Do.Kind)] = append(got[string(f.Do.Kind)], cycle)
			stop = stop || f.Do.Kind == control.Unmonitor
		}
		if stop {
			break
		}
		for _, f := range e.Step(gone).Findings {
			got[string(f.Do.Kind)] = append(got[string(f.Do.Kind)], cycle)
			e.Acted()
		}
	}
	want := map[string][]int{"restart": {0, 1, 2, 3}, "exec": {2}, "unmonitor": {4}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions by cycle (-want +got):\n%s", diff)
	}
}

func TestRestartLimitsStartOverWhenTheLongestIsPast(t *testing.T) {
	e := New(&control.Service{Kind: "process", Limits: []*control.RestartLimit{{Restarts: 2, Cycles: 3, Then: exec(0)}}})
	var fired []int
	for cycle := range 12 {
		if len(e.Limits()) > 0 {
			fired = append(fired, cycle)
		}
		if slices.Contains([]int{0, 1, 8, 9}, cycle) {
			e.Acted()
		}
	}
	if diff := cmp.Diff([]int{2, 10}, fired); diff != "" {
		t.Errorf("fired (-want +got):\n%s", diff)
	}
}
