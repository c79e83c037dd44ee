package collector

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// Defaults of [IntakeConfig].
const (
	DefaultIdle      = 15 * time.Second
	DefaultSyncEvery = 250 * time.Millisecond
	DefaultMaxAgents = 5000
	DefaultRetry     = 2 * time.Second
)

// IntakeConfig is what an intake needs. Durations and MaxAgents have defaults; the rest must be set.
type IntakeConfig struct {
	Token     func() string // what agents must show; asked at each connect. Empty: nobody gets in
	Store     SampleStore
	Desk      EventSink
	Nodes     *Nodes
	Log       *slog.Logger
	Idle      time.Duration // without a byte, after which a connection is given up
	SyncEvery time.Duration // the shortest time between two Syncs of the store
	MaxAgents int           // connections at once
	Retry     time.Duration // before samples that the store refused are offered again; doubled up to five times this
}

// Intake takes the streams of agents. It serves wire.Path while Run runs.
type Intake struct {
	IntakeConfig
	commit *committer
	hold   hold
	seats  *seats
	counts counts
	open   atomic.Int64

	mu       sync.Mutex
	running  context.Context // nil: not running
	sessions sync.WaitGroup
}

// NewIntake returns an intake that is not running yet.
func NewIntake(cfg IntakeConfig) *Intake {
	if cfg.Idle == 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.SyncEvery == 0 {
		cfg.SyncEvery = DefaultSyncEvery
	}
	if cfg.MaxAgents == 0 {
		cfg.MaxAgents = DefaultMaxAgents
	}
	if cfg.Retry == 0 {
		cfg.Retry = DefaultRetry
	}
	return &Intake{IntakeConfig: cfg, hold: hold{log: cfg.Log}, commit: newCommitter(cfg), seats: newSeats(cfg.Desk, cfg.Log)}
}

// Run lets agents in until ctx ends. It then sends them away, brings what they sent to disk, and returns.
func (in *Intake) Run(ctx context.Context) error {
	in.mu.Lock()
	in.running = ctx
	in.mu.Unlock()
	committing, stop := context.WithCancel(context.WithoutCancel(ctx))
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		in.commit.run(committing)
	}()
	<-ctx.Done()
	in.mu.Lock()
	in.running = nil
	in.mu.Unlock()
	in.sessions.Wait()
	stop()
	<-committed
	return nil
}

// enter counts a session in; ok is false when the intake does not run.
func (in *Intake) enter() (ctx context.Context, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.running == nil || in.running.Err() != nil {
		return nil, false
	}
	in.sessions.Add(1)
	return in.running, true
}

// ServeHTTP turns a request for the stream into a session, which it serves until it ends.
func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !in.admits(w, r) {
		return
	}
	ctx, ok := in.enter()
	if !ok {
		deny(w, http.StatusServiceUnavailable, "the collector is not running")
		return
	}
	defer in.sessions.Done()
	defer in.open.Add(-1)
	if n := in.open.Add(1); n > int64(in.MaxAgents) {
		deny(w, http.StatusServiceUnavailable, fmt.Sprintf("%d agents are connected, which is the limit", in.MaxAgents))
		return
	}
	conn, ahead, err := http.NewResponseController(w).Hijack()
	if err != nil {
		deny(w, http.StatusInternalServerError, "this connection cannot carry a stream: "+err.Error())
		return
	}
	s := newSession(in, conn, ahead.Reader)
	if err := switchProtocol(conn); err != nil {
		_ = conn.Close()
		return
	}
	in.serve(ctx, s)
}

// serve runs one session and says in the log that it came and why it went.
func (in *Intake) serve(ctx context.Context, s *session) {
	from := s.conn.RemoteAddr().String()
	err := s.run(ctx)
	switch {
	case s.bye != "":
		in.Log.Info("agent said goodbye", "node", s.hello.Node.Name, "from", from, "reason", s.bye)
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
		in.Log.Info("agent hung up", "node", s.hello.Node.Name, "from", from)
	default:
		in.Log.Warn("agent was cut off", "node", s.hello.Node.Name, "from", from, "error", err)
	}
}

// admits answers requests that do not ask for the stream, or may not have it.
func (in *Intake) admits(w http.ResponseWriter, r *http.Request) bool {
	asked := r.Header.Get("Upgrade")
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		deny(w, http.StatusMethodNotAllowed, "agents ask for the stream with GET")
	case !in.authorized(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="dialtone agents"`)
		deny(w, http.StatusUnauthorized, "the token is not the collector's: copy the collector's token file to the agent")
	case r.ProtoMajor != 1 || !strings.EqualFold(asked, wire.Protocol):
		w.Header().Set("Upgrade", wire.Protocol)
		w.Header().Set("Connection", "Upgrade")
		deny(w, http.StatusUpgradeRequired, fmt.Sprintf("this collector speaks %s over HTTP/1.1, not %.40q over %s: update the older of the two", wire.Protocol, asked, r.Proto))
	default:
		return true
	}
	return false
}

// authorized compares hashes, so that neither the time nor the length tells anything about the token.
func (in *Intake) authorized(r *http.Request) bool {
	shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	want := in.Token()
	a, b := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && bearer && want != ""
}

func deny(w http.ResponseWriter, code int, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, why+"\n")
}

func switchProtocol(conn net.Conn) error {
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own deadlines end here
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	_, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: "+wire.Protocol+"\r\nConnection: Upgrade\r\n\r\n")
	return err
}

// counts adds up what came in since the start.
type counts struct{ taken, known, refused, evs atomic.Uint64 }

func (c *counts) samples(n int, res AppendResult) {
	c.taken.Add(uint64(n))
	c.known.Add(uint64(res.Known))
	c.refused.Add(uint64(res.Refused))
}

func (c *counts) events(n int) { c.evs.Add(uint64(n)) }

// IntakeStats is what came in since the start of this process.
type IntakeStats struct {
	Agents  int    // connected now
	Samples uint64 // handed to the store
	Known   uint64 // of those, had been stored before
	Refused uint64 // of those, the store did not want
	Events  uint64 // handed to the desk
}

// Stats returns what came in since the start of this process.
func (in *Intake) Stats() IntakeStats {
	return IntakeStats{
		Agents: int(in.open.Load()), Samples: in.counts.taken.Load(), Known: in.counts.known.Load(),
		Refused: in.counts.refused.Load(), Events: in.counts.evs.Load(),
	}
}
