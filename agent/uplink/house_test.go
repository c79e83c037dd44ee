package uplink

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/collector"
)

// patience is how long a test waits for what must happen; a loaded machine may need most of it.
const patience = 30 * time.Second

// brisk are waits short enough for tests, and long enough not to fire by themselves on a loaded machine.
var brisk = timing{
	gather: 5 * time.Millisecond, spill: 50 * time.Millisecond, heartbeat: 20 * time.Millisecond, silence: 5 * time.Second,
	dial: 5 * time.Second, farewell: 5 * time.Second, retryMin: 2 * time.Millisecond, retryMax: 50 * time.Millisecond,
	slow: 50 * time.Millisecond, mend: 20 * time.Millisecond,
}

func TestMain(m *testing.M) {
	if role := roleOfThisProcess(); role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}

// memory is a store and a desk that count what they are given. A sample is known by its series and time, as a TSDB knows it.
type memory struct {
	mu      sync.Mutex
	samples map[string]int
	events  map[string]int
	order   []string // event IDs and sample keys as they came
	fail    error
	full    error         // of Append alone
	gate    chan struct{} // non-nil: Append waits for it
	changed chan struct{}
}

func newMemory() *memory {
	return &memory{samples: map[string]int{}, events: map[string]int{}, changed: make(chan struct{})}
}

func sampleKey(s dialtone.Sample) string {
	return fmt.Sprintf("%s%v@%d=%v", s.Name, s.Labels, s.At.UnixMilli(), s.Value)
}

func (m *memory) Append(ctx context.Context, _ string, samples []dialtone.Sample) (collector.AppendResult, error) {
	m.mu.Lock()
	gate, fail := m.gate, cmp.Or(m.full, m.fail)
	m.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return collector.AppendResult{}, ctx.Err()
		}
	}
	if fail != nil {
		return collector.AppendResult{}, fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range samples {
		m.samples[sampleKey(s)]++
		m.order = append(m.order, sampleKey(s))
	}
	m.tell()
	return collector.AppendResult{}, nil
}

func (m *memory) Sync(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fail
}

func (m *memory) Accept(_ context.Context, events []dialtone.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, ev := range events {
		m.events[ev.ID]++
		m.order = append(m.order, ev.Why)
	}
	m.tell()
	return nil
}

func (m *memory) tell() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// wait returns when ok, which is called with the lock held, says so.
func (m *memory) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		m.mu.Lock()
		done, changed, state := ok(), m.changed, fmt.Sprintf("%d samples, %d events", len(m.samples), len(m.events))
		m.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %s; the collector has %s", what, state)
		}
	}
}

// twice returns what was handed over more than once.
func (m *memory) twice() (keys []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, counted := range []map[string]int{m.samples, m.events} {
		for k, n := range counted {
			if n > 1 {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// house is a collector with its intake behind a server.
type house struct {
	*memory
	nodes  *collector.Nodes
	intake *collector.Intake
	server *httptest.Server
}

const goodToken = "correct-horse"

// newHouse starts a collector; start makes the server listen, plain or with TLS.
func newHouse(t *testing.T, start func(*httptest.Server)) *house {
	t.Helper()
	nodes, err := collector.OpenNodes(filepath.Join(t.TempDir(), "nodes.db"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{memory: newMemory(), nodes: nodes}
	h.intake = collector.NewIntake(collector.IntakeConfig{
		Token: func() string { return goodToken }, Store: h, Desk: h, Nodes: nodes, Log: quiet(), SyncEvery: time.Millisecond, Retry: 10 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- h.intake.Run(ctx) }()
	h.server = httptest.NewUnstartedServer(h.intake)
	h.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	start(h.server)
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		h.server.Close()
		if err := nodes.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openDB(t testing.TB, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: patience, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func configOf(t *testing.T, url string) Config {
	t.Helper()
	return Config{
		URL: url, Token: goodToken, Node: dialtone.Node{Name: "web1"}, Version: "test", AgentID: "agent-1", BootID: "boot",
		DB: openDB(t, filepath.Join(t.TempDir(), "state.db")), Log: quiet(),
	}
}

// started runs an uplink; stop ends it as an agent that quits does, and is called at the end of the test at the latest.
func started(t *testing.T, cfg Config, waits timing) (u *Uplink, stop func()) {
	t.Helper()
	u, err := newUplink(cfg, waits)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- u.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil && cfg.DB.IsReadOnly() == false {
				t.Errorf("uplink ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("uplink does not end")
		}
	})
	t.Cleanup(stop)
	return u, stop
}

// eventually polls what has no channel of its own.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// numbered makes n samples of one series, numbered from first on.
func numbered(series string, first, n int) []dialtone.Sample {
	out := make([]dialtone.Sample, n)
	for i := range out {
		at := time.UnixMilli(1_770_000_000_000 + int64(first+i)*1000)
		out[i] = dialtone.Sample{Name: "test_total", Labels: []dialtone.Label{{Name: "series", Value: series}}, At: at, Value: float64(first + i)}
	}
	return out
}

func event(why string) dialtone.Event {
	return dialtone.Event{Kind: dialtone.EventState, From: dialtone.OK, To: dialtone.Critical, Service: "nginx", Why: why}
}

// proxy stands between an uplink and its collector and can break the link in the ways a network does.
type proxy struct {
	listener net.Listener
	backend  func() string

	mu    sync.Mutex
	state proxyState
	conns map[net.Conn]bool
	wake  chan struct{} // closed and replaced at each change of state
	all   sync.WaitGroup
}

type proxyState int

const (
	linkUp   proxyState = iota
	linkCut             // connections are closed, new ones too
	linkHole            // bytes vanish, nothing is closed
)

func newProxy(t *testing.T, backend func() string) *proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, backend: backend, conns: map[net.Conn]bool{}, wake: make(chan struct{})}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.set(linkCut)
		p.all.Wait()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) set(s proxyState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
	close(p.wake)
	p.wake = make(chan struct{})
	if s == linkCut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.join(c) })
	}
}

func (p *proxy) join(c net.Conn) {
	defer c.Close()
	if !p.keep(c) {
		return
	}
	to, err := (&net.Dialer{Timeout: patience}).Dial("tcp", p.backend())
	if err != nil {
		return
	}
	defer to.Close()
	if !p.keep(to) {
		return
	}
	both := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{c, to}, {to, c}} {
		p.all.Go(func() {
			p.pump(pair[0], pair[1])
			both <- struct{}{}
		})
	}
	<-both
}

func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return p.state != linkCut
}

func (p *proxy) pump(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		state, wake := p.state, p.wake
		p.mu.Unlock()
		if state == linkHole {
			<-wake // these bytes are gone, and so is what both sides thought of the link
			return
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func addrOf(s *httptest.Server) func() string {
	return func() string { return strings.TrimPrefix(s.URL, "http://") }
}

// lines is a log that a test can search.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

var _ io.Writer = (*lines)(nil)

// answering is a server that is no collector.
func answering(t *testing.T, code int, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, code) }))
	t.Cleanup(s.Close)
	return s
}
