package healers

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
)

// What the journal keeps of each service.
const (
	KeepHeals = 1000
	KeepFor   = 7 * 24 * time.Hour
)

var (
	healsBucket    = []byte("heals")    // by service, by heal ID
	openBucket     = []byte("unended")  // heal ID → service, of heals without an outcome
	accountsBucket = []byte("accounts") // by service
	programsBucket = []byte("programs") // by heal ID, of heals without an outcome: the newest program that was begun
)

// Journal is the record of heals: the intent is on disk before the act, the outcome after it. It is safe for concurrent use.
type Journal struct {
	db     *bbolt.DB
	closed error                 // why there is no db
	failed atomic.Pointer[error] // the last write; nil: it worked
}

// ErrNoJournal is why nothing is healed while the state folder cannot be written.
var ErrNoJournal = errors.New("there is no journal to write the intent to")

// NoJournal refuses every intent because of why.
func NoJournal(why error) *Journal { return &Journal{closed: why} }

// Trouble is why nothing can be written down now, and so nothing be healed; nil: the last write worked.
func (j *Journal) Trouble() error {
	if j.db == nil {
		return j.refusal()
	}
	if failed := j.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

func (j *Journal) refusal() error {
	if j.closed != nil {
		return j.closed
	}
	return ErrNoJournal
}

// OpenJournal keeps the journal in db, which stays the caller's to close. A nil db gives a journal that refuses every intent.
func OpenJournal(db *bbolt.DB) (*Journal, error) {
	if db == nil {
		return &Journal{}, nil
	}
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{healsBucket, openBucket, accountsBucket, programsBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening the heal journal: %w", err)
	}
	return &Journal{db: db}, nil
}

// NewID is a heal's ID: it sorts by time and is never given twice.
func NewID(now time.Time) string {
	return fmt.Sprintf("%09s-%s", strconv.FormatInt(now.UnixMilli(), 36), strings.ToLower(rand.Text()[:8]))
}

// Begin writes the intent and what it costs, and returns once both are on disk. Nothing may be done before.
func (j *Journal) Begin(h dialtone.Heal, a Account) error {
	return j.update("writing the intent", func(tx *bbolt.Tx) error {
		if err := putHeal(tx, h); err != nil {
			return err
		}
		if err := tx.Bucket(openBucket).Put([]byte(h.ID), []byte(h.Service)); err != nil {
			return err
		}
		return putAccount(tx, h.Service, a)
	})
}

// End writes the outcome and the account after it, and forgets what is too old to keep.
func (j *Journal) End(h dialtone.Heal, a Account) error {
	return j.update("writing the outcome", func(tx *bbolt.Tx) error {
		if err := putHeal(tx, h); err != nil {
			return err
		}
		if err := tx.Bucket(openBucket).Delete([]byte(h.ID)); err != nil {
			return err
		}
		if err := tx.Bucket(programsBucket).Delete([]byte(h.ID)); err != nil {
			return err
		}
		if err := putAccount(tx, h.Service, a); err != nil {
			return err
		}
		return rotate(tx.Bucket(healsBucket).Bucket([]byte(h.Service)), h.Started)
	})
}

// Began writes down which program a heal without an outcome has begun.
func (j *Journal) Began(heal string, p Program) error {
	return j.update("writing the program", func(tx *bbolt.Tx) error {
		if tx.Bucket(openBucket).Get([]byte(heal)) == nil {
			return nil // it was quicker than this
		}
		b := tx.Bucket(programsBucket)
		var newest Program
		if text := b.Get([]byte(heal)); text != nil && json.Unmarshal(text, &newest) == nil && newest.Began.After(p.Began) {
			return nil
		}
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		return b.Put([]byte(heal), text)
	})
}

// Program returns the newest program that a heal without an outcome has begun; false when there is none.
func (j *Journal) Program(heal string) (p Program, found bool, err error) {
	err = j.view(func(tx *bbolt.Tx) error {
		text := tx.Bucket(programsBucket).Get([]byte(heal))
		found = text != nil
		if !found {
			return nil
		}
		return json.Unmarshal(text, &p)
	})
	return p, found && err == nil, err
}

// Unfinished returns the heals that have an intent and no outcome: an agent ended in the middle of them.
func (j *Journal) Unfinished() ([]dialtone.Heal, error) {
	var heals []dialtone.Heal
	err := j.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(openBucket).ForEach(func(id, service []byte) error {
			h, err := getHeal(tx, service, id)
			heals = append(heals, h)
			return err
		})
	})
	return heals, err
}

// Heals returns the newest heals of a service, newest first.
func (j *Journal) Heals(service string, limit int) ([]dialtone.Heal, error) {
	var heals []dialtone.Heal
	err := j.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(healsBucket).Bucket([]byte(service))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for id, text := c.Last(); id != nil && len(heals) < limit; id, text = c.Prev() {
			var h dialtone.Heal
			if err := json.Unmarshal(text, &h); err != nil {
				return fmt.Errorf("heal %s: %w", id, err)
			}
			heals = append(heals, h)
		}
		return nil
	})
	return heals, err
}

// Account returns what a service has spent; one that was never healed has the zero Account.
func (j *Journal) Account(service string) (Account, error) {
	var a Account
	err := j.view(func(tx *bbolt.Tx) error {
		if text := tx.Bucket(accountsBucket).Get([]byte(service)); text != nil {
			return json.Unmarshal(text, &a)
		}
		return nil
	})
	return a, err
}

// SetAccount writes what a service has spent.
func (j *Journal) SetAccount(service string, a Account) error {
	return j.update("writing the budget", func(tx *bbolt.Tx) error { return putAccount(tx, service, a) })
}

func (j *Journal) update(doing string, do func(*bbolt.Tx) error) error {
	if j.db == nil {
		return j.refusal()
	}
	if err := j.db.Update(do); err != nil {
		err = fmt.Errorf("%s to the journal: %w", doing, err)
		j.failed.Store(&err)
		return err
	}
	j.failed.Store(nil)
	return nil
}

func (j *Journal) view(do func(*bbolt.Tx) error) error {
	if j.db == nil {
		return nil
	}
	if err := j.db.View(do); err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	return nil
}

func putHeal(tx *bbolt.Tx, h dialtone.Heal) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b, err := tx.Bucket(healsBucket).CreateBucketIfNotExists([]byte(h.Service))
	if err != nil {
		return err
	}
	return b.Put([]byte(h.ID), text)
}

func getHeal(tx *bbolt.Tx, service, id []byte) (dialtone.Heal, error) {
	var h dialtone.Heal
	b := tx.Bucket(healsBucket).Bucket(service)
	if b == nil {
		return h, fmt.Errorf("heal %s of %s is missing", id, service)
	}
	if err := json.Unmarshal(b.Get(id), &h); err != nil {
		return h, fmt.Errorf("heal %s: %w", id, err)
	}
	return h, nil
}

func putAccount(tx *bbolt.Tx, service string, a Account) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return tx.Bucket(accountsBucket).Put([]byte(service), text)
}

// rotate drops the oldest heals beyond KeepHeals, and those older than KeepFor.
func rotate(b *bbolt.Bucket, now time.Time) error {
	oldest := []byte(NewID(now.Add(-KeepFor))[:9])
	surplus := b.Stats().KeyN - KeepHeals
	c := b.Cursor()
	for id, _ := c.First(); id != nil; id, _ = c.First() {
		if surplus <= 0 && string(id) >= string(oldest) {
			return nil
		}
		if err := c.Delete(); err != nil {
			return err
		}
		surplus--
	}
	return nil
}
