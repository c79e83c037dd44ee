// Package series keeps samples and answers PromQL: Prometheus' TSDB, its engine and its HTTP API in this process.
//
//	Append ──► one commit in the TSDB ──► write-ahead log (page cache) ──► Sync: one fsync for everybody ──► may be acked
//	Query, QueryRange (pages)  ──┐
//	Handler (/api/v1/, Grafana) ─┴──► PromQL engine ──► TSDB
//
// It is apart from package collector so that nothing but the collector's own binary compiles Prometheus. Folder and files are
// those of Prometheus 3, so promtool and a Prometheus server can read them once this process has ended.
package series

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/dialtone/dialtone/collector"
)

// Defaults of Config.
const (
	DefaultRetention  = 45 * 24 * time.Hour
	DefaultOutOfOrder = 24 * time.Hour
	DefaultMinFree    = 512 << 20 // bytes: a segment of the log and a chunk file of 128 MiB each, and a compaction
	DefaultMaxSeries  = 50_000    // twenty times what a large host has
)

// ErrClosed is returned by a Store that has been closed.
var ErrClosed = errors.New("series store is closed")

// Config says where samples are kept and for how long. Dir and Log are required.
type Config struct {
	Dir         string
	Retention   time.Duration // how long samples are kept; zero: DefaultRetention
	MaxBytes    int64         // of blocks on disk, the oldest go first; zero: no limit
	OutOfOrder  time.Duration // how far back agents may fill in what they could not send; zero: DefaultOutOfOrder
	MinFree     uint64        // bytes: with less free on the disk nothing is taken in; zero: DefaultMinFree
	MaxSeries   int           // of one node within an hour; zero: DefaultMaxSeries
	RemoteWrite bool          // whether others may write to /api/v1/write (remote write 1.0 and 2.0)
	Version     string        // of dialtone, for /api/v1/status/buildinfo
	Log         *slog.Logger
	Registerer  prometheus.Registerer // gets the metrics of store and engine; nil: nobody does
}

func (c Config) withDefaults() Config {
	c.Retention = cmp.Or(c.Retention, DefaultRetention)
	c.OutOfOrder = cmp.Or(c.OutOfOrder, DefaultOutOfOrder)
	c.MinFree = cmp.Or(c.MinFree, DefaultMinFree)
	c.MaxSeries = cmp.Or(c.MaxSeries, DefaultMaxSeries)
	c.Version = cmp.Or(c.Version, "unknown")
	return c
}

// Store keeps samples. All methods are safe for concurrent use. Whoever opened it closes it.
type Store struct {
	cfg      Config
	started  time.Time
	lock     *dirLock
	db       *tsdb.DB
	engine   *promql.Engine
	tracker  *promql.ActiveQueryTracker
	registry *prometheus.Registry
	metrics  *metrics
	disk     *disk
	nodes    nodeCache
	journals *journals
	syncs    *groupSync
	describe descriptions
	handler  http.Handler
	broken   atomic.Pointer[error] // why nothing can be promised any more until the store is opened again
	closed   atomic.Bool
}

var _ collector.SampleStore = (*Store)(nil)

// Open opens the store in cfg.Dir, or makes one, and replays what the last process had not put into blocks: about 4 s for
// 20,000 series after a kill, less after Close. A damaged write-ahead log is cut where the damage begins, which is logged.
func Open(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("making the folder of the series store: %w", err)
	}
	s := &Store{cfg: cfg, started: time.Now().UTC(), registry: prometheus.NewRegistry(), disk: newDisk(cfg.Dir, cfg.MinFree)}
	if err := s.disk.check(); err != nil {
		cfg.Log.Warn("series store takes nothing in", "error", err)
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening series store %s: %w", cfg.Dir, err), s.release())
	}
	return s, nil
}

// open goes from the lock inwards; release goes the other way.
func (s *Store) open() (err error) {
	if s.lock, err = lockDir(s.cfg.Dir); err != nil {
		return err
	}
	log := slog.New(quiet{s.cfg.Log.Handler()})
	if s.db, err = tsdb.Open(s.cfg.Dir, log, s.registry, s.options(), nil); err != nil {
		return explainOpen(err)
	}
	if s.corruptions() > 0 {
		s.cfg.Log.Warn("write-ahead log was damaged and has been cut there; samples behind the damage are lost", "dir", s.cfg.Dir)
	}
	if s.tracker, err = promql.NewActiveQueryTracker(s.cfg.Dir, maxQueries, log); err != nil {
		return err
	}
	s.metrics = newMetrics(s.registry)
	s.nodes = newNodeCache(s.cfg.MaxSeries)
	s.journals = newJournals(s.cfg.Dir)
	s.syncs = newGroupSync(syncGap, s.flush)
	s.engine = promql.NewEngine(promql.EngineOpts{
		Logger: log, Reg: s.registry, ActiveQueryTracker: s.tracker, Parser: parser.NewParser(parser.Options{}),
		MaxSamples: maxQuerySamples, Timeout: queryTimeout, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	s.handler = s.newHandler(log)
	if s.cfg.Registerer != nil {
		return s.cfg.Registerer.Register(s.registry)
	}
	return nil
}

// options starts from Prometheus' own defaults: the zero Options is no usable value.
func (s *Store) options() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.NoLockfile = true // ours is on the same file, and taken before the TSDB tidies the folder
	o.WALCompression = compression.Snappy
	o.RetentionDuration = s.cfg.Retention.Milliseconds()
	o.MaxBytes = s.cfg.MaxBytes
	// As the Prometheus server has it: a tenth of the retention, so that whole blocks can go, and never more than 31 days.
	o.MaxBlockDuration = max(o.MinBlockDuration, min(s.cfg.Retention/10, 31*24*time.Hour).Milliseconds())
	o.OutOfOrderTimeWindow = s.cfg.OutOfOrder.Milliseconds()
	o.EnableMemorySnapshotOnShutdown = true
	o.EnableExemplarStorage, o.MaxExemplars = true, 1000 // remote write may bring some; agents have none
	return o
}

// explainOpen adds what to do to errors of the TSDB that a person has to mend.
func explainOpen(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w; the folder and all in it must belong to the user that dialtone runs as", err)
	case isFull(err):
		return fmt.Errorf("%w; free some space, nothing has been lost", err)
	}
	return err
}

// Sync returns when every sample whose Append returned before Sync was called is on disk. Many callers share one fsync, and
// two begin at least 50 ms apart, so a caller waits for that plus the disk, or for ctx. After an fsync that failed the kernel may have
// dropped what it could not write: then every Sync fails until the store is opened again, and agents keep their samples.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.syncs.wait(ctx)
}

// flush is what the callers of Sync share.
func (s *Store) flush() error {
	began := time.Now()
	if err := s.journals.sync(); err != nil {
		return s.fail(fmt.Errorf("putting samples on disk: %w", err))
	}
	s.metrics.syncs.Observe(time.Since(began).Seconds())
	return nil
}

// fail keeps the first reason why the store cannot promise anything any more.
func (s *Store) fail(err error) error {
	err = fmt.Errorf("%w; the series store takes nothing in until dialtone is started again", err)
	if s.broken.CompareAndSwap(nil, &err) {
		s.cfg.Log.Error("series store is broken", "error", err)
	}
	return *s.broken.Load()
}

// usable says why nothing may be written; nil when it may.
func (s *Store) usable() error {
	if s.closed.Load() {
		return ErrClosed
	}
	if broken := s.broken.Load(); broken != nil {
		return *broken
	}
	return nil
}

// Close puts everything on disk, with a snapshot that makes the next Open fast, and lets go of the folder. Appends and queries
// must have ended. A second Close does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.syncs.close()
	if s.cfg.Registerer != nil {
		s.cfg.Registerer.Unregister(s.registry)
	}
	if err := s.release(); err != nil {
		return fmt.Errorf("closing series store: %w", err)
	}
	return nil
}

// release lets go of what open got hold of, in reverse; the lock is last, for others wait for it.
func (s *Store) release() error {
	var errs []error
	if s.tracker != nil {
		errs = append(errs, s.tracker.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.unlock())
	}
	return errors.Join(errs...)
}

// corruptions counts the damaged places that the TSDB met when it was opened.
func (s *Store) corruptions() int64 {
	families, err := s.registry.Gather()
	if err != nil {
		return 0
	}
	for _, f := range families {
		if f.GetName() == "prometheus_tsdb_wal_corruptions_total" {
			return int64(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}

// quiet lets through what a person has to know: the TSDB tells of every compaction.
type quiet struct{ slog.Handler }

// Enabled reports whether a record of that level is handled: warnings and worse.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the level when the TSDB adds attributes.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup keeps the level when the TSDB opens a group.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
