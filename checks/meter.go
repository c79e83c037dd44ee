package checks

import (
	"time"

	"github.com/dialtone/dialtone/internal/proc"
)

// meter turns a total that grows into a rate: it remembers the total, when it was read, and what came of it.
type meter struct {
	at    time.Time
	total uint64
	last  float64 // per second
	known bool
}

// shortest is the least time that a rate is worth computing over: looks after a death can follow each other within a millisecond.
const shortest = 50 * time.Millisecond

// perSecond returns how fast the total grew since the reading before; ok is false at the first. A reading soon after the last gives the
// same answer. A total that went down (an interface was made anew, a child ended and its time with it) counts as no growth.
func (m *meter) perSecond(at time.Time, total uint64) (rate float64, ok bool) {
	elapsed := at.Sub(m.at)
	if !m.at.IsZero() && elapsed < shortest {
		return m.last, m.known
	}
	m.known = !m.at.IsZero()
	m.last = 0
	if m.known && total > m.total {
		m.last = float64(total-m.total) / elapsed.Seconds()
	}
	m.at, m.total = at, total
	return m.last, m.known
}

// percent is perSecond for CPU ticks, as a share of one core.
func (m *meter) percent(at time.Time, ticks uint64) (percent float64, ok bool) {
	rate, ok := m.perSecond(at, ticks)
	return 100 * rate / proc.TicksPerSecond, ok
}

// rates are the meters of one thing that is counted in several ways.
type rates map[string]*meter

// report records the rate of each total, by the value's name, as far as it is known.
func (m rates) report(r *Report, at time.Time, totals map[string]uint64) {
	for name, total := range totals {
		if m[name] == nil {
			m[name] = &meter{}
		}
		if rate, ok := m[name].perSecond(at, total); ok {
			r.Value(name, rate)
		}
	}
}
