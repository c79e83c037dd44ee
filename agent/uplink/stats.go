package uplink

import (
	"time"

	"github.com/dialtone/dialtone/wire"
)

// Stats is how an uplink stands, for /metrics and the status command. Counts are since New, except for what is said of
// the spool, which is what it holds now.
type Stats struct {
	URL       string
	Connected bool
	Since     time.Time     // when Connected last changed; zero: never connected
	RTT       time.Duration // of the newest heartbeat
	Connects  uint64        // welcomes

	SpooledBytes   int64
	SpooledEvents  int
	SpooledSamples int
	PendingEvents  int // not on disk yet
	PendingSamples int // in memory

	SentSamples    uint64 // first sends and resends
	AckedSamples   uint64
	SentEvents     uint64
	AckedEvents    uint64
	SentBytes      uint64
	DroppedSamples uint64 // a full spool or memory could not keep them
	DroppedEvents  uint64
	InvalidSamples uint64 // never taken; Invalid is why the last one was not
	Invalid        string
	Refused        uint64 // batches that the collector could not read

	LastError   string // of link or spool; it stays after the trouble has ended
	LastErrorAt time.Time
}

func (s *Stats) fail(err error) { s.LastError, s.LastErrorAt = err.Error(), time.Now().UTC() }

// Stats returns how the uplink stands.
func (u *Uplink) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stats
	s.SpooledBytes, s.PendingEvents, s.PendingSamples = u.spool.size, len(u.queue), u.pending+len(u.gathered)
	for _, r := range u.spool.refs[wire.LaneEvents] {
		s.SpooledEvents += r.count
	}
	for _, r := range u.spool.refs[wire.LaneSamples] {
		s.SpooledSamples += r.count
	}
	return s
}
