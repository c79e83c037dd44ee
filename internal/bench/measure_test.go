package main

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	cases := []struct {
		name, text string
		want       time.Duration
		bad        bool
	}{
		{"plain", "7 (monit) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99", time.Second, false},
		{"a name with brackets", "7 (a) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 1 0 0 0 20 0 1 0 99", 10 * time.Millisecond, false},
		{"cut off", "7 (monit) S 1 7", 0, true},
		{"no number", "7 (monit) S 1 7 7 0 -1 4194560 1 2 3 4 x 20 30 40 20 0 1 0 99", 0, true},
		{"empty", "", 0, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseStat(c.text)
			if got != c.want || (err != nil) != c.bad {
				t.Errorf("got %v, %v; want %v, bad %v", got, err, c.want, c.bad)
			}
		})
	}
}

func TestOwnProcess(t *testing.T) {
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if got := residentMiB(os.Getpid()); got < 1 || got > 10_000 {
		t.Errorf("this test has %v MiB resident", got)
	}
}

func TestQuantile(t *testing.T) {
	var twenty []time.Duration
	for i := range 20 {
		twenty = append(twenty, time.Duration(20-i))
	}
	got := []time.Duration{quantile(twenty, 0.5), quantile(twenty, 0.95), quantile(twenty, 1), quantile(twenty[:1], 0.5), quantile(nil, 0.5)}
	if diff := cmp.Diff([]time.Duration{10, 19, 20, 20, 0}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	got := table([][]string{{"watcher", "median"}, {"monit", millis(1500 * time.Millisecond)}, {"ours", millis(4200 * time.Microsecond)}})
	want := "| watcher | median |\n|---|---|\n| monit | 1500 ms |\n| ours | 4.2 ms |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestServiceIsStartedAgainAndEnded(t *testing.T) {
	s, err := startServices(t.Context(), t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	if _, err := s.kill(t.Context(), s.pidfiles[0], 20*time.Millisecond); err == nil {
		t.Error("nobody watches it, and yet it was started again")
	}
}

func TestSeriesOf(t *testing.T) {
	if got := seriesOf([]byte("# HELP a b\n# TYPE a gauge\na 1\n\na{b=\"c\"} 2\n")); got != 2 {
		t.Errorf("got %d", got)
	}
}
