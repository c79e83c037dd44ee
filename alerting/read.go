package alerting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
	"go.etcd.io/bbolt"
)

// Bounds of what one read returns.
const (
	defaultLimit = 200
	maxLimit     = 10000
)

// IncidentFilter chooses incidents; the zero value means the newest 200.
type IncidentFilter struct {
	Open    bool      // only those that are not resolved
	Node    string    // only of this node
	Service string    // only of this service, on any node unless Node is set
	Since   time.Time // only those opened, or not yet resolved, at or after it
	Limit   int       // at most so many; 0: 200; never more than 10000
}

// EventFilter chooses events; the zero value means the newest 200.
type EventFilter struct {
	Incident string
	Node     string
	Service  string // with Node
	Kind     dialtone.EventKind
	Since    time.Time // at or after
	Before   time.Time // earlier than; for reading on where a page ended
	Limit    int       // at most so many; 0: 200; never more than 10000
}

// Incidents returns the incidents that pass the filter, newest first.
func (d *Desk) Incidents(f IncidentFilter) ([]dialtone.Incident, error) {
	found := []dialtone.Incident{}
	err := d.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketIncidents).Cursor()
		for id, text := c.Last(); id != nil && len(found) < bound(f.Limit); id, text = c.Prev() {
			var in dialtone.Incident
			if err := json.Unmarshal(text, &in); err != nil {
				return fmt.Errorf("decoding incident %s: %w", id, err)
			}
			if f.takes(in) {
				found = append(found, in)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading incidents: %w", err)
	}
	return found, nil
}

func (f IncidentFilter) takes(in dialtone.Incident) bool {
	switch {
	case f.Open && !in.State.Open(),
		f.Node != "" && f.Node != in.Node,
		f.Service != "" && f.Service != in.Service:
		return false
	}
	return !in.Opened.Before(f.Since) || in.State.Open() || !in.Resolved.Before(f.Since)
}

// Incident returns one incident; ErrNoIncident when there is none of this ID.
func (d *Desk) Incident(id string) (dialtone.Incident, error) {
	var in *incident
	err := d.db.View(func(tx *bbolt.Tx) (err error) {
		in, err = getIncident(tx, id)
		return err
	})
	if err != nil {
		return dialtone.Incident{}, err
	}
	if in == nil {
		return dialtone.Incident{}, fmt.Errorf("%w: %q", ErrNoIncident, id)
	}
	return in.Incident, nil
}

// Events returns the events that pass the filter, newest first.
func (d *Desk) Events(f EventFilter) ([]dialtone.Event, error) {
	found := []dialtone.Event{}
	err := d.db.View(func(tx *bbolt.Tx) error {
		events := tx.Bucket(bucketEvents)
		return f.walk(tx, func(key []byte) (more bool, err error) {
			var e dialtone.Event
			if err := json.Unmarshal(events.Get(key), &e); err != nil {
				return false, fmt.Errorf("decoding event: %w", err)
			}
			if e.At.Before(f.Since) {
				return false, nil
			}
			if f.takes(e) {
				found = append(found, e)
			}
			return len(found) < bound(f.Limit), nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return found, nil
}

func (f EventFilter) takes(e dialtone.Event) bool {
	return (f.Incident == "" || f.Incident == e.Incident) &&
		(f.Node == "" || f.Node == e.Node) &&
		(f.Service == "" || f.Service == e.Service) &&
		(f.Kind == "" || f.Kind == e.Kind)
}

// walk visits event keys from the newest to the oldest along the narrowest index.
func (f EventFilter) walk(tx *bbolt.Tx, visit func(key []byte) (bool, error)) error {
	bucket, prefix := f.index(tx)
	end := append(slices.Clone(prefix), bytes.Repeat([]byte{0xff}, 16)...)
	if !f.Before.IsZero() {
		end = append(slices.Clone(prefix), eventKey(f.Before, 0)...)
	}
	c := bucket.Cursor()
	key, _ := c.Seek(end)
	if key == nil {
		key, _ = c.Last()
	}
	for key != nil && bytes.Compare(key, end) >= 0 {
		key, _ = c.Prev()
	}
	for ; bytes.HasPrefix(key, prefix) && key != nil; key, _ = c.Prev() {
		more, err := visit(key[len(prefix):])
		if !more || err != nil {
			return err
		}
	}
	return nil
}

func (f EventFilter) index(tx *bbolt.Tx) (*bbolt.Bucket, []byte) {
	switch {
	case f.Incident != "":
		return tx.Bucket(bucketByIncident), indexKey(nil, f.Incident)
	case f.Node != "" && f.Service != "":
		return tx.Bucket(bucketByService), indexKey(nil, f.Node, f.Service)
	case f.Node != "":
		return tx.Bucket(bucketByNode), indexKey(nil, f.Node)
	}
	return tx.Bucket(bucketEvents), nil
}

// Notices returns the notices of an incident, oldest first.
func (d *Desk) Notices(incident string) ([]dialtone.Notice, error) {
	found := []dialtone.Notice{}
	err := d.db.View(func(tx *bbolt.Tx) error {
		prefix := indexKey(nil, incident)
		c := tx.Bucket(bucketNoticesOf).Cursor()
		for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Next() {
			r, err := getRow(tx, key[len(prefix):])
			if err != nil {
				return err
			}
			found = append(found, r.Notice)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading notices: %w", err)
	}
	return found, nil
}

func bound(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}
