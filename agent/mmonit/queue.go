package mmonit

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone/agent/statusdoc"
)

var bucket = []byte("mmonit") // number of an event, 8 bytes → event

// queue is the events that no M/Monit has taken, in order: in memory, and on disk for the agent's next start.
type queue struct {
	db *bbolt.DB

	mu      sync.Mutex
	entries []entry
	number  uint64 // the last one given
}

type entry struct {
	number uint64
	event  statusdoc.Event
}

func openQueue(db *bbolt.DB) (*queue, error) {
	q := &queue{db: db}
	err := db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		if b == nil {
			return nil
		}
		return b.ForEach(func(key, text []byte) error {
			e := entry{number: binary.BigEndian.Uint64(key)}
			if err := json.Unmarshal(text, &e.event); err != nil {
				return fmt.Errorf("event %d: %w", e.number, err)
			}
			q.entries, q.number = append(q.entries, e), e.number
			return nil
		})
	})
	return q, err
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries)
}

// add takes events. Beyond most the oldest are dropped. With an error they are in memory alone.
func (q *queue) add(events []statusdoc.Event, most int) (dropped int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	q.mu.Lock()
	var added []entry
	for _, e := range events {
		q.number++
		added = append(added, entry{q.number, e})
	}
	q.entries = append(q.entries, added...)
	dropped = max(0, len(q.entries)-most)
	gone := slices.Clone(q.entries[:dropped])
	q.entries = q.entries[dropped:]
	q.mu.Unlock()
	return dropped, q.db.Update(func(tx *bbolt.Tx) error { return exchange(tx, added, gone) })
}

func exchange(tx *bbolt.Tx, added, gone []entry) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	for _, e := range added {
		text, err := json.Marshal(e.event)
		if err != nil {
			return err
		}
		if err := b.Put(key(e.number), text); err != nil {
			return err
		}
	}
	for _, e := range gone {
		if err := b.Delete(key(e.number)); err != nil {
			return err
		}
	}
	return nil
}

func key(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

// first is the oldest event.
func (q *queue) first() (number uint64, e statusdoc.Event, found bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) == 0 {
		return 0, e, false
	}
	return q.entries[0].number, q.entries[0].event, true
}

// remove forgets an event that was taken. With an error the disk still has it, and it may be posted again.
func (q *queue) remove(number uint64) error {
	q.mu.Lock()
	q.entries = slices.DeleteFunc(q.entries, func(e entry) bool { return e.number == number })
	q.mu.Unlock()
	return q.db.Update(func(tx *bbolt.Tx) error { return exchange(tx, nil, []entry{{number: number}}) })
}
