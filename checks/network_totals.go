package checks

import (
	"time"

	"github.com/dialtone/dialtone/control"
)

// longestSpan is the most that a total covers, as in Monit.
const longestSpan = 24 * time.Hour

// totals answers "how much in the last N hours?": it keeps what was counted up to each of the last minutes, as many as the longest span of
// the service's rules has, and nothing where no rule asks.
type totals struct {
	asked []asked
	ring  []traffic // one a minute; the minute's number modulo its length is its place
	now   traffic   // since the agent began
	last  netCount
	begun bool
}

// asked is one total that rules compare.
type asked struct {
	reported string // total_upload_bytes/2h0m0s
	value    string
	over     time.Duration
}

// traffic is what went through since the agent began, up to a minute.
type traffic struct {
	minute                 int64 // since 1970; 0: nothing was counted
	bytesUp, bytesDown     uint64
	packetsUp, packetsDown uint64
}

func newTotals(s *control.Service) totals {
	var t totals
	longest := time.Duration(0)
	for _, rule := range s.Rules {
		test, is := rule.Test.(*control.Compare)
		if !is || test.Over <= 0 || test.Over > longestSpan {
			continue
		}
		t.asked = append(t.asked, asked{reported: test.Reported(), value: test.Value, over: test.Over})
		longest = max(longest, test.Over)
	}
	if longest > 0 {
		t.ring = make([]traffic, int(longest/time.Minute)+2)
	}
	return t
}

// add takes a reading of the counters. A counter that went down began anew: what it shows has all come since.
func (t *totals) add(now time.Time, c netCount) {
	if len(t.ring) == 0 {
		return
	}
	if t.begun {
		t.now.bytesUp += grown(t.last.sent.bytes, c.sent.bytes)
		t.now.bytesDown += grown(t.last.received.bytes, c.received.bytes)
		t.now.packetsUp += grown(t.last.sent.packets, c.sent.packets)
		t.now.packetsDown += grown(t.last.received.packets, c.received.packets)
	}
	t.begun, t.last = true, c
	t.now.minute = now.Unix() / 60
	if place := &t.ring[int(t.now.minute%int64(len(t.ring)))]; place.minute != t.now.minute {
		*place = t.now // what was counted when this minute began
	}
}

func grown(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

func (t *totals) report(r *Report, now time.Time) {
	for _, a := range t.asked {
		then := t.since(now.Add(-a.over).Unix() / 60)
		switch a.value {
		case "total_upload_bytes":
			r.Value(a.reported, float64(t.now.bytesUp-then.bytesUp))
		case "total_download_bytes":
			r.Value(a.reported, float64(t.now.bytesDown-then.bytesDown))
		case "total_upload_packets":
			r.Value(a.reported, float64(t.now.packetsUp-then.packetsUp))
		case "total_download_packets":
			r.Value(a.reported, float64(t.now.packetsDown-then.packetsDown))
		}
	}
}

// since returns the oldest reading that is not older than a minute. Minutes without one (the machine slept) are passed over.
func (t *totals) since(minute int64) traffic {
	oldest := t.now
	for _, at := range t.ring {
		if at.minute != 0 && at.minute >= minute && at.minute < oldest.minute {
			oldest = at
		}
	}
	if place := t.ring[int(t.now.minute%int64(len(t.ring)))]; oldest.minute == t.now.minute && place.minute == t.now.minute {
		return place
	}
	return oldest
}
