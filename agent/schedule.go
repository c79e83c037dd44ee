package agent

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/dialtone/dialtone/control"
)

// schedule says in which cycles a service is checked.
type schedule struct {
	every   control.Every
	cron    cron.Schedule // nil: by cycles
	count   int
	checked time.Time // the minute of the last check by cron
}

var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func newSchedule(e control.Every) (schedule, error) {
	s := schedule{every: e}
	if e.Cron == "" {
		return s, nil
	}
	parsed, err := fiveFields.Parse(e.Cron)
	if err != nil {
		return s, fmt.Errorf("every %q: %w", e.Cron, err)
	}
	s.cron = parsed
	return s, nil
}

// due counts one cycle and says whether the service is checked in it. Cron minutes are the machine's local ones; a minute that
// matches is used once, one that must not match (`not every`) never.
func (s *schedule) due(now time.Time) bool {
	s.count++
	if s.cron == nil {
		return s.every.Cycles <= 1 || (s.count-1)%s.every.Cycles == 0
	}
	minute := now.Local().Truncate(time.Minute)
	matches := s.cron.Next(minute.Add(-time.Second)).Equal(minute)
	if s.every.Not {
		return !matches
	}
	if !matches || s.checked.Equal(minute) {
		return false
	}
	s.checked = minute
	return true
}
