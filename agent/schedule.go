package agent

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/dialtone/dialtone/control"
)

// schedule says in which cycles a service is checked: in those that every one of its parts allows.
type schedule []*part

// part is one `every` statement.
type part struct {
	every   control.Every
	cron    cron.Schedule // nil: by cycles
	count   int
	checked time.Time // the minute of the last check by cron
}

var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func newSchedule(all []control.Every) (schedule, error) {
	var s schedule
	for _, e := range all {
		p := &part{every: e}
		if e.Cron != "" {
			parsed, err := fiveFields.Parse(e.Cron)
			if err != nil {
				return nil, fmt.Errorf("every %q: %w", e.Cron, err)
			}
			p.cron = parsed
		}
		s = append(s, p)
	}
	return s, nil
}

// due counts one cycle and says whether the service is checked in it.
func (s schedule) due(now time.Time) bool {
	due := true
	for _, p := range s {
		due = p.due(now) && due
	}
	return due
}

// due: cron minutes are the machine's local ones; a minute that matches is used once, one that must not match (`not every`) never.
func (p *part) due(now time.Time) bool {
	p.count++
	if p.cron == nil {
		return p.every.Cycles <= 1 || (p.count-1)%p.every.Cycles == 0
	}
	minute := now.Local().Truncate(time.Minute)
	matches := p.cron.Next(minute.Add(-time.Second)).Equal(minute)
	if p.every.Not {
		return !matches
	}
	if !matches || p.checked.Equal(minute) {
		return false
	}
	p.checked = minute
	return true
}
