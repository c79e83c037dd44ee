// Package mmonit tells M/Monit how a node stands: its status once a cycle, and each event as it comes, as Monit does.
//
// The protocol was read off Monit 5.33: a POST of XML (version 2 of Monit's status document) with basic authentication. No password
// is ever in a document: Monit writes that of its own web page into it, so that M/Monit can order actions; here it is left out, as
// `register without credentials` does there.
package mmonit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/control"
)

const (
	maxQueued    = 10_000 // events in memory that are not in the queue yet; the oldest go
	defaultPause = 5 * time.Second
	longestPause = time.Minute     // between two tries while nobody answers
	farewell     = 2 * time.Second // for what is left when the agent stops
)

// Config is what is needed. All but Log must be set.
type Config struct {
	File    func() *control.File // the control file that holds
	Doc     func() statusdoc.Doc // how the node stands now
	DB      *bbolt.DB            // events wait here until M/Monit has them
	Version string               // of the agent, for User-Agent
	Log     *slog.Logger         // nil: discarded
}

// Poster posts. Its methods are safe for concurrent use; Events never blocks on disk or network.
type Poster struct {
	cfg   Config
	queue *queue
	wake  chan struct{} // events came
	ready chan struct{} // events are in the queue

	mu      sync.Mutex
	fresh   []dialtone.Event
	clients map[string]*client // by URL; post's goroutine alone uses them
	silent  bool               // said that nobody answers
}

// New opens the queue; what an earlier run of the agent left in it is posted first.
func New(cfg Config) (*Poster, error) {
	if cfg.File == nil || cfg.Doc == nil || cfg.DB == nil {
		return nil, errors.New("M/Monit: control file, document and database must be set")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	q, err := openQueue(cfg.DB)
	if err != nil {
		return nil, fmt.Errorf("opening the queue of M/Monit: %w", err)
	}
	return &Poster{cfg: cfg, queue: q, wake: make(chan struct{}, 1), ready: make(chan struct{}, 1), clients: map[string]*client{}}, nil
}

// Events takes what happened. An agent whose control file names no M/Monit forgets it at once.
func (p *Poster) Events(events ...dialtone.Event) {
	if len(p.cfg.File().Settings.MMonit) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh = append(p.fresh, events...)
	p.fresh = p.fresh[max(0, len(p.fresh)-maxQueued):]
	poke(p.wake)
}

// Waiting is how many events no M/Monit has taken yet.
func (p *Poster) Waiting() int { return p.queue.size() }

// Run posts until ctx ends. It must outlive whoever calls Events: on its way out it posts what is left, for two seconds at most.
func (p *Poster) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { p.keep(ctx); return nil })
	g.Go(func() error { p.post(ctx); return nil })
	if err := g.Wait(); err != nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_ = p.deliver(last) // what is not taken waits on disk
	for _, c := range p.clients {
		c.close()
	}
	return nil
}

// keep brings events to disk, so that an M/Monit that hangs holds none of them in memory.
func (p *Poster) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.write()
			return
		case <-p.wake:
			p.write()
			poke(p.ready)
		}
	}
}

func (p *Poster) write() {
	p.mu.Lock()
	events := p.fresh
	p.fresh = nil
	p.mu.Unlock()
	var told []statusdoc.Event
	for _, e := range events {
		told = append(told, toldOf(e)...)
	}
	dropped, err := p.queue.add(told, slots(p.cfg.File()))
	if err != nil {
		p.cfg.Log.Error("events for M/Monit cannot be written to the state folder; they wait in memory", "error", err)
	}
	if dropped > 0 {
		p.cfg.Log.Error("the queue of events for M/Monit is full: the oldest are dropped", "events", dropped)
	}
}

// slots bounds the queue.
func slots(file *control.File) int {
	if n := file.Settings.EventQueue.Slots; n > 0 {
		return n
	}
	return 1000
}

// post sends the status once a cycle and events as they come. While nobody answers it tries less and less often.
func (p *Poster) post(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-p.ready:
			if failures > 0 {
				continue // the next status finds out whether somebody is back
			}
			err = p.deliver(ctx)
		case <-timer.C:
			err = errors.Join(p.send(ctx, nil), p.deliver(ctx))
		}
		failures = p.judge(err, failures)
		timer.Reset(pause(p.cfg.File(), failures))
	}
}

// judge says once that nobody answers, and once that somebody does again.
func (p *Poster) judge(err error, failures int) int {
	switch {
	case err != nil && !p.silent:
		p.cfg.Log.Error("M/Monit takes nothing; events wait and are posted later", "error", err)
	case err == nil && p.silent:
		p.cfg.Log.Info("M/Monit takes what it is told again")
	}
	p.silent = err != nil
	if err != nil {
		return failures + 1
	}
	return 0
}

func pause(file *control.File, failures int) time.Duration {
	cycle := file.Settings.Interval
	if cycle <= 0 {
		cycle = defaultPause
	}
	return max(cycle, min(longestPause, cycle<<min(failures, 8)))
}

// deliver posts what is in the queue, in order, until nobody takes it.
func (p *Poster) deliver(ctx context.Context) error {
	for {
		number, e, found := p.queue.first()
		if !found {
			return nil
		}
		if err := p.send(ctx, &e); err != nil {
			return err
		}
		if err := p.queue.remove(number); err != nil {
			return err
		}
	}
}

// send posts to every M/Monit of the file. As in Monit it is enough that one has taken it.
func (p *Poster) send(ctx context.Context, e *statusdoc.Event) error {
	all := p.cfg.File().Settings.MMonit
	var errs []error
	for _, to := range all {
		doc := p.cfg.Doc()
		doc.HostGroups = to.HostGroups
		c, err := p.client(to)
		if err == nil {
			err = c.post(ctx, to, doc, e)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", to.URL, err))
		}
	}
	if len(errs) < len(all) {
		return nil
	}
	return errors.Join(errs...)
}

// poke puts a value into a channel of one, unless one is waiting already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
