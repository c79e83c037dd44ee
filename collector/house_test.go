package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

const (
	patience  = 30 * time.Second
	goodToken = "correct-horse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// memory is a store and a desk that remember in order.
type memory struct {
	mu      sync.Mutex
	samples []dialtone.Sample
	nodes   []string // of each sample
	events  []dialtone.Event
	syncs   int
	asked   int // Appends
	badSync error
	bad     error
	full    error // of Append alone
	gate    chan struct{}
}

func (m *memory) Append(ctx context.Context, node string, samples []dialtone.Sample) (AppendResult, error) {
	m.mu.Lock()
	m.asked++
	gate, bad := m.gate, cmp.Or(m.full, m.bad)
	m.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return AppendResult{}, ctx.Err()
		}
	}
	if bad != nil {
		return AppendResult{}, bad
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples = append(m.samples, samples...)
	for range samples {
		m.nodes = append(m.nodes, node)
	}
	return AppendResult{}, nil
}

func (m *memory) Sync(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.syncs++
	return m.badSync
}

func (m *memory) Accept(_ context.Context, events []dialtone.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bad != nil {
		return m.bad
	}
	m.events = append(m.events, events...)
	return nil
}

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// nodeOf returns whose the sample at a place is.
func (m *memory) nodeOf(i int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nodes[i]
}

func (m *memory) askedFor() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func (m *memory) got() (samples []dialtone.Sample, events []dialtone.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append(samples, m.samples...), append(events, m.events...)
}

// house is an intake behind a server.
type house struct {
	*memory
	nodes  *Nodes
	intake *Intake
	server *httptest.Server
	path   string
	stop   func()
}

func newHouse(t testing.TB, change func(*IntakeConfig)) *house {
	t.Helper()
	return openHouse(t, filepath.Join(t.TempDir(), "nodes.db"), change)
}

func openHouse(t testing.TB, path string, change func(*IntakeConfig)) *house {
	t.Helper()
	nodes, err := OpenNodes(path)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{memory: new(memory), nodes: nodes, path: path}
	cfg := IntakeConfig{Token: func() string { return goodToken }, Store: h, Desk: h, Nodes: nodes, Log: quiet(), SyncEvery: time.Millisecond, Retry: time.Millisecond}
	change(&cfg)
	h.intake = NewIntake(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.intake.Run(ctx) }()
	h.server = httptest.NewServer(h.intake)
	eventually(t, "the intake", func() bool { h.intake.mu.Lock(); defer h.intake.mu.Unlock(); return h.intake.running != nil })
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, nodes.Close()); err != nil {
			t.Error(err)
		}
		h.server.Close()
	})
	t.Cleanup(h.stop)
	return h
}

func asIs(*IntakeConfig) {}

func eventually(t testing.TB, what string, ok func() bool) {
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

// agent speaks the agent's side by hand.
type agent struct {
	t    testing.TB
	conn net.Conn
	from *wire.Reader
	enc  *wire.Encoder
}

func (h *house) dial(t testing.TB) *agent {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	a := &agent{t: t, conn: conn, enc: wire.NewEncoder()}
	a.say([]byte("GET " + wire.Path + " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: dialtone/1\r\nAuthorization: Bearer " + goodToken + "\r\n\r\n"))
	head := make([]byte, len("HTTP/1.1 101 Switching Protocols\r\nUpgrade: dialtone/1\r\nConnection: Upgrade\r\n\r\n"))
	a.deadline()
	if _, err := io.ReadFull(conn, head); err != nil || !strings.Contains(string(head), "101") {
		t.Fatalf("upgrade: %q, %v", head, err)
	}
	a.from = wire.NewReader(conn)
	return a
}

func (a *agent) deadline() { _ = a.conn.SetDeadline(time.Now().Add(patience)) }

func (a *agent) say(frames []byte) {
	a.t.Helper()
	a.deadline()
	if _, err := a.conn.Write(frames); err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) must(frames []byte, err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
	a.say(frames)
}

func helloOf(id, node string, runs ...string) wire.Hello {
	h := wire.Hello{Version: wire.Version, AgentID: id, AgentVersion: "1.0", Node: dialtone.Node{Name: node}}
	for _, run := range runs {
		h.Runs = append(h.Runs, wire.Run{ID: run})
	}
	return h
}

// hello greets and returns the welcome.
func (a *agent) hello(h wire.Hello) wire.Welcome {
	a.t.Helper()
	a.must(wire.EncodeJSON(nil, wire.TypeHello, h))
	w, err := wire.DecodeWelcome(a.hear(wire.TypeWelcome), len(h.Runs))
	if err != nil {
		a.t.Fatal(err)
	}
	return w
}

// hear returns the body of the next frame, which must be of a type.
func (a *agent) hear(want wire.Type) []byte {
	a.t.Helper()
	a.deadline()
	t, body, err := a.from.Next()
	if err != nil || t != want {
		a.t.Fatalf("heard %s %.200q, %v; want %s", t, body, err, want)
	}
	return body
}

func (a *agent) hearAck(want wire.Ack) {
	a.t.Helper()
	for {
		got, err := wire.DecodeAck(a.hear(wire.TypeAck))
		if err != nil {
			a.t.Fatal(err)
		}
		if got == want {
			return
		}
		if got.Lane == want.Lane && got.Seq > want.Seq {
			a.t.Fatalf("ack %+v, want %+v", got, want)
		}
	}
}

func (a *agent) hearError(code wire.Code) wire.Error {
	a.t.Helper()
	e, err := wire.DecodeError(a.hear(wire.TypeError))
	if err != nil || e.Code != code {
		a.t.Fatalf("error %+v, %v; want code %s", e, err, code)
	}
	return *e
}

func (a *agent) samples(run int, seq uint64, samples ...dialtone.Sample) {
	a.t.Helper()
	dict, batch, err := a.enc.Encode(wire.Batch{Seq: seq, Samples: samples})
	if err != nil {
		a.t.Fatal(err)
	}
	if dict != nil {
		a.must(wire.AppendFrame(nil, wire.TypeDict, dict))
	}
	a.must(wire.AppendSamples(nil, run, batch))
}

func (a *agent) events(run int, first uint64, whys ...string) {
	a.t.Helper()
	var list [][]byte
	for i, why := range whys {
		list = append(list, fmt.Appendf(nil, `{"id":"%d","kind":"state","from":"ok","to":"critical","why":%q}`, first+uint64(i), why))
	}
	a.must(wire.AppendEvents(nil, run, first, list))
}

func sample(v float64) dialtone.Sample {
	return dialtone.Sample{Name: "m", At: time.UnixMilli(1_770_000_000_000 + int64(v)), Value: v}
}

// nothing is a store that forgets.
type nothing struct{}

func (nothing) Append(context.Context, string, []dialtone.Sample) (AppendResult, error) {
	return AppendResult{}, nil
}
func (nothing) Sync(context.Context) error { return nil }
