package collector

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// syncPatience bounds one Sync of the store.
const syncPatience = 30 * time.Second

// committer brings what many sessions have handed to the store onto disk with one Sync, notes it in the ledger, and only
// then lets the sessions acknowledge it.
type committer struct {
	store  SampleStore
	ledger *ledger
	every  time.Duration
	log    *slog.Logger
	wake   chan struct{}

	mu      sync.Mutex
	waiting map[*session]map[int]uint64 // samples by run: acknowledged after the next Sync
	marks   map[mark]uint64             // both lanes: written to the ledger with it
	failing bool
}

func newCommitter(cfg IntakeConfig) *committer {
	return &committer{
		store: cfg.Store, ledger: cfg.Nodes.ledger, every: cfg.SyncEvery, log: cfg.Log, wake: make(chan struct{}, 1),
		waiting: map[*session]map[int]uint64{}, marks: map[mark]uint64{},
	}
}

// add notes that samples up to seq were handed to the store by a session.
func (c *committer) add(s *session, run int, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[s] == nil {
		c.waiting[s] = map[int]uint64{}
	}
	c.waiting[s][run] = max(c.waiting[s][run], seq)
	m := s.mark(run, wire.LaneSamples)
	c.marks[m] = max(c.marks[m], seq)
	poke(c.wake)
}

// note notes events that the desk has on disk already.
func (c *committer) note(m mark, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks[m] = max(c.marks[m], seq)
	poke(c.wake)
}

// run commits at most once per every, until ctx ends; then once more.
func (c *committer) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			c.commit(context.WithoutCancel(ctx))
			return
		case <-c.wake:
			c.commit(ctx)
		}
		pause.Reset(c.every)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

func (c *committer) commit(ctx context.Context) {
	waiting, marks := c.swap()
	if len(marks) == 0 {
		return
	}
	if err := c.toDisk(ctx, waiting, marks); err != nil {
		c.failed(waiting, err)
		return
	}
	if c.failing {
		c.failing = false
		c.log.Warn("samples reach the disk again")
	}
	for s, runs := range waiting {
		for run, seq := range runs {
			s.out.ack(wire.Ack{Run: run, Lane: wire.LaneSamples, Seq: seq})
		}
	}
}

func (c *committer) toDisk(ctx context.Context, waiting map[*session]map[int]uint64, marks map[mark]uint64) error {
	if len(waiting) > 0 {
		ctx, cancel := context.WithTimeout(ctx, syncPatience)
		defer cancel()
		if err := c.store.Sync(ctx); err != nil {
			return fmt.Errorf("bringing samples to disk: %w", err)
		}
	}
	return c.ledger.keep(marks, time.Now())
}

// failed sends the agents away: they keep what is not acknowledged and try again later.
func (c *committer) failed(waiting map[*session]map[int]uint64, err error) {
	c.ledger.doubt()
	if !c.failing {
		c.failing = true
		c.log.Error("samples are not acknowledged; agents keep them", "error", err)
	}
	for s := range waiting {
		s.end(&wire.Error{Code: wire.CodeStore, Message: fmt.Sprintf("the collector cannot keep samples: %v", err)})
	}
}

func (c *committer) swap() (map[*session]map[int]uint64, map[mark]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting, marks := c.waiting, c.marks
	c.waiting, c.marks = map[*session]map[int]uint64{}, map[mark]uint64{}
	return waiting, marks
}
