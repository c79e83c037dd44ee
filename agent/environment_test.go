package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// TestEnvironmentIsMonits: the names and values that Monit 5.33 gave to a program for the same findings.
func TestEnvironmentIsMonits(t *testing.T) {
	memory, size := &control.Compare{Value: "memory_percent"}, &control.Compare{Value: "size_bytes"}
	for _, test := range []struct {
		kind    string
		finding rules.Finding
		report  *checks.Report
		want    map[string]string
	}{
		{
			"process",
			rules.Finding{Test: memory, Failed: true, Why: "memory is 91 %"},
			&checks.Report{PID: 7, Values: map[string]float64{"memory_bytes": 1644 << 10, "children": 0, "cpu_percent": 12.4}},
			map[string]string{
				"MONIT_EVENT": "Resource limit matched", "MONIT_DESCRIPTION": "memory is 91 %", "MONIT_PROCESS_PID": "7",
				"MONIT_PROCESS_MEMORY": "1644", "MONIT_PROCESS_CHILDREN": "0", "MONIT_PROCESS_CPU_PERCENT": "12",
			},
		},
		{
			"program",
			rules.Finding{Test: &control.Compare{Value: "status"}, Failed: true},
			&checks.Report{Values: map[string]float64{"status": 1}},
			map[string]string{"MONIT_EVENT": "Status failed", "MONIT_DESCRIPTION": "", "MONIT_PROGRAM_STATUS": "1"},
		},
		{"file", rules.Finding{Test: size, Failed: true}, nil, map[string]string{"MONIT_EVENT": "Size failed", "MONIT_DESCRIPTION": ""}},
		{"file", rules.Finding{Test: size}, nil, map[string]string{"MONIT_EVENT": "Size succeeded", "MONIT_DESCRIPTION": ""}},
		{
			"file",
			rules.Finding{Test: &control.Changed{Value: "timestamp_age_seconds"}, Change: true},
			nil,
			map[string]string{"MONIT_EVENT": "Timestamp changed", "MONIT_DESCRIPTION": ""},
		},
		{
			"file",
			rules.Finding{Test: &control.Exist{Wanted: true}, Failed: true},
			nil,
			map[string]string{"MONIT_EVENT": "Does not exist", "MONIT_DESCRIPTION": ""},
		},
	} {
		s := &service{spec: &control.Service{Name: "x", Kind: test.kind}, report: test.report, agent: &Agent{config: Config{Node: dialtone.Node{Name: "web1"}}}}
		got := s.environment(eventOf(s.spec, test.finding), test.finding.Why)
		if got["MONIT_DATE"] == "" {
			t.Error("no date")
		}
		delete(got, "MONIT_DATE")
		test.want["MONIT_SERVICE"], test.want["MONIT_HOST"] = "x", "web1"
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.want["MONIT_EVENT"], diff)
		}
	}
}
