package uplink

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone/wire"
)

var (
	bucketSpool = []byte("spool")
	bucketRuns  = []byte("runs") // number of a run, 4 bytes → its ID
	bucketRows  = []byte("rows") // key of a row → last number (8), count (4), data
	keyLost     = []byte("lost")
)

const (
	keySize  = 1 + 4 + 8 // lane, number of the run, first number; big-endian, so that they lie in the order of sending
	headSize = 8 + 4
)

// row is one entry of the spool: an event, or a block of samples.
type row struct {
	first, last uint64
	count       int // events or samples
	data        []byte
}

// ref says where a row is without holding its data.
type ref struct {
	run         uint32
	first, last uint64
	count, size int
}

// place is one lane of one run.
type place struct {
	lane wire.Lane
	run  uint32
}

// loss is what a full spool could not keep, until the collector has been told.
type loss struct {
	Events  int       `json:"events"`
	Samples int       `json:"samples"`
	Since   time.Time `json:"since,omitzero"`
}

// spool is what waits on disk, and an index of it in memory. Only the keeper changes either; the index changes under
// the uplink's mu, so that a session which holds mu sees a row either in memory or on disk.
type spool struct {
	db    *bbolt.DB
	max   int64
	refs  map[wire.Lane][]ref // in the order of sending
	names map[uint32]string   // runs that have rows
	size  int64
	lost  loss
}

func openSpool(db *bbolt.DB, most int64) (*spool, error) {
	s := &spool{db: db, max: most, refs: map[wire.Lane][]ref{}, names: map[uint32]string{}}
	err := db.View(func(tx *bbolt.Tx) error {
		top := tx.Bucket(bucketSpool)
		if top == nil {
			return nil
		}
		if text := top.Get(keyLost); text != nil {
			if err := json.Unmarshal(text, &s.lost); err != nil {
				return err
			}
		}
		return s.index(top)
	})
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	return s, nil
}

func (s *spool) index(top *bbolt.Bucket) error {
	rows, runs := top.Bucket(bucketRows), top.Bucket(bucketRuns)
	if rows == nil || runs == nil {
		return nil
	}
	err := runs.ForEach(func(k, v []byte) error {
		s.names[binary.BigEndian.Uint32(k)] = string(v)
		return nil
	})
	if err != nil {
		return err
	}
	return rows.ForEach(func(k, v []byte) error {
		if len(k) != keySize || len(v) < headSize {
			return fmt.Errorf("row of %d and %d bytes: %w", len(k), len(v), wire.ErrCorrupt)
		}
		lane := wire.Lane(k[0])
		s.refs[lane] = append(s.refs[lane], ref{
			run: binary.BigEndian.Uint32(k[1:]), first: binary.BigEndian.Uint64(k[5:]),
			last: binary.BigEndian.Uint64(v), count: int(binary.BigEndian.Uint32(v[8:])), size: keySize + len(v),
		})
		s.size += int64(keySize + len(v))
		return nil
	})
}

func rowKey(p place, first uint64) []byte {
	k := append(make([]byte, 0, keySize), byte(p.lane))
	k = binary.BigEndian.AppendUint32(k, p.run)
	return binary.BigEndian.AppendUint64(k, first)
}

// number returns the number of a run that has rows.
func (s *spool) number(run string) (uint32, bool) {
	for n, id := range s.names {
		if id == run {
			return n, true
		}
	}
	return 0, false
}

// written is the outcome of one transaction, to be applied to the index under mu.
type written struct {
	run   uint32
	name  string
	lane  wire.Lane
	added []ref
	gone  map[wire.Lane]int // how many of the oldest were evicted
	lost  loss
}

// put writes rows of one run in one transaction, evicting the oldest samples, and only then the oldest events, when the
// spool is full. The index is as it was until apply.
func (s *spool) put(lane wire.Lane, run string, rows []row) (written, error) {
	w := written{name: run, lane: lane, gone: map[wire.Lane]int{}, lost: s.lost}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		top, err := buckets(tx)
		if err != nil {
			return err
		}
		if w.run, err = s.register(top, run); err != nil {
			return err
		}
		b := top.Bucket(bucketRows)
		b.FillPercent = 0.9 // keys only ever grow
		rows, err := s.evict(b, &w, rows)
		if err != nil {
			return err
		}
		for _, r := range rows {
			value := binary.BigEndian.AppendUint64(make([]byte, 0, headSize+len(r.data)), r.last)
			value = append(binary.BigEndian.AppendUint32(value, uint32(r.count)), r.data...)
			if err := b.Put(rowKey(place{lane, w.run}, r.first), value); err != nil {
				return err
			}
			w.added = append(w.added, ref{run: w.run, first: r.first, last: r.last, count: r.count, size: keySize + len(value)})
		}
		return putLost(top, w.lost)
	})
	if err != nil {
		return written{}, fmt.Errorf("writing spool: %w", err)
	}
	return w, nil
}

func buckets(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	top, err := tx.CreateBucketIfNotExists(bucketSpool)
	if err != nil {
		return nil, err
	}
	if _, err := top.CreateBucketIfNotExists(bucketRuns); err != nil {
		return nil, err
	}
	_, err = top.CreateBucketIfNotExists(bucketRows)
	return top, err
}

// register gives a run its number, which is higher than that of every earlier run.
func (s *spool) register(top *bbolt.Bucket, run string) (uint32, error) {
	if n, ok := s.number(run); ok {
		return n, nil
	}
	runs := top.Bucket(bucketRuns)
	n, err := runs.NextSequence()
	if err != nil {
		return 0, err
	}
	return uint32(n), runs.Put(binary.BigEndian.AppendUint32(nil, uint32(n)), []byte(run))
}

// evict makes room for rows, and returns those of them that there is room for.
func (s *spool) evict(b *bbolt.Bucket, w *written, rows []row) ([]row, error) {
	var need int64
	for _, r := range rows {
		need += int64(keySize + headSize + len(r.data))
	}
	over := s.size + need - s.max
	for _, lane := range []wire.Lane{wire.LaneSamples, wire.LaneEvents} {
		if lane == wire.LaneEvents && w.lane == wire.LaneSamples {
			break // samples never push out events
		}
		for _, r := range s.refs[lane] {
			if over <= 0 {
				return rows, nil
			}
			if err := b.Delete(rowKey(place{lane, r.run}, r.first)); err != nil {
				return nil, err
			}
			over -= int64(r.size)
			w.gone[lane]++
			w.lost.add(lane, r.count)
		}
	}
	for over > 0 && len(rows) > 0 {
		over -= int64(keySize + headSize + len(rows[0].data))
		w.lost.add(w.lane, rows[0].count)
		rows = rows[1:]
	}
	return rows, nil
}

func (l *loss) add(lane wire.Lane, n int) {
	if l.Since.IsZero() {
		l.Since = time.Now().UTC()
	}
	if lane == wire.LaneEvents {
		l.Events += n
	} else {
		l.Samples += n
	}
}

func (l loss) any() bool { return l.Events > 0 || l.Samples > 0 }

func putLost(top *bbolt.Bucket, l loss) error {
	if !l.any() {
		return top.Delete(keyLost)
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return top.Put(keyLost, text)
}

// apply brings the index up to what put wrote.
func (s *spool) apply(w written) {
	for lane, n := range w.gone {
		for _, r := range s.refs[lane][:n] {
			s.size -= int64(r.size)
		}
		s.refs[lane] = slices.Delete(s.refs[lane], 0, n)
	}
	s.names[w.run] = w.name
	for _, r := range w.added {
		s.size += int64(r.size)
	}
	s.refs[w.lane] = append(s.refs[w.lane], w.added...)
	s.lost = w.lost
}

// holds reports whether rows up to a number are there to be deleted; most acks are of what never reached the disk.
func (s *spool) holds(p place, seq uint64) bool {
	return slices.ContainsFunc(s.refs[p.lane], func(r ref) bool { return r.run == p.run && r.last <= seq })
}

// remove deletes the rows up to the acknowledged numbers, and runs that have none left.
func (s *spool) remove(acked map[place]uint64) error {
	left := map[uint32]bool{}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		top := tx.Bucket(bucketSpool)
		if top == nil {
			return nil
		}
		for lane, refs := range s.refs {
			for _, r := range refs {
				p := place{lane, r.run}
				if r.last > acked[p] {
					left[r.run] = true
				} else if err := top.Bucket(bucketRows).Delete(rowKey(p, r.first)); err != nil {
					return err
				}
			}
		}
		return s.dropRuns(top, left)
	})
	if err != nil {
		return fmt.Errorf("deleting from spool: %w", err)
	}
	return nil
}

func (s *spool) dropRuns(top *bbolt.Bucket, left map[uint32]bool) error {
	for n := range s.names {
		if left[n] {
			continue
		}
		if err := top.Bucket(bucketRuns).Delete(binary.BigEndian.AppendUint32(nil, n)); err != nil {
			return err
		}
	}
	return nil
}

// removed brings the index up to what remove deleted.
func (s *spool) removed(acked map[place]uint64) {
	left := map[uint32]bool{}
	for lane, refs := range s.refs {
		s.refs[lane] = slices.DeleteFunc(refs, func(r ref) bool {
			gone := r.last <= acked[place{lane, r.run}]
			if gone {
				s.size -= int64(r.size)
			} else {
				left[r.run] = true
			}
			return gone
		})
	}
	for n := range s.names {
		if !left[n] {
			delete(s.names, n)
		}
	}
}

// read returns the data of a row; nil when it was evicted meanwhile.
func (s *spool) read(p place, r ref) ([]byte, error) {
	var data []byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		top := tx.Bucket(bucketSpool)
		if top == nil {
			return nil
		}
		if v := top.Bucket(bucketRows).Get(rowKey(p, r.first)); len(v) >= headSize {
			data = slices.Clone(v[headSize:])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	return data, nil
}

// forgive forgets the losses that have been told.
func (s *spool) forgive() error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		if top := tx.Bucket(bucketSpool); top != nil {
			return top.Delete(keyLost)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing spool: %w", err)
	}
	return nil
}

// runs lists the runs that have rows, except present, the oldest first.
func (s *spool) runs(present string) []wire.Run {
	var list []wire.Run
	for _, n := range slices.Sorted(maps.Keys(s.names)) {
		if s.names[n] == present {
			continue
		}
		run := wire.Run{ID: s.names[n]}
		for lane, refs := range s.refs {
			for _, r := range refs {
				if r.run != n {
					continue
				}
				if lane == wire.LaneEvents {
					run.Events = max(run.Events, r.last)
				} else {
					run.Samples = max(run.Samples, r.last)
				}
			}
		}
		list = append(list, run)
	}
	return list
}
