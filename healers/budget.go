package healers

import (
	"fmt"
	"slices"
	"time"

	"github.com/dialtone/dialtone/control"
)

// Limits bound the automatic heals of one service. They are arithmetic on an Account: no clock, no lock, no disk.
type Limits struct {
	PerHour, PerDay int             // zero: a written rule for restarts bounds them instead
	Steps           []time.Duration // pause after the nth heal in a row; the last repeats
	Healthy         time.Duration   // after so long in health, the heals of the last hour are forgiven
}

const mostActs = 1000 // that an account remembers; a budget is smaller, a rule for restarts may allow more in a day

const jitter = 0.2 // of a pause, either way: services that fell together must not rise together

// NewLimits reads the file's budget; zero fields are the defaults.
func NewLimits(b control.Budget) Limits {
	l := Limits{
		PerHour: 3, PerDay: 6, Healthy: 30 * time.Minute,
		Steps: []time.Duration{0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute},
	}
	if b.PerHour > 0 {
		l.PerHour = b.PerHour
		l.PerDay = max(l.PerDay, 2*b.PerHour)
	}
	if b.PerDay > 0 {
		l.PerDay = b.PerDay
	}
	if b.Backoff > 0 {
		scale := float64(b.Backoff) / float64(l.Steps[1])
		for i, step := range l.Steps {
			l.Steps[i] = time.Duration(float64(step) * scale)
		}
	}
	return l
}

// LimitsOf are those of one service. Where the file writes no budget but a rule for the service's restarts, that rule bounds them: the
// pauses of its first restarts in a row are short enough for it to be reached, in the time that its cycles take.
func LimitsOf(s *control.Service, b control.Budget, cycle time.Duration) Limits {
	l := NewLimits(b)
	if b != (control.Budget{}) || len(s.Limits) == 0 {
		return l
	}
	l.PerHour, l.PerDay = 0, 0
	for _, rule := range s.Limits {
		longest := cycle * time.Duration(rule.Cycles) / time.Duration(2*max(rule.Restarts, 1))
		for len(l.Steps) <= rule.Restarts { // behind its restarts stands a pause that is not cut
			l.Steps = append(l.Steps, l.Steps[len(l.Steps)-1])
		}
		for i := range rule.Restarts {
			l.Steps[i] = min(l.Steps[i], longest)
		}
	}
	return l
}

// Account is what one service has spent. The zero value has spent nothing.
type Account struct {
	Acts    []time.Time `json:"acts,omitempty"`     // of the last day, oldest first
	InARow  int         `json:"in_a_row,omitempty"` // heals since the back-off last started over
	Next    time.Time   `json:"next,omitzero"`      // not before this
	Healthy time.Time   `json:"healthy,omitzero"`   // since when; zero while it is not
	Parked  string      `json:"parked,omitempty"`   // why healing was given up; empty while it was not
}

// Answer is what the limits say to a heal.
type Answer struct {
	Go     bool
	Wait   time.Time // with Go false: when to ask again; zero when the budget is spent
	Reason string
}

// Ask says whether a service that fails now may be healed now, and notes that it fails.
func (l Limits) Ask(a *Account, now time.Time) Answer {
	l.settle(a, now)
	a.Healthy = time.Time{}
	if a.Parked != "" {
		return Answer{Reason: a.Parked}
	}
	hour, day := spent(a.Acts, now, time.Hour), len(a.Acts)
	switch {
	case l.PerHour > 0 && hour >= l.PerHour:
		return Answer{Reason: fmt.Sprintf("all %d heals of this hour are spent", l.PerHour)}
	case l.PerDay > 0 && day >= l.PerDay:
		return Answer{Reason: fmt.Sprintf("all %d heals of this day are spent", l.PerDay)}
	case now.Before(a.Next):
		return Answer{Wait: a.Next, Reason: "waiting out the back-off"}
	}
	return Answer{Go: true}
}

// Spend books one heal that begins now. One that is free lengthens the back-off and costs nothing else.
func (l Limits) Spend(a *Account, now time.Time, free bool) {
	a.InARow++
	if !free {
		a.Acts = append(a.Acts, now)
	}
}

// Failed sets the pause before the next heal; chance is uniform in [0, 1).
func (l Limits) Failed(a *Account, now time.Time, chance float64) {
	a.Next = now.Add(l.pause(a.InARow, chance))
	a.Healthy = time.Time{}
}

// Healed begins the time in health. Should the service fail again before the pause is over, the rest of it is waited out.
func (l Limits) Healed(a *Account, now time.Time, chance float64) {
	a.Next = now.Add(l.pause(a.InARow, chance))
	a.Healthy = now
}

// Text is what was spent, as a person reads it.
func (l Limits) Text(a Account, now time.Time) string {
	hour, day := spent(a.Acts, now, time.Hour), spent(a.Acts, now, 24*time.Hour)
	if l.PerHour == 0 {
		return fmt.Sprintf("%d this hour, %d today, bounded by its own rule", hour, day)
	}
	return fmt.Sprintf("%d of %d this hour, %d of %d today", hour, l.PerHour, day, l.PerDay)
}

func (l Limits) pause(inARow int, chance float64) time.Duration {
	step := l.Steps[min(inARow, len(l.Steps)-1)]
	return step + time.Duration(float64(step)*jitter*(2*chance-1))
}

// settle forgets what is over: acts older than a day, the back-off of a service that stayed healthy for its whole pause, and the
// hour of one that stayed healthy for long. Instants from a clock that was set back count as now.
func (l Limits) settle(a *Account, now time.Time) {
	acts := make([]time.Time, 0, len(a.Acts)+1)
	for _, at := range a.Acts {
		if now.Sub(at) < 24*time.Hour {
			acts = append(acts, earlier(at, now))
		}
	}
	a.Acts = acts[max(0, len(acts)-mostActs):]
	if a.Next.Sub(now) > l.pause(len(l.Steps), 1) {
		a.Next = now // no pause is that long: the clock was set back
	}
	if a.Healthy.IsZero() {
		return
	}
	a.Healthy = earlier(a.Healthy, now)
	if !now.Before(a.Next) {
		a.InARow, a.Next = 0, time.Time{}
	}
	if now.Sub(a.Healthy) >= l.Healthy {
		a.Acts = slices.DeleteFunc(a.Acts, func(at time.Time) bool { return now.Sub(at) < time.Hour })
	}
}

func spent(acts []time.Time, now time.Time, within time.Duration) int {
	count := 0
	for _, at := range acts {
		if now.Sub(at) < within {
			count++
		}
	}
	return count
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
