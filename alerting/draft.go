package alerting

import (
	"crypto/rand"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"go.etcd.io/bbolt"
)

// books is what the desk keeps in memory: open incidents and unfinished rows. It is the same as what is on disk, and it
// is replaced piece by piece only after the disk has it. What it points at is never changed, only replaced.
type books struct {
	open  map[string]*incident // by ID
	queue map[string][]*row    // by way, oldest first
}

// draft is the work of one transaction: copies of what it changes, written by flush and entered in the books by merge.
type draft struct {
	tx     *bbolt.Tx
	now    time.Time
	desk   *Desk
	books  *books
	edited map[string]*incident // what was looked at; changed says which of them differ from was
	was    map[string]*incident // as they were; nil for new ones
	rows   map[string]*row      // changed rows that the books know
	fresh  []*row               // new rows, oldest first
	events []dialtone.Event
	seen   map[string]bool // IDs of events in this draft
	pruned int             // records deleted
}

func (d *Desk) draft(tx *bbolt.Tx, now time.Time) *draft {
	return &draft{
		tx: tx, now: now, desk: d, books: &d.books,
		edited: map[string]*incident{}, was: map[string]*incident{}, rows: map[string]*row{}, seen: map[string]bool{},
	}
}

// empty reports whether there is nothing to write: then no fsync is owed either.
func (dr *draft) empty() bool {
	return len(dr.changed())+len(dr.rows)+len(dr.fresh)+len(dr.events)+dr.pruned == 0
}

// incident returns a copy that may be changed, or nil when there is none of this ID.
func (dr *draft) incident(id string) (*incident, error) {
	if in, ok := dr.edited[id]; ok {
		return in, nil
	}
	in, known := dr.books.open[id]
	if !known {
		stored, err := getIncident(dr.tx, id)
		if stored == nil || err != nil {
			return nil, err
		}
		in = stored
	}
	c := *in
	c.Told, c.Threads = maps.Clone(in.Told), maps.Clone(in.Threads)
	dr.edited[id], dr.was[id] = &c, in
	return &c, nil
}

// changed returns the IDs of the incidents to write, sorted. Most events move nothing, and then nothing is written twice.
func (dr *draft) changed() []string {
	var ids []string
	for id, in := range dr.edited {
		if was := dr.was[id]; was == nil || !reflect.DeepEqual(was, in) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// newest returns the newest incident of a fingerprint, open or not, or nil.
func (dr *draft) newest(key string) (*incident, error) {
	id := string(dr.tx.Bucket(bucketLatest).Get([]byte(key)))
	if in := dr.newestUnwritten(key); in != nil && in.ID >= id {
		return in, nil
	}
	if id == "" {
		return nil, nil
	}
	return dr.incident(id)
}

func (dr *draft) newestUnwritten(key string) *incident {
	var newest *incident
	for _, in := range dr.edited {
		if in.Key == key && (newest == nil || in.ID > newest.ID) {
			newest = in
		}
	}
	return newest
}

// add gives a new incident its ID and its place in the draft.
func (dr *draft) add() *incident {
	in := new(incident)
	in.ID = dr.desk.stamp(dr.now)
	dr.edited[in.ID] = in
	return in
}

// ofNode returns the open incidents of a node's services, oldest first.
func (dr *draft) ofNode(node string) ([]*incident, error) {
	var ids []string
	for id, in := range dr.books.open {
		if in.Node == node && in.Service != "" {
			ids = append(ids, id)
		}
	}
	for id, in := range dr.edited {
		if in.Node == node && in.Service != "" && dr.books.open[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var found []*incident
	for _, id := range ids {
		in, err := dr.incident(id)
		if err != nil {
			return nil, err
		}
		if in.State.Open() {
			found = append(found, in)
		}
	}
	return found, nil
}

// unfinished returns the rows of an incident on a way that are not finished, oldest first: at most one on its way and one
// behind it. They may be changed only through row.
func (dr *draft) unfinished(way, id string) []*row {
	var found []*row
	for _, r := range dr.books.queue[way] {
		if changed, ok := dr.rows[r.ID]; ok {
			r = changed
		}
		if r.Incident == id && !r.finished() {
			found = append(found, r)
		}
	}
	for _, r := range dr.fresh {
		if r.Way == way && r.Incident == id && !r.finished() {
			found = append(found, r)
		}
	}
	return found
}

// row returns a copy of r that may be changed.
func (dr *draft) row(r *row) *row {
	if changed, ok := dr.rows[r.ID]; ok {
		return changed
	}
	if slices.Contains(dr.fresh, r) {
		return r
	}
	c := *r
	dr.rows[r.ID] = &c
	return &c
}

// record puts an event of the desk's own on the timeline.
func (dr *draft) record(in *incident, e dialtone.Event) {
	e.ID = "desk/" + dr.desk.stamp(dr.now) + strings.ToLower(rand.Text()[:8])
	e.At = dr.now
	e.Node, e.Service, e.ServiceKind, e.Incident = in.Node, in.Service, in.ServiceKind, in.ID
	e.From, e.To = in.Now, in.Now
	dr.events = append(dr.events, e)
}

// flush writes the draft. The caller commits.
func (dr *draft) flush() error {
	for _, e := range dr.events {
		if err := putEvent(dr.tx, e); err != nil {
			return fmt.Errorf("writing event: %w", err)
		}
	}
	for _, id := range dr.changed() {
		if err := putIncident(dr.tx, dr.edited[id]); err != nil {
			return fmt.Errorf("writing incident: %w", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(dr.rows)) {
		if err := putRow(dr.tx, dr.rows[id]); err != nil {
			return fmt.Errorf("writing notice: %w", err)
		}
	}
	for _, r := range dr.fresh {
		if err := putRow(dr.tx, r); err != nil {
			return fmt.Errorf("writing notice: %w", err)
		}
	}
	return nil
}

// merge enters a written draft in the books.
func (b *books) merge(dr *draft) {
	for _, id := range dr.changed() {
		if in := dr.edited[id]; in.State.Open() {
			b.open[id] = in
		} else {
			delete(b.open, id)
		}
	}
	for way, queue := range b.queue {
		kept := make([]*row, 0, len(queue))
		for _, r := range queue {
			if changed, ok := dr.rows[r.ID]; ok {
				r = changed
			}
			if !r.finished() {
				kept = append(kept, r)
			}
		}
		b.queue[way] = kept
	}
	for _, r := range dr.fresh {
		if !r.finished() {
			b.queue[r.Way] = append(b.queue[r.Way], r)
		}
	}
}

const base32 = "0123456789abcdefghjkmnpqrstvwxyz"

// stamp makes a short name that sorts by time and is never given twice by one desk: milliseconds in Crockford's base 32,
// moved on when two fall into one millisecond or the clock was turned back. Only the writer calls it.
func (d *Desk) stamp(now time.Time) string {
	d.last = max(now.UnixMilli(), d.last+1)
	var name [9]byte
	for i, n := len(name)-1, d.last; i >= 0; i, n = i-1, n>>5 {
		name[i] = base32[n&31]
	}
	return string(name[:])
}

// parseStamp is the inverse of stamp for the first nine bytes of name; 0 when they are none.
func parseStamp(name string) int64 {
	var n int64
	for i := range min(len(name), 9) {
		digit := strings.IndexByte(base32, name[i])
		if digit < 0 {
			return 0
		}
		n = n<<5 | int64(digit)
	}
	return n
}
