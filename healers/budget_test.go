package healers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dialtone/dialtone/control"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestBackoffOfAServiceThatNeverComesBack asks at every second, heals whenever it may, and fails each time.
func TestBackoffOfAServiceThatNeverComesBack(t *testing.T) {
	l := NewLimits(control.Budget{PerHour: 5, PerDay: 6})
	var a Account
	var acts []time.Duration
	var last Answer
	for second := range 3600 {
		now := noon.Add(time.Duration(second) * time.Second)
		last = l.Ask(&a, now)
		if last.Go {
			acts = append(acts, now.Sub(noon))
			l.Spend(&a, now, false)
			l.Failed(&a, now, 0.5)
		}
	}
	want := []time.Duration{0, 5 * time.Second, 35 * time.Second, 155 * time.Second, 755 * time.Second}
	if diff := cmp.Diff(want, acts); diff != "" {
		t.Errorf("heals (-want +got):\n%s", diff)
	}
	if last.Reason != "all 5 heals of this hour are spent" || !last.Wait.IsZero() {
		t.Errorf("in the end the answer is %+v", last)
	}
}

func TestBackoffStartsOverAfterAPauseInHealth(t *testing.T) {
	l := NewLimits(control.Budget{PerHour: 100, PerDay: 100})
	tests := []struct {
		name    string
		healthy time.Duration
		wait    time.Duration
		inARow  int
	}{
		{"dies at once", time.Second, 4 * time.Second, 1},
		{"dies after its pause", 6 * time.Second, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var a Account
			l.Ask(&a, noon)
			l.Spend(&a, noon, false)
			l.Healed(&a, noon, 0.5)
			now := noon.Add(test.healthy)
			answer := l.Ask(&a, now)
			if answer.Go != (test.wait == 0) || a.InARow != test.inARow {
				t.Errorf("got %+v after %d in a row", answer, a.InARow)
			}
			if test.wait > 0 && answer.Wait.Sub(now) != test.wait {
				t.Errorf("waits %s, want %s", answer.Wait.Sub(now), test.wait)
			}
		})
	}
}

func TestHalfAnHourOfHealthForgivesTheHour(t *testing.T) {
	l := NewLimits(control.Budget{})
	a := Account{Acts: []time.Time{noon, noon, noon}, Healthy: noon}
	if answer := l.Ask(&a, noon.Add(31*time.Minute)); !answer.Go {
		t.Errorf("after 31 healthy minutes: %+v", answer)
	}
	a = Account{Acts: []time.Time{noon, noon, noon}}
	if answer := l.Ask(&a, noon.Add(31*time.Minute)); answer.Go {
		t.Error("31 minutes that were not healthy forgave the hour")
	}
}

func TestARuleForRestartsBoundsThemInsteadOfTheBudget(t *testing.T) {
	limited := &control.Service{Limits: []*control.RestartLimit{{Restarts: 5, Cycles: 10}}}
	tests := []struct {
		name    string
		service *control.Service
		written control.Budget
		heals   int // of an hour, of a service that never comes back
		within  time.Duration
		text    string
	}{
		{"no rule", &control.Service{}, control.Budget{}, 3, 0, "3 of 3 this hour, 3 of 6 today"},
		{"a rule", limited, control.Budget{}, 9, 50 * time.Second, "9 this hour, 9 today, bounded by its own rule"},
		{"a rule and a written budget", limited, control.Budget{PerHour: 2}, 2, 0, "2 of 2 this hour, 2 of 6 today"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := LimitsOf(test.service, test.written, 5*time.Second)
			var a Account
			var acts []time.Duration
			for second := range 3600 {
				now := noon.Add(time.Duration(second) * time.Second)
				if l.Ask(&a, now).Go {
					acts = append(acts, now.Sub(noon))
					l.Spend(&a, now, false)
					l.Failed(&a, now, 0.999) // the longest pauses
				}
			}
			if len(acts) != test.heals {
				t.Fatalf("healed after %s, want %d heals", acts, test.heals)
			}
			if test.within > 0 && acts[4] > test.within {
				t.Errorf("the fifth comes after %s: the rule is out of reach", acts[4])
			}
			if got := l.Text(a, noon.Add(59*time.Minute)); got != test.text {
				t.Errorf("reads %q, want %q", got, test.text)
			}
		})
	}
}

// TestEveryRuleForRestartsCanBeReached: whatever the file writes, restarts in a row fit into its cycles, with time left to act.
func TestEveryRuleForRestartsCanBeReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &control.Service{}
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			s.Limits = append(s.Limits, &control.RestartLimit{
				Restarts: rapid.IntRange(1, 30).Draw(t, "restarts"), Cycles: rapid.IntRange(1, 100).Draw(t, "cycles"),
			})
		}
		l := LimitsOf(s, control.Budget{}, 5*time.Second)
		for _, rule := range s.Limits {
			var pauses time.Duration
			for n := 1; n < rule.Restarts; n++ {
				pauses += l.pause(n, 1)
			}
			if most := 5 * time.Second * time.Duration(rule.Cycles) * 2 / 3; pauses > most {
				t.Fatalf("%d restarts wait %s, of %d cycles", rule.Restarts, pauses, rule.Cycles)
			}
		}
	})
}

func TestAFreeHealCostsItsBackoffOnly(t *testing.T) {
	l := NewLimits(control.Budget{})
	var a Account
	l.Spend(&a, noon, true)
	l.Failed(&a, noon, 0.5)
	if got := l.Text(a, noon); got != "0 of 3 this hour, 0 of 6 today" {
		t.Errorf("cost %s", got)
	}
	if answer := l.Ask(&a, noon.Add(time.Second)); answer.Go || answer.Wait != noon.Add(5*time.Second) {
		t.Errorf("a second later: %+v", answer)
	}
}

func TestParkedStaysParked(t *testing.T) {
	l := NewLimits(control.Budget{})
	a := Account{Parked: "all 3 heals of this hour are spent"}
	if answer := l.Ask(&a, noon.Add(48*time.Hour)); answer.Go || answer.Reason != a.Parked || !answer.Wait.IsZero() {
		t.Errorf("got %+v", answer)
	}
}

func TestBackoffScales(t *testing.T) {
	l := NewLimits(control.Budget{PerHour: 50, Backoff: time.Second})
	want := []time.Duration{0, time.Second, 6 * time.Second, 24 * time.Second, 2 * time.Minute}
	if diff := cmp.Diff(want, l.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if l.PerDay != 100 {
		t.Errorf("a day allows %d, less than an hour does", l.PerDay)
	}
	if got := l.Text(Account{Acts: []time.Time{noon}}, noon); got != "1 of 50 this hour, 1 of 100 today" {
		t.Errorf("reads %q", got)
	}
}

// TestBudgetHolds tries any sequence of waits, clock jumps and outcomes: never more heals within a clock hour or day than allowed
// (but for hours that were forgiven), never an endless wait.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLimits(control.Budget{PerHour: rapid.IntRange(1, 5).Draw(t, "hour"), PerDay: rapid.IntRange(1, 8).Draw(t, "day")})
		var a Account
		var acts []time.Time
		now := noon
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "wait")) * time.Second)
			answer := l.Ask(&a, now)
			if answer.Wait.Sub(now) > 12*time.Minute {
				t.Fatalf("waits %s", answer.Wait.Sub(now))
			}
			if !answer.Go {
				continue
			}
			l.Spend(&a, now, false)
			acts = append(acts, now)
			if spent(acts, now, 24*time.Hour) > l.PerDay+24*l.PerHour || len(a.Acts) > l.PerDay {
				t.Fatalf("%d heals in a day, %d allowed", len(a.Acts), l.PerDay)
			}
			l.Failed(&a, now, rapid.Float64Range(0, 0.999).Draw(t, "chance"))
			if got := spent(acts, now, time.Hour); got > l.PerHour {
				t.Fatalf("%d heals in an hour, %d allowed", got, l.PerHour)
			}
		}
	})
}

func TestBudgetSurvivesClockJumps(t *testing.T) {
	l := NewLimits(control.Budget{})
	var a Account
	l.Ask(&a, noon)
	l.Spend(&a, noon, false)
	l.Failed(&a, noon, 0.5)
	back := noon.Add(-24 * time.Hour)
	answer := l.Ask(&a, back)
	if answer.Wait.Sub(back) > 12*time.Minute {
		t.Errorf("a clock set back a day makes the service wait %s", answer.Wait.Sub(back))
	}
	if answer := l.Ask(&a, back.Add(time.Hour)); !answer.Go {
		t.Errorf("an hour later: %+v", answer)
	}
}
