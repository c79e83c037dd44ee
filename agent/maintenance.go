package agent

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/dialtone/dialtone/control"
)

// maintenance are spans of time in which failures are recorded, and nobody is told and nothing healed.
type maintenance []span

type span struct {
	written control.Maintenance
	begins  cron.Schedule // nil: From and To
}

func newMaintenance(all []control.Maintenance) (maintenance, error) {
	var m maintenance
	for _, w := range all {
		s := span{written: w}
		if w.Cron != "" {
			parsed, err := fiveFields.Parse(w.Cron)
			if err != nil {
				return nil, fmt.Errorf("maintenance %q: %w", w.Cron, err)
			}
			s.begins = parsed
		}
		m = append(m, s)
	}
	return m, nil
}

// until is the latest end of the spans that hold at now; zero when none does.
func (m maintenance) until(now time.Time) time.Time {
	var latest time.Time
	for _, s := range m {
		if end := s.until(now); end.After(latest) {
			latest = end
		}
	}
	return latest
}

func (s span) until(now time.Time) time.Time {
	if s.begins == nil {
		if now.Before(s.written.From) || !now.Before(s.written.To) {
			return time.Time{}
		}
		return s.written.To
	}
	// Of several beginnings that overlap, the first that still holds is enough: when it ends, the next is found.
	began := s.begins.Next(now.Local().Add(-s.written.For))
	if began.IsZero() || began.After(now) {
		return time.Time{}
	}
	return began.Add(s.written.For)
}

// keepMaintenance notices that a maintenance has begun or ended. What is broken then is told once more: at its beginning so that nobody
// is reminded of it, at its end because somebody must know now.
func (s *service) keepMaintenance(now time.Time) {
	until := s.maintenance.until(now)
	if all := s.agent.maintenance.Load(); all != nil {
		if end := all.until(now); end.After(until) {
			until = end
		}
	}
	turned := until.IsZero() != s.mutedUntil.IsZero()
	s.mutedUntil = until
	if !turned {
		return
	}
	s.publish()
	if bad(s.state) {
		standing := s.standing()
		s.tellState(s.state, standing, false, s.turn(standing))
	}
}
