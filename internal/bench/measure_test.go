package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	cases := []struct {
		name, text string
		want       usage
		bad        bool
	}{
		{"plain", "7 (monit) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99", usage{own: 300 * time.Millisecond, children: 700 * time.Millisecond}, false},
		{"a name with brackets", "7 (a) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 1 0 0 0 20 0 1 0 99", usage{own: 10 * time.Millisecond}, false},
		{"cut off", "7 (monit) S 1 7", usage{}, true},
		{"no number", "7 (monit) S 1 7 7 0 -1 4194560 1 2 3 4 x 20 30 40 20 0 1 0 99", usage{}, true},
		{"empty", "", usage{}, true},
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

func TestUsageIsThatOfAMinute(t *testing.T) {
	if got := perMinute(time.Second, 30*time.Second); got != 2*time.Second {
		t.Errorf("a second in half a minute is %v a minute", got)
	}
	got := usage{own: 123 * time.Millisecond, children: 2 * time.Second, resident: 8.05}.cells()
	if diff := cmp.Diff([]string{"0.12", "2.00", "8.1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOwnProcess(t *testing.T) {
	rests, err := atRest(t.Context(), time.Millisecond, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got := rests[0].resident; got < 1 || got > 10_000 {
		t.Errorf("this test has %v MiB resident", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := atRest(ctx, time.Hour, os.Getpid()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after the end", err)
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

func TestSpread(t *testing.T) {
	got := append(spread([]time.Duration{3 * time.Millisecond, time.Millisecond, 2 * time.Second}), spread(nil)...)
	if diff := cmp.Diff([]string{"3.0 ms", "2000 ms", "2000 ms", "–", "–", "–"}, got); diff != "" {
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
