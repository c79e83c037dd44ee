// Package mail tells people by mail what an agent has to say: what `set alert` and `alert` ask for, through the servers of
// `set mailserver`.
//
//	Events ─► memory ─► matters ──── hold is over, collector out of reach ────► outbox ─► SMTP ─► deleted
//	              └──── one transaction: matters and outbox, fsync ────┘
//
// A matter is one service that broke, or one fact that stands alone. While a healer is at work its mail is held for the grace, so
// that one mail says what broke, what was done and whether it helped. With a collector, mail is only for what the collector has not
// acknowledged. The outbox holds one row a message and receiver until a server has taken it: kill -9 loses nothing that was written,
// and a server that is dead, or hangs, delays mail and nothing else.
package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

const maxQueued = 10_000 // events in memory that are not in a matter yet; the oldest go

// Reach is how the collector stands.
type Reach struct {
	Connected bool
	Since     time.Time // when Connected last changed; zero: never connected
	Unacked   int       // events that were handed to it and that it has not acknowledged
	URL       string
}

// Config is what mail needs. File and DB must be set.
type Config struct {
	File      func() *control.File // the control file that holds
	DB        *bbolt.DB
	Collector func() Reach // nil: the agent works alone
	Hostname  string       // for EHLO and Message-ID where the file names none; empty: localhost
	Log       *slog.Logger // nil: discarded
}

// timing are the waits of mail; tests shorten them.
type timing struct {
	gather   time.Duration // between an event and its transaction: a heal's own writes come first
	grace    time.Duration // how long a healer may hold a mail back
	settle   time.Duration // after a heal that worked: the state that follows belongs into the same mail
	away     time.Duration // without the collector's acknowledgement, after which mail takes over
	poll     time.Duration // between two looks at the collector
	batch    time.Duration // between a row and its sending, so that a storm is seen as one
	retryMin time.Duration
	retryMax time.Duration
	stale    time.Duration // a row that no server has taken for so long is dropped
	farewell time.Duration // for the last mail when the agent stops
}

var usual = timing{
	gather: 50 * time.Millisecond, grace: 20 * time.Second, settle: 2 * time.Second, away: 15 * time.Second, poll: time.Second,
	batch: time.Second, retryMin: 5 * time.Second, retryMax: 10 * time.Minute, stale: 5 * 24 * time.Hour, farewell: 3 * time.Second,
}

// Mailer tells people. Its methods are safe for concurrent use; Events never blocks on disk or network.
type Mailer struct {
	cfg     Config
	timing  timing
	matters *matters
	outbox  *outbox
	office  *office
	wake    chan struct{} // events came

	mu      sync.Mutex
	queue   []dialtone.Event
	dropped int // events that the queue could not keep

	broken bool // the state folder cannot be written; keep's alone
}

// Stats is how mail stands, for status and /metrics.
type Stats struct {
	Waiting     int       // messages that no server has taken yet
	Oldest      time.Time // of them; zero: none
	Sent        uint64    // since New
	Dropped     uint64    // since New: the outbox was full, or nobody took them for days
	LastError   string    // why the last try failed; empty when it did not
	LastErrorAt time.Time
}

// New opens the outbox; what an earlier run of the agent left in it is sent first.
func New(cfg Config) (*Mailer, error) { return newMailer(cfg, usual, sendSMTP) }

func newMailer(cfg Config, t timing, send sender) (*Mailer, error) {
	if cfg.File == nil || cfg.DB == nil {
		return nil, errors.New("mail: control file and database must be set")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Hostname = cmp.Or(cfg.Hostname, "localhost")
	box, err := openOutbox(cfg.DB, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	m := &Mailer{cfg: cfg, timing: t, outbox: box, wake: make(chan struct{}, 1)}
	m.office = newOffice(cfg, t, box, send)
	if m.matters, err = openMatters(cfg, t); err != nil {
		return nil, fmt.Errorf("reading what was not mailed yet: %w", err)
	}
	return m, nil
}

// Run works until ctx ends. It must outlive whoever calls Events: on its way out it writes what is left, and gives a server that
// answers three seconds for it; the rest waits for the agent's next start.
func (m *Mailer) Run(ctx context.Context) error {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var g errgroup.Group
	g.Go(func() error { m.keep(ctx); stop(); return nil })
	g.Go(func() error { m.office.run(keeping); return nil })
	if err := g.Wait(); err != nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.timing.farewell)
	defer cancel()
	m.office.last(last)
	return nil
}

// Events takes what happened. An agent whose control file asks for no mail forgets it at once.
func (m *Mailer) Events(events ...dialtone.Event) {
	if !asksForMail(m.cfg.File()) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, events...)
	if over := len(m.queue) - maxQueued; over > 0 {
		m.queue = m.queue[over:]
		m.dropped += over
	}
	poke(m.wake)
}

// Stats returns how mail stands.
func (m *Mailer) Stats() Stats { return m.office.stats() }

// Trouble says in one sentence that mail cannot leave; empty while it does, or while it waits for less than a minute.
func (m *Mailer) Trouble() string {
	s := m.Stats()
	if s.LastError == "" || s.Waiting == 0 || time.Since(s.Oldest) < time.Minute {
		return ""
	}
	messages := fmt.Sprintf("%d messages wait", s.Waiting)
	if s.Waiting == 1 {
		messages = "a message waits"
	}
	return fmt.Sprintf("mail cannot leave: %s since %s: %s", messages, s.Oldest.UTC().Format("2006-01-02 15:04:05 UTC"), oneLine(s.LastError))
}

// keep turns events into matters, and matters that are due into rows of the outbox.
func (m *Mailer) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	gathering := false
	for {
		select {
		case <-ctx.Done():
			m.step(time.Now())
			return
		case <-m.wake:
			if !gathering {
				gathering = true
				timer.Reset(m.timing.gather)
			}
			continue
		case <-timer.C:
		}
		gathering = false
		timer.Reset(m.step(time.Now()))
	}
}

// step writes what is due and returns how long nothing else will be. What cannot be written waits in memory, and leaves from there.
func (m *Mailer) step(now time.Time) time.Duration {
	m.mu.Lock()
	events, dropped := m.queue, m.dropped
	m.queue, m.dropped = nil, 0
	m.mu.Unlock()
	if dropped > 0 {
		m.cfg.Log.Error("events came faster than they could be written, and are not mailed", "events", dropped)
	}
	file := m.cfg.File()
	m.matters.take(events, now)
	letters := m.matters.due(file, now)
	rows := make([]row, 0, len(letters))
	for _, l := range letters {
		rows = append(rows, l.row(file, m.cfg.Hostname))
	}
	m.outbox.add(rows, slots(file))
	if len(rows) > 0 {
		poke(m.office.wake)
	}
	m.save()
	return m.matters.next(file, now)
}

// save writes matters and rows in one transaction. It says once that it cannot, and once that it can again.
func (m *Mailer) save() {
	if len(m.matters.dirty) == 0 && m.outbox.saved() {
		return
	}
	err := m.outbox.commit(m.matters.save)
	if err == nil {
		m.matters.settle()
	}
	switch {
	case err != nil && !m.broken:
		m.cfg.Log.Error("mail cannot be written to the state folder; it waits in memory", "error", err)
	case err == nil && m.broken:
		m.cfg.Log.Info("mail can be written to the state folder again")
	}
	m.broken = err != nil
}

// slots bounds the outbox.
func slots(file *control.File) int { return cmp.Or(file.Settings.EventQueue.Slots, 1000) }

// poke puts a value into a channel of one, unless one is waiting already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
