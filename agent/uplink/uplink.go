// Package uplink brings what an agent knows to its collector: events, samples and status, over one stream, through a
// spool while there is none.
//
//	Events  ─► memory ─► spool (fsync, a few ms) ─► stream ─► ack ─► deleted
//	Samples ─► batches in memory ─────────────────► stream ─► ack ─► forgotten
//	                └─ link down, or too many ─► spool, as blocks ─► stream
//
// An event is on disk before it is sent: it survives kill -9 of the agent from [Uplink.Flush] on (a few milliseconds
// after Events without it). Samples wait in memory while the collector is connected and reach the disk when the link is
// down, once a minute; kill -9 can cost the last minute of them, and those that were sent but not acknowledged.
package uplink

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// DefaultMaxBytes is how much the spool holds when nobody says otherwise: ten days of a host with 300 series each 5 s.
const DefaultMaxBytes = 256 << 20

// Bounds of what waits in memory.
const (
	maxPending  = 65_536  // samples in batches; the oldest go to the spool, or are dropped when that cannot be written
	maxQueued   = 10_000  // events that could not be written
	batchLimit  = 8192    // samples of one batch
	batchText   = 1 << 20 // bytes of names and labels of one batch
	blockLimit  = 16_384  // samples of one block
	gatherLimit = 4096    // samples that end the gathering of a batch early
)

// Config is what an uplink needs. URL, AgentID, BootID, Node.Name, DB and Log must be set.
type Config struct {
	URL       string // https://host:port, or http://host:port where the host is a loopback address
	Token     string // shown to the collector; ignored when TokenFile is set
	TokenFile string // read again at each connect; others must not be able to read or write it
	CAFile    string // PEM; empty: the system's roots
	Node      dialtone.Node
	Version   string // of the agent
	AgentID   string // lasts as long as the agent's state folder
	BootID    string // of this run; it needs not be unique, New makes it so
	DB        *bbolt.DB
	MaxBytes  int64 // of the spool; zero: DefaultMaxBytes
	Log       *slog.Logger
}

// timing are the waits of an uplink; tests shorten them.
type timing struct {
	gather    time.Duration // how long samples are collected into one batch
	spill     time.Duration // between two writes of samples while cut off
	heartbeat time.Duration
	silence   time.Duration // without a frame, or without an ack that is due, after which the link counts as dead
	dial      time.Duration // for connection, TLS, upgrade and welcome
	farewell  time.Duration // for the last acks when the agent stops
	retryMin  time.Duration
	retryMax  time.Duration
	slow      time.Duration // between tries when a person must act first
	mend      time.Duration // between tries to write a spool that could not be written
}

var usual = timing{
	gather: 500 * time.Millisecond, spill: time.Minute, heartbeat: 2 * time.Second, silence: 15 * time.Second,
	dial: 10 * time.Second, farewell: 2 * time.Second, retryMin: 200 * time.Millisecond, retryMax: 10 * time.Second,
	slow: 30 * time.Second, mend: 5 * time.Second,
}

// batch is a batch of samples that is not in the spool.
type batch struct {
	wire.Batch
	at time.Time // when it was made
}

// Uplink takes what the agent knows and brings it to the collector. Its methods are safe for concurrent use; Events,
// Samples and Status never block on disk or network.
type Uplink struct {
	cfg    Config
	timing timing
	target target
	run    string // this run's ID on the wire
	spool  *spool
	wake   chan struct{} // something to send
	work   chan struct{} // something for the keeper

	mu       sync.Mutex
	gathered []dialtone.Sample
	since    time.Time // when gathering began
	text     int       // bytes of names and labels in gathered
	batches  []batch   // in memory, ascending
	pending  int       // samples in batches
	queue    []row     // events that are not on disk, ascending
	last     wire.Kept // numbers given out
	durable  uint64    // the last event on disk
	progress chan struct{}
	acked    map[place]uint64 // spool rows to delete
	status   []byte           // the newest, as JSON
	fresh    bool             // status was not sent yet
	spillNow bool
	lost     loss  // from memory, not yet counted in the spool
	badSpool error // why the spool cannot be written; nil while it can
	stats    Stats
}

// New opens the spool and checks the configuration; Run does the rest. What an earlier run of the agent left in the
// spool is sent first.
func New(cfg Config) (*Uplink, error) { return newUplink(cfg, usual) }

func newUplink(cfg Config, t timing) (*Uplink, error) {
	if cfg.AgentID == "" || cfg.Node.Name == "" || cfg.DB == nil || cfg.Log == nil {
		return nil, errors.New("uplink: agent id, node name, database and log must be set")
	}
	where, err := parseTarget(cfg.URL, cfg.CAFile)
	if err != nil {
		return nil, err
	}
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, DefaultMaxBytes)
	sp, err := openSpool(cfg.DB, cfg.MaxBytes)
	if err != nil {
		return nil, err
	}
	unique := make([]byte, 4)
	_, _ = rand.Read(unique) // never fails (crypto/rand)
	u := &Uplink{
		cfg: cfg, timing: t, target: where, run: cmp.Or(cfg.BootID, "run") + "-" + hex.EncodeToString(unique), spool: sp,
		wake: make(chan struct{}, 1), work: make(chan struct{}, 1), progress: make(chan struct{}), acked: map[place]uint64{},
	}
	u.stats.URL = cfg.URL
	return u, nil
}

// Run sends until ctx ends. It must outlive whoever calls Events: on its way out it says what is left within two
// seconds, says goodbye, and writes the rest to the spool.
func (u *Uplink) Run(ctx context.Context) error {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var g errgroup.Group
	g.Go(func() error { return u.keep(keeping) })
	u.link(ctx)
	stop()
	return g.Wait()
}

// Events takes events, which then reach the collector exactly once. One without an ID or a time gets one.
func (u *Uplink) Events(events ...dialtone.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, ev := range events {
		u.last.Events++
		ev.ID = cmp.Or(ev.ID, fmt.Sprintf("%s/%s/u%d", u.cfg.AgentID, u.run, u.last.Events))
		if ev.At.IsZero() {
			ev.At = time.Now().UTC()
		}
		if ev.Node == "" {
			ev.Node = u.cfg.Node.Name
		}
		u.queue = append(u.queue, row{first: u.last.Events, last: u.last.Events, count: 1, data: encodeEvent(ev)})
	}
	if over := len(u.queue) - maxQueued; over > 0 {
		u.lost.add(wire.LaneEvents, over)
		u.queue = u.queue[over:]
	}
	poke(u.work)
}

// Samples takes samples. Their labels must not be changed afterwards. What no store would take (a name that is empty, labels
// that are not sorted, …) is dropped and counted.
func (u *Uplink) Samples(samples []dialtone.Sample) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.gathered)
	for _, s := range samples {
		if err := wire.CheckSeries(s.Name, s.Labels); err != nil {
			u.stats.InvalidSamples++
			u.stats.Invalid = err.Error()
			continue
		}
		if len(u.gathered) == 0 {
			u.since = time.Now()
		}
		u.gathered = append(u.gathered, s)
		u.text += textOf(s)
		if len(u.gathered) >= batchLimit || u.text >= batchText {
			u.formBatch()
		}
	}
	if before == 0 || len(u.gathered) >= gatherLimit || u.pending > maxPending {
		poke(u.work)
	}
}

func textOf(s dialtone.Sample) int {
	n := len(s.Name) + 4
	for _, l := range s.Labels {
		n += len(l.Name) + len(l.Value) + 4
	}
	return n
}

// formBatch gives what was gathered a number. The caller holds mu.
func (u *Uplink) formBatch() {
	if len(u.gathered) == 0 {
		return
	}
	u.last.Samples++
	u.batches = append(u.batches, batch{Batch: wire.Batch{Seq: u.last.Samples, Samples: u.gathered}, at: time.Now()})
	u.pending += len(u.gathered)
	u.gathered, u.text = nil, 0
	poke(u.wake)
}

// Status takes the newest status; only the newest is ever sent.
func (u *Uplink) Status(st dialtone.NodeStatus) {
	text, err := json.Marshal(st)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil && len(text) > wire.MaxStatus {
		err = fmt.Errorf("status of %d bytes is over the limit of %d", len(text), wire.MaxStatus)
	}
	if err != nil {
		u.stats.fail(fmt.Errorf("encoding status: %w", err))
		return
	}
	u.status, u.fresh = text, true
	poke(u.wake)
}

// Flush returns when all events that were taken before are on disk. Its error says why they are not; they are kept in
// memory and sent all the same.
func (u *Uplink) Flush(ctx context.Context) error {
	u.mu.Lock()
	want := u.last.Events
	u.mu.Unlock()
	for {
		u.mu.Lock()
		done, bad, progress := u.durable >= want, u.badSpool, u.progress
		u.mu.Unlock()
		if done {
			return nil
		}
		if bad != nil {
			return bad
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-progress:
		}
	}
}

// poke puts a value into a channel of one, unless one is waiting already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
