package mail

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

var (
	bucketMail    = []byte("mail")
	bucketOutbox  = []byte("outbox")  // number of a row, 8 bytes → row
	bucketMatters = []byte("matters") // key of a matter → matter
	keyLost       = []byte("lost")    // receiver → messages that were dropped and that they do not know of
)

// row is one message for one receiver, written when it became due: what is on disk is what will be read.
type row struct {
	ID      string    `json:"id"` // of the Message-ID: the same at every try
	Thread  string    `json:"thread,omitempty"`
	Node    string    `json:"node"`
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	From    string    `json:"from"`
	ReplyTo string    `json:"reply_to,omitempty"`
	Subject string    `json:"subject"`
	Body    string    `json:"body"`
	Urgent  bool      `json:"urgent,omitempty"` // something is broken
}

// slot is a row of the outbox as memory knows it.
type slot struct {
	number uint64
	to     string
	at     time.Time
	due    time.Time
	tries  int
	held   *row // until it is on disk
}

// outbox holds what no server has taken yet, the oldest first. What is not on disk waits in memory and can be sent from there.
type outbox struct {
	db  *bbolt.DB
	log *slog.Logger

	disk sync.Mutex // one transaction at a time; taken before mu

	mu      sync.Mutex
	slots   []*slot
	number  uint64 // the last one given
	gone    []uint64
	lost    map[string]int
	newLost bool // lost is not on disk
	dropped uint64
}

func openOutbox(db *bbolt.DB, log *slog.Logger) (*outbox, error) {
	b := &outbox{db: db, log: log, lost: map[string]int{}}
	err := db.View(func(tx *bbolt.Tx) error {
		top := tx.Bucket(bucketMail)
		if top == nil {
			return nil
		}
		if text := top.Get(keyLost); text != nil {
			if err := json.Unmarshal(text, &b.lost); err != nil {
				return fmt.Errorf("reading what was dropped: %w", err)
			}
		}
		if rows := top.Bucket(bucketOutbox); rows != nil {
			return rows.ForEach(b.index)
		}
		return nil
	})
	return b, err
}

// index notes one row of the disk. One that cannot be read is passed over, so that it does not keep the others.
func (b *outbox) index(key, text []byte) error {
	var r row
	if err := json.Unmarshal(text, &r); err != nil || len(key) != 8 {
		b.log.Error("a message in the outbox cannot be read and is not sent", "error", err)
		return nil
	}
	b.number = max(b.number, binary.BigEndian.Uint64(key))
	b.slots = append(b.slots, &slot{number: binary.BigEndian.Uint64(key), to: r.To, at: r.At})
	return nil
}

// add takes rows into memory; commit brings them to disk. Beyond most the oldest are dropped: their receivers are told how many with the
// next message that reaches them.
func (b *outbox) add(rows []row, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range rows {
		b.number++
		b.slots = append(b.slots, &slot{number: b.number, to: r.To, at: r.At, held: &r})
	}
	if over := len(b.slots) - most; over > 0 {
		b.log.Error("the outbox is full: the oldest messages are dropped", "messages", over, "slots", most)
		for _, s := range slices.Clone(b.slots[:over]) {
			b.drop(s)
		}
	}
}

// drop gives a message up. The caller holds mu.
func (b *outbox) drop(s *slot) {
	b.forget(s)
	b.lost[s.to]++
	b.newLost = true
	b.dropped++
}

// forget takes a row out. The caller holds mu.
func (b *outbox) forget(s *slot) {
	b.slots = slices.DeleteFunc(b.slots, func(other *slot) bool { return other == s })
	if s.held == nil {
		b.gone = append(b.gone, s.number)
	}
}

// saved reports whether the disk knows all that memory does.
func (b *outbox) saved() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.gone) == 0 && !b.newLost && !slices.ContainsFunc(b.slots, func(s *slot) bool { return s.held != nil })
}

// commit brings to disk what it does not know yet, and what with writes, in one transaction. Meanwhile no row is sent off: it would
// stay on disk and be sent again.
func (b *outbox) commit(with func(*bbolt.Tx) error) error {
	b.disk.Lock()
	defer b.disk.Unlock()
	b.mu.Lock()
	gone, lost := slices.Clone(b.gone), maps.Clone(b.lost)
	held := slices.DeleteFunc(slices.Clone(b.slots), func(s *slot) bool { return s.held == nil })
	b.mu.Unlock()
	err := b.db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(write(tx, gone, held, lost), with(tx))
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = b.gone[len(gone):]
	for _, s := range held {
		s.held = nil
		if !slices.Contains(b.slots, s) { // dropped meanwhile
			b.gone = append(b.gone, s.number)
		}
	}
	b.newLost = !maps.Equal(b.lost, lost)
	return nil
}

func write(tx *bbolt.Tx, gone []uint64, held []*slot, lost map[string]int) error {
	top, err := tx.CreateBucketIfNotExists(bucketMail)
	if err != nil {
		return err
	}
	rows, err := top.CreateBucketIfNotExists(bucketOutbox)
	if err != nil {
		return err
	}
	for _, number := range gone {
		if err := rows.Delete(keyOf(number)); err != nil {
			return err
		}
	}
	for _, s := range held {
		if err := put(rows, keyOf(s.number), s.held); err != nil {
			return err
		}
	}
	return put(top, keyLost, lost)
}

// delivered forgets what a server has taken, and what its receiver now knows to be lost.
func (b *outbox) delivered(to string, sent []*slot, told int) error {
	b.disk.Lock()
	b.mu.Lock()
	for _, s := range sent {
		b.forget(s)
	}
	if told > 0 {
		if b.lost[to] -= told; b.lost[to] <= 0 {
			delete(b.lost, to)
		}
		b.newLost = true
	}
	b.mu.Unlock()
	b.disk.Unlock()
	return b.commit(func(*bbolt.Tx) error { return nil })
}

// read returns the messages of slots, and those slots: what cannot be read is given up.
func (b *outbox) read(slots []*slot) ([]*slot, []row) {
	var good []*slot
	var rows []row
	for _, s := range slots {
		r, err := b.readOne(s)
		if err != nil {
			b.log.Error("a message in the outbox cannot be read and is not sent", "error", err)
			b.mu.Lock()
			b.drop(s)
			b.mu.Unlock()
			continue
		}
		good, rows = append(good, s), append(rows, r)
	}
	return good, rows
}

func (b *outbox) readOne(s *slot) (r row, err error) {
	b.mu.Lock()
	held := s.held
	b.mu.Unlock()
	if held != nil {
		return *held, nil
	}
	err = b.db.View(func(tx *bbolt.Tx) error {
		return json.Unmarshal(tx.Bucket(bucketMail).Bucket(bucketOutbox).Get(keyOf(s.number)), &r)
	})
	return r, err
}

// receivers are those for whom something is due, each once, the one who waits longest first. Only narrows what counts; nil: all.
func (b *outbox) receivers(now time.Time, only func(*slot) bool) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []string
	for _, s := range b.slots {
		if !s.due.After(now) && (only == nil || only(s)) && !slices.Contains(found, s.to) {
			found = append(found, s.to)
		}
	}
	return found
}

// waiting is what waits for one receiver, the oldest first: when something is due, all of it is tried. Lost is how many messages the
// receiver never got.
func (b *outbox) waiting(to string, most int) (found []*slot, lost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.slots {
		if s.to == to && len(found) < most {
			found = append(found, s)
		}
	}
	return found, b.lost[to]
}

// postpone puts off what no server took: after each try twice as long, and all of one receiver together.
func (b *outbox) postpone(left []*slot, t timing, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range left {
		s.tries++
		s.due = now.Add(min(t.retryMax, t.retryMin<<min(left[0].tries-1, 16)))
	}
}

// expire drops what no server has taken since before.
func (b *outbox) expire(before time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.slots) > 0 && b.slots[0].at.Before(before) {
		b.log.Error("a message was dropped that no mail server took for days", "to", b.slots[0].to, "written", b.slots[0].at)
		b.drop(b.slots[0])
	}
}

// next is how long nothing will be due.
func (b *outbox) next(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := time.Hour
	for _, s := range b.slots {
		wait = min(wait, max(s.due.Sub(now), 0))
	}
	return wait
}

func keyOf(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

func put(bucket *bbolt.Bucket, key []byte, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return bucket.Put(key, text)
}
