package alerting

import (
	"slices"
	"time"
)

// Bounds of a storm: so many messages in a minute to one way, then digests.
const (
	stormMessages = 20
	stormWindow   = time.Minute
	digestEvery   = 10 * time.Second
	digestRows    = 500
)

// storm counts the messages of a way. Beyond the bound, what waits leaves together in one message.
type storm struct {
	most int         // messages in a minute
	sent []time.Time // the newest, oldest first
}

func (s *storm) count(now time.Time) {
	s.sent = append(s.sent, now)
	if len(s.sent) > 2*s.most {
		s.sent = slices.Clone(s.sent[len(s.sent)-2*s.most:])
	}
}

// recent is how many messages left within the last minute.
func (s *storm) recent(now time.Time) int {
	n := 0
	for _, at := range s.sent {
		if age := now.Sub(at); age >= 0 && age < stormWindow {
			n++
		}
	}
	return n
}

// group takes the rows of the next message from rows, which are ready and not empty, or says how long to wait for it.
// A digest that was begun before goes first and alone, so that its resend is the same message.
func (s *storm) group(rows []*row, now time.Time) ([]*row, time.Duration) {
	if rows[0].Batch != "" {
		return sameBatch(rows), 0
	}
	if s.recent(now) < s.most {
		return rows[:1], 0
	}
	if wait := s.untilDigest(now); wait > 0 {
		return nil, wait
	}
	var together []*row
	for _, r := range rows {
		if r.Batch == "" && len(together) < digestRows {
			together = append(together, r)
		}
	}
	return together, 0
}

// untilDigest spaces digests: the first leaves as soon as the bound is reached, the next ones every ten seconds.
func (s *storm) untilDigest(now time.Time) time.Duration {
	if s.recent(now) <= s.most {
		return 0
	}
	last := s.sent[len(s.sent)-1]
	if now.Before(last) {
		return 0
	}
	return digestEvery - now.Sub(last)
}

func sameBatch(rows []*row) []*row {
	var same []*row
	for _, r := range rows {
		if r.Batch == rows[0].Batch {
			same = append(same, r)
		}
	}
	return same
}
