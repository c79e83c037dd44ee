package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// rest is why a service is not monitored.
type rest struct {
	Why string    `json:"why"`
	Who string    `json:"who,omitempty"` // empty: a rule
	At  time.Time `json:"at"`

	Until time.Time `json:"until,omitzero"`  // of a quarantine: when it ends in any case; zero: it is none
	Times int       `json:"times,omitempty"` // how often in a row
}

// store keeps what must survive the agent beside the journal: which services rest. With a nil database nothing survives.
type store struct{ db *bbolt.DB }

var (
	restingBucket = []byte("resting")
	machineBucket = []byte("machine")
	bootKey       = []byte("boot")
)

func openStore(db *bbolt.DB) (store, error) {
	if db == nil {
		return store{}, nil
	}
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{restingBucket, machineBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store{}, fmt.Errorf("opening the agent's store: %w", err)
	}
	return store{db: db}, nil
}

// resting returns why a service rests, or nil. A record that cannot be read is none: watching too much is the safer error.
func (s store) resting(name string) *rest {
	if s.db == nil {
		return nil
	}
	var r *rest
	err := s.db.View(func(tx *bbolt.Tx) error {
		if text := tx.Bucket(restingBucket).Get([]byte(name)); text != nil {
			return json.Unmarshal(text, &r)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return r
}

// setResting writes down that a service rests, or with nil that it no longer does.
func (s store) setResting(name string, r *rest) error {
	if s.db == nil {
		return nil
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		if r == nil {
			return tx.Bucket(restingBucket).Delete([]byte(name))
		}
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return tx.Bucket(restingBucket).Put([]byte(name), text)
	})
}

// rebooted reports whether the machine has started anew since the agent ran last, and remembers the machine's present boot. Where that
// is not known, or nothing was written down yet, it says no: what a person sent to rest is rather left alone.
func (s store) rebooted(boot string) (bool, error) {
	if s.db == nil || boot == "" {
		return false, nil
	}
	anew := false
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(machineBucket)
		last := b.Get(bootKey)
		anew = last != nil && string(last) != boot
		if string(last) == boot {
			return nil
		}
		return b.Put(bootKey, []byte(boot))
	})
	return anew, err
}
