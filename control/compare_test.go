package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parseRule parses a rule of a service of the kind.
func parseRule(t *testing.T, header, rule string) *Rule {
	t.Helper()
	f, err := Parse("test", []byte("check "+header+"\n"+rule+" then alert\n"), testVocabulary)
	if err != nil {
		t.Fatalf("%s:\n%v", rule, err)
	}
	return f.Services[0].Rules[0]
}

func TestUnitPicksTheValue(t *testing.T) {
	const process, filesystem = "process x with pidfile /x", "filesystem x with path /x"
	tests := []struct {
		header, rule string
		want         Compare
	}{
		{process, "if memory > 80%", Compare{Value: "memory_percent", Op: Greater, Threshold: 80, Written: "80 %"}},
		{process, "if memory > 80 PERCENT", Compare{Value: "memory_percent", Op: Greater, Threshold: 80, Written: "80 PERCENT"}},
		{process, "if memory > 100 MB", Compare{Value: "memory_bytes", Op: Greater, Threshold: 100 << 20, Written: "100 MB"}},
		{process, "if memory > 100mb", Compare{Value: "memory_bytes", Op: Greater, Threshold: 100 << 20, Written: "100 mb"}},
		{process, "if memory >= 0.5 GB", Compare{Value: "memory_bytes", Op: GreaterEqual, Threshold: 1 << 29, Written: "0.5 GB"}},
		{process, "if filedescriptors > 1000", Compare{Value: "filedescriptors", Op: Greater, Threshold: 1000, Written: "1000"}},
		{process, "if filedescriptors > 90%", Compare{Value: "filedescriptors_percent", Op: Greater, Threshold: 90, Written: "90 %"}},
		{process, "if cpu > 80", Compare{Value: "cpu_percent", Op: Greater, Threshold: 80, Written: "80"}},
		{process, "if uptime < 2 days", Compare{Value: "uptime_seconds", Op: Less, Threshold: 172800, Written: "2 days"}},
		{process, "if uptime < 90", Compare{Value: "uptime_seconds", Op: Less, Threshold: 90, Written: "90"}},
		{process, "if uptime < 5m", Compare{Value: "uptime_seconds", Op: Less, Threshold: 300, Written: "5 m"}},
		{process, "if disk read rate > 10 MB/s", Compare{Value: "read_bytes", Op: Greater, Threshold: 10 << 20, Written: "10 MB/s"}},
		{process, "if disk read > 10 MB per second", Compare{Value: "read_bytes", Op: Greater, Threshold: 10 << 20, Written: "10 MB/s"}},
		{process, "if disk read > 10MB /s", Compare{Value: "read_bytes", Op: Greater, Threshold: 10 << 20, Written: "10 MB/s"}},
		{process, "if disk read > 300 operations/s", Compare{Value: "read_operations", Op: Greater, Threshold: 300, Written: "300 operations/s"}},
		{process, "if loadavg 1min > 4", Compare{Value: "load1", Op: Greater, Threshold: 4, Written: "4"}},
		{process, "if loadavg 5min gt 4.5", Compare{Value: "load5", Op: Greater, Threshold: 4.5, Written: "4.5"}},
		{process, "if children 5", Compare{Value: "children", Op: Equal, Threshold: 5, Written: "5"}},
		{process, "if children notequal 5", Compare{Value: "children", Op: NotEqual, Threshold: 5, Written: "5"}},
		{process, "if threads le 5", Compare{Value: "threads", Op: LessEqual, Threshold: 5, Written: "5"}},
		{filesystem, "if inode > 5000", Compare{Value: "inodes", Op: Greater, Threshold: 5000, Written: "5000"}},
		{filesystem, "if service time > 20 ms", Compare{Value: "service_ms", Op: Greater, Threshold: 20, Written: "20 ms"}},
		{filesystem, "if service time > 2 seconds", Compare{Value: "service_ms", Op: Greater, Threshold: 2000, Written: "2 seconds"}},
		{filesystem, "if service time > 300", Compare{Value: "service_ms", Op: Greater, Threshold: 300, Written: "300"}},
	}
	for _, test := range tests {
		if d := cmp.Diff(Test(&test.want), parseRule(t, test.header, test.rule).Test); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.rule, d)
		}
	}
}

func TestOperatorHolds(t *testing.T) {
	for op, want := range map[Op][3]bool{ // for a value below, at and above the threshold
		Less: {true, false, false}, LessEqual: {true, true, false}, Equal: {false, true, false},
		NotEqual: {true, false, true}, GreaterEqual: {false, true, true}, Greater: {false, false, true}, Op("?"): {},
	} {
		if got := [3]bool{op.Holds(1, 2), op.Holds(2, 2), op.Holds(3, 2)}; got != want {
			t.Errorf("%s holds %v, want %v", op, got, want)
		}
	}
}

func TestWindows(t *testing.T) {
	for rule, want := range map[string]Window{
		"if cpu > 80%":                                   {},
		"if cpu > 80% for 1 cycle":                       {Count: 1, Cycles: 1},
		"if cpu > 80% 3 cycles":                          {Count: 3, Cycles: 3},
		"if cpu > 80% within 3 cycles":                   {Count: 3, Cycles: 3},
		"if cpu > 80% 3 times within 5 cycles":           {Count: 3, Cycles: 5},
		"if cpu > 80% for 3 times within the 5 cycles":   {Count: 3, Cycles: 5},
		"if failed port 80 retry 2 for 64 cycles":        {Count: 64, Cycles: 64},
		"if failed port 80 timeout 3 2 cycles":           {Count: 2, Cycles: 2},
		"if does not exist for 3 times within 64 cycles": {Count: 3, Cycles: 64},
	} {
		if got := parseRule(t, "process x with pidfile /x", rule).Window; got != want {
			t.Errorf("%s: got %v, want %v", rule, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for written, want := range map[string]time.Duration{
		"5": 5 * time.Second, "5 s": 5 * time.Second, "0.25 seconds": 250 * time.Millisecond, "30ms": 30 * time.Millisecond,
		"2 minutes": 2 * time.Minute, "1 hour": time.Hour, "1 day": 24 * time.Hour,
	} {
		f, err := Parse("test", []byte("set daemon "+written), nil)
		if err != nil {
			t.Errorf("set daemon %s:\n%v", written, err)
			continue
		}
		if f.Settings.Interval != want {
			t.Errorf("set daemon %s is %s, want %s", written, f.Settings.Interval, want)
		}
	}
}
