package alerting

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dialtone/dialtone"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The buckets of desk.db. Event keys are 16 bytes: time in nanoseconds, then a sequence number, so that a cursor walks
// the timeline; index keys end in an event key.
var (
	bucketEvents     = []byte("events")
	bucketEventIDs   = []byte("event_ids")       // Event.ID -> event key: a resend is found here
	bucketByNode     = []byte("events_node")     // node 00 event key
	bucketByService  = []byte("events_service")  // node 00 service 00 event key
	bucketByIncident = []byte("events_incident") // incident 00 event key
	bucketIncidents  = []byte("incidents")       // id -> incident
	bucketLatest     = []byte("incident_keys")   // fingerprint -> id of its newest incident
	bucketNotices    = []byte("notices")         // id -> row
	bucketNoticesOf  = []byte("notices_of")      // incident 00 id
	bucketOutbox     = []byte("outbox")          // ids of the rows that are not finished
	buckets          = [][]byte{
		bucketEvents, bucketEventIDs, bucketByNode, bucketByService, bucketByIncident,
		bucketIncidents, bucketLatest, bucketNotices, bucketNoticesOf, bucketOutbox,
	}
)

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = 2 * time.Second

func openStore(path string) (*bbolt.DB, error) {
	var db *bbolt.DB
	err := readable(path, func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType})
		return err
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is held by another process: a collector runs on this folder already; stop that one, or start this one with another --dir", path)
	}
	if err != nil {
		return nil, err
	}
	if err := readable(path, func() error { return db.Update(makeBuckets) }); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func makeBuckets(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

func putEvent(tx *bbolt.Tx, e dialtone.Event) error {
	events := tx.Bucket(bucketEvents)
	seq, err := events.NextSequence()
	if err != nil {
		return err
	}
	key := eventKey(e.At, seq)
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding event %s: %w", e.ID, err)
	}
	return errors.Join(
		events.Put(key, text),
		tx.Bucket(bucketEventIDs).Put([]byte(e.ID), key),
		tx.Bucket(bucketByNode).Put(indexKey(key, e.Node), nil),
		tx.Bucket(bucketByService).Put(indexKey(key, e.Node, e.Service), nil),
		putIf(tx.Bucket(bucketByIncident), e.Incident, key),
	)
}

func putIf(index *bbolt.Bucket, name string, key []byte) error {
	if name == "" {
		return nil
	}
	return index.Put(indexKey(key, name), nil)
}

// deleteEvent takes an event out of the timeline and of every index.
func deleteEvent(tx *bbolt.Tx, key, text []byte) error {
	var e dialtone.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("decoding event: %w", err)
	}
	return errors.Join(
		tx.Bucket(bucketEvents).Delete(key),
		tx.Bucket(bucketEventIDs).Delete([]byte(e.ID)),
		tx.Bucket(bucketByNode).Delete(indexKey(key, e.Node)),
		tx.Bucket(bucketByService).Delete(indexKey(key, e.Node, e.Service)),
		tx.Bucket(bucketByIncident).Delete(indexKey(key, e.Incident)),
	)
}

func putIncident(tx *bbolt.Tx, in *incident) error {
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding incident %s: %w", in.ID, err)
	}
	if err := tx.Bucket(bucketIncidents).Put([]byte(in.ID), text); err != nil {
		return err
	}
	latest := tx.Bucket(bucketLatest)
	if string(latest.Get([]byte(in.Key))) >= in.ID {
		return nil
	}
	return latest.Put([]byte(in.Key), []byte(in.ID))
}

// getIncident returns nil when there is none of this ID.
func getIncident(tx *bbolt.Tx, id string) (*incident, error) {
	text := tx.Bucket(bucketIncidents).Get([]byte(id))
	if text == nil {
		return nil, nil
	}
	in := new(incident)
	if err := json.Unmarshal(text, in); err != nil {
		return nil, fmt.Errorf("decoding incident %s: %w", id, err)
	}
	return in, nil
}

func putRow(tx *bbolt.Tx, r *row) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding notice %s: %w", r.ID, err)
	}
	id := []byte(r.ID)
	outbox := tx.Bucket(bucketOutbox)
	unfinished := func() error {
		if r.finished() {
			return outbox.Delete(id)
		}
		return outbox.Put(id, nil)
	}
	return errors.Join(
		tx.Bucket(bucketNotices).Put(id, text),
		tx.Bucket(bucketNoticesOf).Put(indexKey(id, r.Incident), nil),
		unfinished(),
	)
}

func getRow(tx *bbolt.Tx, id []byte) (*row, error) {
	text := tx.Bucket(bucketNotices).Get(id)
	if text == nil {
		return nil, fmt.Errorf("notice %s is in the outbox but not in the book", id)
	}
	r := new(row)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decoding notice %s: %w", id, err)
	}
	return r, nil
}

// deleteIncident takes an incident out, with its notices. Its events have a retention of their own.
func deleteIncident(tx *bbolt.Tx, in *incident) error {
	var found [][]byte
	prefix := indexKey(nil, in.ID)
	c := tx.Bucket(bucketNoticesOf).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		found = append(found, bytes.Clone(k))
	}
	for _, k := range found {
		id := k[len(prefix):]
		err := errors.Join(
			tx.Bucket(bucketNoticesOf).Delete(k),
			tx.Bucket(bucketNotices).Delete(id),
			tx.Bucket(bucketOutbox).Delete(id),
		)
		if err != nil {
			return err
		}
	}
	latest := tx.Bucket(bucketLatest)
	if string(latest.Get([]byte(in.Key))) == in.ID {
		if err := latest.Delete([]byte(in.Key)); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketIncidents).Delete([]byte(in.ID))
}

func eventKey(at time.Time, seq uint64) []byte {
	key := make([]byte, 0, 16)
	key = binary.BigEndian.AppendUint64(key, nanos(at))
	return binary.BigEndian.AppendUint64(key, seq)
}

// nanos keeps the order of instants outside the range of UnixNano (1678 to 2262): they go to its ends.
func nanos(at time.Time) uint64 {
	if at.Before(time.Unix(0, 0)) {
		return 0
	}
	if at.Year() >= 2262 {
		return 1<<63 - 1
	}
	return uint64(at.UnixNano())
}

func indexKey(key []byte, names ...string) []byte {
	var out []byte
	for _, name := range names {
		out = append(out, name...)
		out = append(out, 0)
	}
	return append(out, key...)
}
