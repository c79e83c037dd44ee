package alerting

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// Housekeeping: how often, and how much in one transaction, so that an event never waits long behind it.
const (
	boundsEvery = time.Hour
	boundsChunk = 500
)

// keepBounds deletes what is older, or more, than the settings keep. bbolt uses the freed pages again, so the file stays
// as large as it was at its fullest.
func (d *Desk) keepBounds(ctx context.Context) {
	ticker := time.NewTicker(boundsEvery)
	defer ticker.Stop()
	for {
		if err := d.prune(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("deleting what is past its retention", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Desk) prune(ctx context.Context) error {
	for _, step := range []func(*draft) (int, error){(*draft).pruneEvents, (*draft).pruneIncidents} {
		for deleted := boundsChunk; deleted == boundsChunk; {
			err := d.commit(ctx, func(dr *draft) (err error) {
				deleted, err = step(dr)
				dr.pruned += deleted
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pruneEvents deletes at most a chunk of the oldest events and returns how many.
func (dr *draft) pruneEvents() (int, error) {
	keep := dr.desk.settings.Retention
	events := dr.tx.Bucket(bucketEvents)
	excess := events.Stats().KeyN - keep.MaxEvents
	oldest := nanos(dr.now.Add(-keep.Events))
	type old struct{ key, text []byte }
	var found []old
	c := events.Cursor()
	for key, text := c.First(); key != nil && len(found) < boundsChunk; key, text = c.Next() {
		if binary.BigEndian.Uint64(key) >= oldest && len(found) >= excess {
			break
		}
		found = append(found, old{bytes.Clone(key), bytes.Clone(text)})
	}
	for _, e := range found {
		if err := deleteEvent(dr.tx, e.key, e.text); err != nil {
			return 0, err
		}
	}
	return len(found), nil
}

// pruneIncidents deletes at most a chunk of the oldest resolved incidents and returns how many. Open ones stay, and so do
// those with a notice on its way out.
func (dr *draft) pruneIncidents() (int, error) {
	keep := dr.desk.settings.Retention
	incidents := dr.tx.Bucket(bucketIncidents)
	excess := incidents.Stats().KeyN - keep.MaxIncidents
	busy := dr.books.busy()
	var found []*incident
	err := eachUntil(incidents, func(id string) (bool, error) {
		in, err := getIncident(dr.tx, id)
		if err != nil {
			return false, err
		}
		old := in.Resolved.Before(dr.now.Add(-keep.Incidents))
		if !in.State.Open() && !busy[id] && dr.edited[id] == nil && (old || len(found) < excess) {
			found = append(found, in)
		}
		return len(found) < boundsChunk, nil
	})
	for _, in := range found {
		if err := deleteIncident(dr.tx, in); err != nil {
			return 0, err
		}
	}
	return len(found), err
}

func eachUntil(b *bbolt.Bucket, visit func(id string) (bool, error)) error {
	c := b.Cursor()
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		more, err := visit(string(key))
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// busy returns the incidents that have unfinished rows.
func (b *books) busy() map[string]bool {
	ids := map[string]bool{}
	for _, queue := range b.queue {
		for _, r := range queue {
			ids[r.Incident] = true
		}
	}
	return ids
}
