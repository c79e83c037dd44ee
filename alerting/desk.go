// Package alerting is the desk where every event is written down, becomes an incident or not, and is told to people.
//
//	Accept ──► one fsynced transaction: event, incident, outbox rows ──► senders, one a way ──► Slack, mail, webhook
//	                       ▲                                                    │
//	   timers, people ─────┴──────────────── outcome of every attempt ◄─────────┘
//
// Every change goes through one writer, which commits what waits together. lifecycle.go and people.go are the incident's
// state machine, pure functions; outbox.go says who is told; sender.go sends.
package alerting

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"go.etcd.io/bbolt"
)

// Grapher draws the graph that belongs to an incident, as PNG. An error, or no answer in half a second, means that the
// notice leaves without it.
type Grapher interface {
	IncidentPNG(ctx context.Context, in dialtone.Incident) ([]byte, error)
}

// Config is what a desk needs. Settings' zero value is replaced by the defaults; Grapher may be nil.
type Config struct {
	Path     string // desk.db
	Settings *Settings
	Ways     []Way // usually Settings.Ways(); empty: nobody is told anything
	Grapher  Grapher
	BaseURL  string // of the pages, for links; Settings.BaseURL wins when set
	Log      *slog.Logger
}

// Desk holds events, incidents and the outbox. Accept, the people's verbs and the reads work from Open to Close; notices
// leave and timers fire while Run runs.
type Desk struct {
	db       *bbolt.DB
	log      *slog.Logger
	settings Settings
	policy   Policy
	ways     []Way
	senders  map[string]*sender
	grapher  Grapher
	baseURL  string
	last     int64 // of stamp; only the writer touches it

	mu       sync.RWMutex // guards what follows
	books    books
	watchers map[chan struct{}]bool

	ops     chan *op
	stop    chan struct{}
	stopped chan struct{}
	tickle  chan struct{} // the timers look again
}

// Open opens or makes the desk's file and picks up what a crash left: notices that may or may not have arrived are sent
// again under the same ID. The caller closes the desk, after Run has returned.
func Open(cfg Config) (*Desk, error) {
	if cfg.Settings == nil {
		cfg.Settings = DefaultSettings()
	}
	d := &Desk{
		log: cfg.Log, settings: *cfg.Settings, policy: cfg.Settings.Policy(), ways: cfg.Ways, grapher: cfg.Grapher,
		baseURL: cfg.Settings.BaseURL, senders: map[string]*sender{}, watchers: map[chan struct{}]bool{},
		books: books{open: map[string]*incident{}, queue: map[string][]*row{}},
		ops:   make(chan *op, maxWaitingOps), stop: make(chan struct{}), stopped: make(chan struct{}),
		tickle: make(chan struct{}, 1),
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.baseURL == "" {
		d.baseURL = cfg.BaseURL
	}
	for _, way := range cfg.Ways {
		d.senders[way.Name] = newSender(d, way)
	}
	db, err := openStore(cfg.Path)
	if err != nil {
		return nil, err
	}
	d.db = db
	if err := readable(cfg.Path, d.load); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if len(d.ways) == 0 {
		d.log.Warn("nobody is told of incidents: the settings name no notifier")
	}
	go d.write()
	if err := d.commit(context.Background(), (*draft).adopt); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close stops the writer and closes the file. Calls that wait get ErrClosed.
func (d *Desk) Close() error {
	close(d.stop)
	<-d.stopped
	return d.db.Close()
}

// Accept returns nil when the events, the incidents that they move and the notices that follow are on disk. The same
// events again are harmless, so a sender repeats until it gets nil. It is the sink of the collector's intake.
func (d *Desk) Accept(ctx context.Context, events []dialtone.Event) error {
	if len(events) == 0 {
		return nil
	}
	return d.commit(ctx, func(dr *draft) error {
		for _, e := range events {
			if err := dr.accept(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Run sends notices, fires timers and keeps the file within its bounds until ctx ends; then it returns nil.
func (d *Desk) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, s := range d.senders {
		group.Go(func() { s.run(ctx) })
	}
	group.Go(func() { d.keepTime(ctx) })
	group.Go(func() { d.keepBounds(ctx) })
	if d.settings.DeadMan.URL != "" {
		group.Go(func() { d.keepAlive(ctx) })
	}
	group.Wait()
	return nil
}

// load fills the books. A row found in "sending" becomes pending: whether it arrived is unknown, so it is sent again.
func (d *Desk) load() error {
	return d.db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket(bucketIncidents).ForEach(func(id, _ []byte) error {
			in, err := getIncident(tx, string(id))
			if err != nil {
				return err
			}
			d.last = max(d.last, parseStamp(in.ID))
			if in.State.Open() {
				d.books.open[in.ID] = in
			}
			return nil
		})
		if err != nil {
			return err
		}
		if id, _ := tx.Bucket(bucketNotices).Cursor().Last(); id != nil {
			d.last = max(d.last, parseStamp(string(id)))
		}
		return tx.Bucket(bucketOutbox).ForEach(func(id, _ []byte) error {
			r, err := getRow(tx, id)
			if err != nil {
				return err
			}
			if r.State == dialtone.NoticeSending {
				r.State, r.NextAt = dialtone.NoticePending, time.Time{}
			}
			d.books.queue[r.Way] = append(d.books.queue[r.Way], r)
			return nil
		})
	})
}

// adopt fits the outbox to the settings of this start: rows of ways that are gone are canceled, and an incident that
// nobody knows of, and nobody is about to know of, is told anew. So no page is lost by renaming a notifier.
func (dr *draft) adopt() error {
	for way, queue := range dr.books.queue {
		if dr.desk.senders[way] != nil {
			continue
		}
		for _, r := range queue {
			dr.cancel(r, "the settings no longer name this notifier")
		}
	}
	for id, in := range dr.books.open {
		if !in.wantsPage(dr.now) || dr.anybody(in) {
			continue
		}
		in, err := dr.incident(id)
		if err != nil {
			return err
		}
		dr.apply(in, in.trigger(in.reason(), dr.now, dr.desk.policy))
	}
	return nil
}

// anybody reports whether somebody has been told of the incident, or is about to be.
func (dr *draft) anybody(in *incident) bool {
	return slices.ContainsFunc(dr.desk.ways, func(way Way) bool {
		return in.Told[way.Name] == toldYes || len(dr.unfinished(way.Name, in.ID)) > 0
	})
}

// Subscribe returns a channel that holds a token after anything has changed; many changes make one token. stop ends it.
func (d *Desk) Subscribe() (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watchers[c] = true
	return c, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, c)
	}
}

func (d *Desk) message(r *row, in dialtone.Incident, now time.Time) notify.Message {
	return notify.Message{
		ID: r.ID, Kind: r.Kind, Reason: string(r.Reason), Combined: r.Combined, Attempt: r.Attempt, Created: r.Created,
		At: now, Zone: d.settings.Zone(), Incident: in, Link: d.link(in.ID),
	}
}

func (d *Desk) link(id string) string {
	if id == "" {
		return d.baseURL + "/"
	}
	return d.baseURL + "/i/" + id
}
