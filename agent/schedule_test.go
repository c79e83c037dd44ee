package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/control"
)

func TestScheduleByCycles(t *testing.T) {
	s, err := newSchedule([]control.Every{{Cycles: 3}})
	if err != nil {
		t.Fatal(err)
	}
	var due []int
	for cycle := range 8 {
		if s.due(time.Now()) {
			due = append(due, cycle)
		}
	}
	if diff := cmp.Diff([]int{0, 3, 6}, due); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

func TestScheduleByCron(t *testing.T) {
	at := func(day, hour, minute, second int) time.Time { // March 2026 begins on a Sunday
		return time.Date(2026, 3, day, hour, minute, second, 0, time.Local)
	}
	tests := []struct {
		name  string
		every control.Every
		at    []time.Time
		want  []bool
	}{
		{
			"once a minute that matches",
			control.Every{Cron: "* 8-19 * * 1-5"},
			[]time.Time{at(2, 7, 59, 59), at(2, 8, 0, 0), at(2, 8, 0, 30), at(2, 8, 1, 2), at(2, 20, 0, 0), at(7, 9, 0, 0)},
			[]bool{false, true, false, true, false, false},
		},
		{
			"not",
			control.Every{Cron: "* 3 * * *", Not: true},
			[]time.Time{at(2, 2, 59, 59), at(2, 3, 0, 0), at(2, 3, 59, 59), at(2, 4, 0, 0), at(2, 4, 0, 5)},
			[]bool{true, false, false, true, true},
		},
		{
			"a list",
			control.Every{Cron: "0,30 12 * * *"},
			[]time.Time{at(2, 12, 0, 1), at(2, 12, 29, 0), at(2, 12, 30, 0)},
			[]bool{true, false, true},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := newSchedule([]control.Every{test.every})
			if err != nil {
				t.Fatal(err)
			}
			for i, now := range test.at {
				if got := s.due(now); got != test.want[i] {
					t.Errorf("due at %s: %v", now.Format(time.DateTime), got)
				}
			}
		})
	}
}

func TestScheduleRefusesWhatIsNoCron(t *testing.T) {
	if _, err := newSchedule([]control.Every{{Cron: "every day"}}); err == nil {
		t.Error("accepted")
	}
}

// TestSchedulesOfOneServiceAllAllow: several `every` statements leave the cycles that all of them leave.
func TestSchedulesOfOneServiceAllAllow(t *testing.T) {
	s, err := newSchedule([]control.Every{{Cron: "* 3 * * *", Not: true}, {Cron: "30 * * * *", Not: true}})
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]bool{"03:10": false, "04:30": false, "04:31": true} {
		at, _ := time.ParseInLocation("2006-01-02 15:04", "2026-03-02 "+clock, time.Local)
		if s.due(at) != want {
			t.Errorf("due at %s: %v", clock, !want)
		}
	}
}
