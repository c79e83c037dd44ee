package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

var (
	bucketNodes = []byte("nodes") // node name → record
	bucketKept  = []byte("kept")  // agent id, 0, run id → progress
)

// ErrNoNode means that no agent of that name has ever connected, or that it was removed.
var ErrNoNode = errors.New("no such node")

// Nodes is the table of nodes: the newest status of each, when it was last heard, and what has been kept of each agent's
// runs. It is safe for concurrent use. Statuses and times of last contact reach the disk within seconds; what is said
// about silent nodes reaches it before it is told.
type Nodes struct {
	db     *bbolt.DB
	ledger *ledger
	kick   chan struct{} // wakes Watch

	mu      sync.Mutex
	entries map[string]*entry
	listen  map[chan struct{}]bool
}

// record is what the disk holds of a node.
type record struct {
	Status  dialtone.NodeStatus `json:"status"` // LastSeen is as of the last write
	AgentID string              `json:"agent_id"`
	Stopped string              `json:"stopped,omitempty"` // the agent said goodbye, and why; empty once it is back
	Told    *told               `json:"told,omitempty"`    // set while people have been told that the node is silent
}

// told is what was said when a node fell silent; the recovery refers to it.
type told struct {
	Kind     dialtone.EventKind `json:"kind"`
	To       dialtone.State     `json:"to"`
	LastSeen time.Time          `json:"last_seen"`
}

// entry is a node in memory.
type entry struct {
	record
	seen  time.Time // monotonic; zero: not since this collector started
	live  int       // sessions
	busy  int       // sessions whose frame is being stored: a slow store is not a silent node
	dirty bool
}

// OpenNodes opens the table, making the file when there is none. Close it after Watch has returned.
func OpenNodes(path string) (*Nodes, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the node table: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 2 * time.Second, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("opening node table %s: %w", path, err)
	}
	n := &Nodes{db: db, ledger: newLedger(db), kick: make(chan struct{}, 1), entries: map[string]*entry{}, listen: map[chan struct{}]bool{}}
	if err := n.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("reading node table %s: %w", path, err), db.Close())
	}
	return n, nil
}

func (n *Nodes) load() error {
	return n.db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(bucketKept); err != nil {
			return err
		}
		b, err := tx.CreateBucketIfNotExists(bucketNodes)
		if err != nil {
			return err
		}
		return b.ForEach(func(name, value []byte) error {
			e := new(entry)
			if err := json.Unmarshal(value, &e.record); err != nil {
				return fmt.Errorf("node %q: %w", name, err)
			}
			n.entries[string(name)] = e
			return nil
		})
	})
}

// Close writes what is not on disk yet and closes the table.
func (n *Nodes) Close() error { return errors.Join(n.flush(), n.db.Close()) }

// All returns every node, sorted by name.
func (n *Nodes) All() []dialtone.NodeStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]dialtone.NodeStatus, 0, len(n.entries))
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		all = append(all, n.entries[name].status())
	}
	return all
}

// Node returns one node; ok is false when there is none of that name.
func (n *Nodes) Node(name string) (status dialtone.NodeStatus, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.entries[name]
	if !ok {
		return dialtone.NodeStatus{}, false
	}
	return e.status(), true
}

func (e *entry) status() dialtone.NodeStatus {
	st := e.Status
	st.Connected = e.live > 0
	return st
}

// Subscribe returns a channel that gets a value after the table has changed (not for each heartbeat). Changes that come
// faster than they are read become one value. Call stop when done.
func (n *Nodes) Subscribe() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	n.mu.Lock()
	n.listen[c] = true
	n.mu.Unlock()
	return c, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.listen, c)
	}
}

// tell wakes the listeners and Watch. The caller holds mu.
func (n *Nodes) tell() {
	poke(n.kick)
	for c := range n.listen {
		poke(c)
	}
}

// poke puts a value into a channel of one, unless one is waiting already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// arrived notes a session of a node that said hello.
func (n *Nodes) arrived(h wire.Hello, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entries[h.Node.Name]
	if e == nil {
		e = new(entry)
		n.entries[h.Node.Name] = e
	}
	e.Status.Node, e.Status.AgentVersion, e.AgentID, e.Stopped = h.Node, h.AgentVersion, h.AgentID, ""
	e.live++
	e.hear(now)
	n.tell()
}

// left notes the end of a session; stopped is the agent's reason when it said goodbye, else empty.
func (n *Nodes) left(name, stopped string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entries[name]
	if e == nil {
		return
	}
	e.live--
	if e.live == 0 {
		e.Stopped = stopped
	}
	e.dirty = true
	n.tell()
}

func (e *entry) hear(now time.Time) {
	e.seen, e.Status.LastSeen, e.dirty = now, now.UTC().Truncate(time.Millisecond), true
}

// working notes that a frame of a node is being dealt with, until done is called.
func (n *Nodes) working(name string) (done func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entries[name]
	if e == nil {
		return func() {}
	}
	e.hear(time.Now())
	e.busy++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		e.busy--
		e.hear(time.Now())
	}
}

// update replaces the status of a node by what its agent says. Whose status it is comes from the session, never from it.
func (n *Nodes) update(h wire.Hello, st dialtone.NodeStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entries[h.Node.Name]
	if e == nil {
		return
	}
	st.Node, st.LastSeen = h.Node, e.Status.LastSeen
	e.Status, e.dirty = st, true
	n.tell()
}

// flush writes every changed node, in one transaction.
func (n *Nodes) flush() error {
	rows, err := n.changed()
	if err != nil || len(rows) == 0 {
		return err
	}
	err = n.db.Update(func(tx *bbolt.Tx) error {
		for name, value := range rows {
			if err := tx.Bucket(bucketNodes).Put([]byte(name), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range rows {
		if e := n.entries[name]; e != nil {
			e.dirty = true
		}
	}
	return fmt.Errorf("writing node table: %w", err)
}

func (n *Nodes) changed() (map[string][]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := map[string][]byte{}
	for name, e := range n.entries {
		if !e.dirty {
			continue
		}
		value, err := json.Marshal(e.record)
		if err != nil {
			return nil, fmt.Errorf("encoding node %q: %w", name, err)
		}
		rows[name], e.dirty = value, false
	}
	return rows, nil
}

// forget deletes a node that is not connected, and returns what was known of it.
func (n *Nodes) forget(name string) (record, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entries[name]
	if e == nil {
		return record{}, fmt.Errorf("%s: %w", name, ErrNoNode)
	}
	if e.live > 0 {
		return record{}, fmt.Errorf("%s is connected: stop its agent first", name)
	}
	err := n.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketNodes).Delete([]byte(name)) })
	if err != nil {
		return record{}, fmt.Errorf("removing %s: %w", name, err)
	}
	delete(n.entries, name)
	n.tell()
	return e.record, nil
}
