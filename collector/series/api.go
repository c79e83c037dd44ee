package series

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// Bounds of the remote API.
const (
	maxBody        = 32 << 20   // bytes of a request: a remote write of 100,000 samples has a third of that
	readSamples    = 50_000_000 // of one remote read
	readConcurrent = 10
	readFrame      = 1 << 20 // bytes
	maxSearch      = 10_000
)

// Handler serves /api/v1/ as Prometheus does; a Grafana data source and promtool cannot tell the difference. There are no scrape
// targets, rules or Alertmanagers here, so those lists are empty; the admin calls are switched off.
func (s *Store) Handler() http.Handler { return s.handler }

func (s *Store) newHandler(log *slog.Logger) http.Handler {
	r := route.New()
	s.newAPI(log).Register(r.WithPrefix("/api/v1"))
	mux := http.NewServeMux()
	mux.Handle("/", r)
	mux.Handle("GET /api/v1/metadata", &s.describe)
	return http.MaxBytesHandler(mux, maxBody)
}

// newAPI is the only place that knows the order of NewAPI's parameters, which changes with nearly every release.
func (s *Store) newAPI(log *slog.Logger) *v1.API {
	nothing := absent{}
	in := intake{s}
	return v1.NewAPI(
		s.engine,
		s.db,
		in, s.db, // the second is OTLP's, which is off
		s.db,
		func(context.Context) v1.ScrapePoolsRetriever { return nothing },
		func(context.Context) v1.TargetRetriever { return nothing },
		func(context.Context) v1.AlertmanagerRetriever { return nothing },
		func() config.Config { return config.DefaultConfig },
		map[string]string{"storage.tsdb.retention.time": s.cfg.Retention.String()},
		v1.GlobalURLOptions{},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, // Open returns when the store is ready
		admin{s.db},
		s.cfg.Dir,
		false, // admin API
		true, maxSearch,
		log,
		func(context.Context) v1.RulesRetriever { return nothing },
		readSamples, readConcurrent, readFrame,
		false,                    // Prometheus' agent mode
		regexp.MustCompile(`^$`), // CORS: no other origin
		s.runtimeInfo,
		s.version(),
		nil, nil, // notifications of Prometheus' own pages
		s.registry,
		s.registry,
		nil, // statistics of a query as Prometheus renders them
		s.cfg.RemoteWrite,
		remote.MessageTypes{remote.WriteV1MessageType, remote.WriteV2MessageType},
		false, false, false, // OTLP
		false, // start timestamps as zero samples
		0,     // look-back of OTLP
		false, // type and unit as labels
		false, // metadata in the write-ahead log
		nil,
		nil,
		v1.OpenAPIOptions{Version: s.cfg.Version, MaxSearchLimit: maxSearch},
		nil, // the parser's default options
	)
}

func (s *Store) version() *v1.PrometheusVersion {
	return &v1.PrometheusVersion{Version: apiVersion, Revision: "dialtone " + s.cfg.Version, GoVersion: runtime.Version()}
}

// apiVersion is the Prometheus whose API this is: Grafana chooses by it which calls it makes.
const apiVersion = "3.15.0"

func (s *Store) runtimeInfo() (v1.RuntimeInfo, error) {
	host, err := os.Hostname()
	return v1.RuntimeInfo{
		StartTime: s.started, ServerTime: time.Now().UTC(), CWD: s.cfg.Dir, Hostname: host,
		ReloadConfigSuccess: true, LastConfigTime: s.started, CorruptionCount: s.corruptions(),
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0), GOMEMLIMIT: debug.SetMemoryLimit(-1),
		GOGC: os.Getenv("GOGC"), GODEBUG: os.Getenv("GODEBUG"), StorageRetention: s.cfg.Retention.String(),
	}, err
}
