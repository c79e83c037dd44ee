package uplink

import (
	"encoding/json"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// Bounds of one events frame.
const (
	eventsPerFrame = 64
	eventsBytes    = 256 << 10
)

// parcel is one frame's worth of a lane, found under mu and written outside it.
type parcel struct {
	run   int
	lane  wire.Lane
	spool []ref  // rows on disk; else
	queue []row  // events in memory, because the disk does not take them; or
	live  *batch // samples in memory
	place place
}

// send writes everything that may be written now: status first, then events of every run, then samples.
func (s *session) send() error {
	if err := s.sendStatus(); err != nil {
		return err
	}
	for {
		p, ok := s.pick()
		if !ok {
			return nil
		}
		if err := s.sendParcel(p); err != nil {
			return err
		}
	}
}

func (s *session) sendStatus() error {
	s.u.mu.Lock()
	text, fresh := s.u.status, s.u.fresh
	s.u.fresh = false
	s.u.mu.Unlock()
	if !fresh {
		return nil
	}
	frame, err := wire.AppendFrame(nil, wire.TypeStatus, text)
	if err != nil {
		return err
	}
	return s.write(frame)
}

// pick finds what to send next. Events go before samples, old runs before new ones, disk before memory.
func (s *session) pick() (parcel, bool) {
	s.u.mu.Lock()
	defer s.u.mu.Unlock()
	for _, lane := range []wire.Lane{wire.LaneEvents, wire.LaneSamples} {
		if s.flying(lane) >= s.window(lane) {
			continue
		}
		if p, ok := s.fromSpool(lane); ok {
			return p, true
		}
		if p, ok := s.fromMemory(lane); ok {
			return p, true
		}
	}
	return parcel{}, false
}

// window is how many frames of a lane may be on their way. Samples begin with one: a collector whose store takes none must
// not hold sixteen blocks of every agent that comes back.
func (s *session) window(lane wire.Lane) int {
	if lane == wire.LaneSamples && !s.flows {
		return 1
	}
	return window[lane]
}

func (s *session) flying(lane wire.Lane) (n int) {
	for _, f := range s.flight {
		if f.lane == lane {
			n++
		}
	}
	return n
}

func (s *session) fromSpool(lane wire.Lane) (parcel, bool) {
	refs := s.u.spool.refs[lane]
	for i, r := range refs {
		run, named := s.index[s.u.spool.names[r.run]]
		if !named || r.last <= *number(&s.sent[run], lane) {
			continue
		}
		n, size := 1, r.size
		for lane == wire.LaneEvents && i+n < len(refs) && n < eventsPerFrame && size < eventsBytes && follows(refs[i+n-1], refs[i+n]) {
			size += refs[i+n].size
			n++
		}
		rows := append([]ref(nil), refs[i:i+n]...)
		return parcel{run: run, lane: lane, spool: rows, place: place{lane, r.run}}, true
	}
	return parcel{}, false
}

func follows(a, b ref) bool { return a.run == b.run && a.last+1 == b.first }

func (s *session) fromMemory(lane wire.Lane) (parcel, bool) {
	run := len(s.runs) - 1
	sent := *number(&s.sent[run], lane)
	if lane == wire.LaneSamples {
		for i := range s.u.batches {
			if s.u.batches[i].Seq > sent {
				b := s.u.batches[i]
				return parcel{run: run, lane: lane, live: &b}, true
			}
		}
		return parcel{}, false
	}
	if s.u.badSpool == nil {
		return parcel{}, false // it will be on disk in a moment
	}
	for i, r := range s.u.queue {
		if r.last > sent {
			return parcel{run: run, lane: lane, queue: s.u.queue[i : i+1]}, true
		}
	}
	return parcel{}, false
}

// number returns the number of one lane.
func number(k *wire.Kept, lane wire.Lane) *uint64 {
	if lane == wire.LaneEvents {
		return &k.Events
	}
	return &k.Samples
}

// sendParcel writes a parcel and notes that it is on its way.
func (s *session) sendParcel(p parcel) error {
	frames, f, err := s.frames(p)
	if err != nil {
		return err
	}
	f.run, f.lane, f.at = p.run, p.lane, time.Now()
	*number(&s.sent[p.run], p.lane) = f.last
	if frames == nil {
		return nil // evicted meanwhile
	}
	s.flight = append(s.flight, f)
	if err := s.write(frames); err != nil {
		return err
	}
	s.u.mu.Lock()
	defer s.u.mu.Unlock()
	if p.lane == wire.LaneEvents {
		s.u.stats.SentEvents += uint64(f.count)
	} else {
		s.u.stats.SentSamples += uint64(f.count)
	}
	return nil
}

// frames returns the bytes of as much of a parcel as fits, nil when nothing of it is left.
func (s *session) frames(p parcel) ([]byte, flight, error) {
	switch {
	case p.live != nil:
		frames, err := s.liveFrames(p)
		return frames, flight{last: p.live.Seq, count: len(p.live.Samples)}, err
	case p.queue != nil:
		r := p.queue[0]
		frames, err := wire.AppendEvents(nil, p.run, r.first, [][]byte{r.data})
		return frames, flight{last: r.last, count: r.count}, err
	case p.lane == wire.LaneEvents:
		return s.eventFrame(p)
	}
	r := p.spool[0]
	f := flight{last: r.last, count: r.count}
	block, err := s.u.spool.read(p.place, r)
	if err != nil || block == nil {
		return nil, f, err
	}
	frames, err := wire.AppendBlock(nil, p.run, r.last, block)
	return frames, f, err
}

func (s *session) liveFrames(p parcel) ([]byte, error) {
	dict, body, err := s.enc.Encode(p.live.Batch)
	if err != nil {
		return nil, err
	}
	var frames []byte
	if dict != nil {
		if frames, err = wire.AppendFrame(frames, wire.TypeDict, dict); err != nil {
			return nil, err
		}
	}
	return wire.AppendSamples(frames, p.run, body)
}

// eventFrame reads rows that follow one another. Rows that were evicted meanwhile, the oldest, are left out; one that the
// disk has spoiled goes alone, so that the collector refuses it alone.
func (s *session) eventFrame(p parcel) ([]byte, flight, error) {
	var list [][]byte
	var first uint64
	f := flight{last: p.spool[len(p.spool)-1].last}
	for _, r := range p.spool {
		data, err := s.u.spool.read(p.place, r)
		if err != nil {
			return nil, f, err
		}
		spoiled := data != nil && !json.Valid(data)
		if len(list) > 0 && (data == nil || spoiled) {
			break
		}
		if data == nil {
			continue
		}
		if len(list) == 0 {
			first = r.first
		}
		list, f.last = append(list, data), r.last
		if spoiled {
			break
		}
	}
	if len(list) == 0 {
		return nil, f, nil
	}
	f.count = len(list)
	frames, err := wire.AppendEvents(nil, p.run, first, list)
	return frames, f, err
}
