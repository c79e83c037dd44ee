package agent

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
	"github.com/dialtone/dialtone/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a machine of make-believe: what its checks see, what its programs do, and what its agent tells.
type world struct {
	mu      sync.Mutex
	things  map[string]*thing
	acts    []string // what the hand did, in order
	events  []dialtone.Event
	samples []dialtone.Sample
	status  dialtone.NodeStatus
	told    chan struct{} // one for each event, for tests on the real clock
}

// thing is what a service stands for.
type thing struct {
	up      bool
	pid     int
	err     error // the check cannot look
	panics  bool
	hangs   chan struct{} // the check waits for it, deaf to its deadline
	deaf    bool          // start programs run, and nothing comes up
	code    int           // what programs exit with
	missing bool          // programs are not there
	detail  string        // of its absence
	runs    int           // of the check
	died    func()
	values  map[string]float64
	left    map[int][]proc.Stat // of its dead processes
}

func newWorld(names ...string) *world {
	w := &world{things: map[string]*thing{}, told: make(chan struct{}, 1000)}
	for i, name := range names {
		w.things[name] = &thing{up: true, pid: 100 + i}
	}
	return w
}

// change alters a thing while the agent runs.
func (w *world) change(name string, do func(*thing)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(w.things[name])
}

// kill takes a process down, and lets the kernel tell.
func (w *world) kill(name string) {
	var died func()
	w.change(name, func(t *thing) { t.up, died = false, t.died })
	if died != nil {
		died()
	}
}

type fakeCheck struct {
	world *world
	name  string
}

func (fakeCheck) Validate() error { return nil }

func (c fakeCheck) Run(_ context.Context, r *checks.Report) error {
	c.world.mu.Lock()
	t := c.world.things[c.name]
	t.runs++
	hangs, now := t.hangs, *t
	c.world.mu.Unlock()
	if hangs != nil {
		<-hangs
		return nil
	}
	if now.panics {
		var none []int
		_ = none[len(c.name)]
	}
	if now.err != nil {
		return now.err
	}
	r.Existence, r.Why = checks.Absent, "process is not running"+now.detail
	for name, v := range now.values {
		r.Value(name, v)
	}
	if now.up {
		r.Existence, r.Why, r.PID = checks.Present, "", now.pid
	}
	return nil
}

// Act is the world's hand.
func (w *world) Act(ctx context.Context, o healers.Order) (healers.Outcome, error) {
	if strings.Contains(string(o.Action), "slow") && strings.HasSuffix(string(o.Action), "/exec") {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name, verb, _ := strings.Cut(string(o.Action), "/")
	t := w.things[name]
	if t.missing {
		return healers.Outcome{}, fmt.Errorf("program /etc/init.d/%s not found", name)
	}
	w.acts = append(w.acts, verb+" "+name)
	switch {
	case verb == "stop":
		t.up = false
	case (verb == "start" || verb == "restart") && !t.deaf:
		t.up = true
		t.pid += 1000
	}
	return healers.Outcome{Command: "/etc/init.d/" + name + " " + verb, ExitCode: t.code, Output: "output of " + verb}, nil
}

// Finish lets a program of an earlier run go on for a while.
func (w *world) Finish(ctx context.Context, p healers.Program) (bool, error) {
	name, _, _ := strings.Cut(string(p.Action), "/")
	select {
	case <-time.After(20 * time.Second):
	case <-ctx.Done():
		return true, ctx.Err()
	}
	w.change(name, func(t *thing) { t.up = true })
	return true, nil
}

func (w *world) watch(pid int, died func()) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.things {
		if t.pid == pid {
			t.died = died
		}
	}
	return func() {}
}

func (w *world) left(pid int) []proc.Stat {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.things {
		if left := t.left[pid]; left != nil {
			return left
		}
	}
	return nil
}

func (w *world) Events(events ...dialtone.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, events...)
	for range events {
		select {
		case w.told <- struct{}{}:
		default:
		}
	}
}

func (w *world) Samples(samples []dialtone.Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, samples...)
}

func (w *world) Status(s dialtone.NodeStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = s
}

// story is what was told of services, one short line an event.
func (w *world) story() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, e := range w.events {
		switch e.Kind {
		case dialtone.EventState:
			line := fmt.Sprintf("%s %s→%s", e.Service, e.From, e.To)
			if e.Healing {
				line += " healing"
			}
			lines = append(lines, line)
		case dialtone.EventHeal:
			lines = append(lines, fmt.Sprintf("%s %s %s", e.Service, e.Heal.Action, e.Heal.Outcome))
		case dialtone.EventAction, dialtone.EventChange:
			lines = append(lines, fmt.Sprintf("%s %s: %s", e.Service, e.Kind, e.Why))
		case dialtone.EventAgent, dialtone.EventPage, dialtone.EventAck, dialtone.EventMute, dialtone.EventEscal:
		}
	}
	return lines
}

func (w *world) done() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acts)
}

// forget starts story and acts afresh.
func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events, w.acts = nil, nil
}

func (w *world) config(t *testing.T, f *control.File) Config {
	t.Helper()
	return Config{
		File: f, DB: openDB(t, filepath.Join(t.TempDir(), "state.db")), Uplink: w, Watch: w.watch,
		Left:     w.left,
		NewHand:  func(*control.File) (healers.Hand, error) { return w, nil },
		NewCheck: func(s *control.Service) (checks.Check, error) { return fakeCheck{w, s.Name}, nil },
		Node:     dialtone.Node{Name: "node1"}, AgentID: "agent", BootID: "boot", Log: slog.New(slog.DiscardHandler), Sampled: true,
	}
}

func openDB(t *testing.T, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// begin runs an agent until the test's end.
func begin(t *testing.T, c Config) (a *Agent, end func()) {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return a, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with: %v", err)
		}
	})
}

// process is a service with programs for everything.
func process(name string, dependsOn ...string) *control.Service {
	program := func(verb string) *control.Command {
		return &control.Command{Text: verb, Argv: []string{"/etc/init.d/" + name, verb}}
	}
	s := &control.Service{
		Pos: control.Position{File: "/etc/dialtone.conf", Line: 1, Col: 1}, Kind: "process", Name: name,
		Start: program("start"), Stop: program("stop"),
	}
	for _, parent := range dependsOn {
		s.DependsOn = append(s.DependsOn, control.Reference{Name: parent})
	}
	return s
}

func file(services ...*control.Service) *control.File {
	return &control.File{Path: "/etc/dialtone.conf", Settings: control.Settings{Interval: 5 * time.Second}, Services: services}
}

func statusOf(a *Agent, name string) dialtone.ServiceStatus {
	for _, s := range a.Status().Services {
		if s.Name == name {
			return s
		}
	}
	return dialtone.ServiceStatus{}
}
