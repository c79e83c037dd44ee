package rules

import (
	"fmt"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// limits are the `if N restarts within M cycles` statements of a service. As in Monit, counting begins with the first restart
// and ends when the longest of them is over.
type limits struct {
	written  []*control.RestartLimit
	places   []string
	fired    []bool
	restarts int
	cycles   int
}

func newLimits(s *control.Service) *limits {
	l := &limits{written: s.Limits, fired: make([]bool, len(s.Limits))}
	l.moved(s)
	return l
}

func (l *limits) moved(s *control.Service) {
	l.places = l.places[:0]
	for _, limit := range s.Limits {
		l.places = append(l.places, limit.Pos.Place())
	}
}

func (l *limits) acted() { l.restarts++ }

// cycle counts a cycle and returns the limits that are reached; an exec only when it was not before.
func (l *limits) cycle(service string) []Finding {
	if l.restarts == 0 {
		return nil
	}
	l.cycles++
	var found []Finding
	longest := 0
	for i, limit := range l.written {
		longest = max(longest, limit.Cycles)
		if l.restarts < limit.Restarts || l.cycles > limit.Cycles {
			continue
		}
		if f, due := l.finding(i, service); due {
			found = append(found, f)
		}
		l.fired[i] = true
	}
	if l.cycles > longest {
		l.restarts, l.cycles = 0, 0
		clear(l.fired)
	}
	return found
}

func (l *limits) finding(i int, service string) (Finding, bool) {
	limit := l.written[i]
	f := Finding{
		Place: l.places[i], Text: limit.Text, Failed: true, Turned: !l.fired[i], Do: &limit.Then,
		Why: fmt.Sprintf("restarted %d times within %d cycles", l.restarts, limit.Cycles),
	}
	if limit.Then.Kind == control.Exec || limit.Then.Next != nil {
		f.Exec = healers.LimitAction(service, i)
		return f, f.Turned
	}
	return f, f.Turned || limit.Then.Kind != control.Alert
}
