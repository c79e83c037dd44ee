package uplink

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/collector"
	"github.com/dialtone/dialtone/wire"
)

// The test binary is also the two processes that are killed: an agent's uplink, and a collector's intake on files.
const (
	envRole = "DIALTONE_TEST_ROLE"
	envDir  = "DIALTONE_TEST_DIR"
	envURL  = "DIALTONE_TEST_URL"
)

func roleOfThisProcess() func() {
	return map[string]func(){"agent": agentProcess, "collector": collectorProcess, "full-disk": fullDiskProcess}[os.Getenv(envRole)]
}

// agentProcess makes events and samples until it is killed, and prints each promise as it is made: "event ID" once the
// event is on disk, "acked RUN N" once the first N samples of the run are acknowledged.
func agentProcess() {
	db, err := bbolt.Open(filepath.Join(os.Getenv(envDir), "state.db"), 0o600, &bbolt.Options{Timeout: patience})
	exitOn(err)
	u, err := newUplink(Config{
		URL: os.Getenv(envURL), Token: goodToken, Node: dialtone.Node{Name: "web1"}, AgentID: "agent-1", BootID: "boot", DB: db, Log: quiet(),
	}, brisk)
	exitOn(err)
	go func() { exitOn(u.Run(context.Background())) }()
	ctx := context.Background()
	for n, tick := 0, time.NewTicker(time.Millisecond); ; n++ {
		<-tick.C
		u.Samples(numbered(u.run, n, 1))
		if n%5 == 0 {
			ev := event("from a process that dies")
			ev.ID = fmt.Sprintf("%s/%d", u.run, n)
			u.Events(ev)
			exitOn(u.Flush(ctx))
			_, _ = fmt.Printf("event %s\n", ev.ID)
		}
		_, _ = fmt.Printf("acked %s %d\n", u.run, n+1-u.unacked())
	}
}

// unacked counts the samples of this run that are still held anywhere.
func (u *Uplink) unacked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.gathered) + u.pending
	for _, r := range u.spool.refs[wire.LaneSamples] {
		if u.spool.names[r.run] == u.run {
			n += r.count
		}
	}
	return n
}

// collectorProcess keeps what it gets in two files, prints its address, and runs until it is killed.
func collectorProcess() {
	dir := os.Getenv(envDir)
	nodes, err := collector.OpenNodes(filepath.Join(dir, "nodes.db"))
	exitOn(err)
	d := &diskStore{dir: dir, known: map[string]bool{}}
	for _, line := range linesOf(filepath.Join(dir, "events")) {
		d.known[line] = true
	}
	in := collector.NewIntake(collector.IntakeConfig{Token: func() string { return goodToken }, Store: d, Desk: d, Nodes: nodes, Log: quiet(), SyncEvery: 5 * time.Millisecond})
	go func() { exitOn(in.Run(context.Background())) }()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	exitOn(err)
	_, _ = fmt.Printf("listening %s\n", l.Addr())
	exitOn((&http.Server{Handler: in, ReadHeaderTimeout: patience}).Serve(l))
}

func exitOn(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// diskStore is a store and a desk on files. Samples reach theirs at Sync alone, so that an ack before it shows as a loss;
// of events it knows what it has, as the desk does.
type diskStore struct {
	dir   string
	mu    sync.Mutex
	held  strings.Builder
	known map[string]bool
}

func (d *diskStore) Append(_ context.Context, _ string, samples []dialtone.Sample) (collector.AppendResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range samples {
		_, _ = fmt.Fprintf(&d.held, "%s %d\n", s.Labels[0].Value, int(s.Value))
	}
	return collector.AppendResult{}, nil
}

func (d *diskStore) Sync(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := d.held.String()
	d.held.Reset()
	return d.write("samples", text)
}

func (d *diskStore) Accept(_ context.Context, events []dialtone.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var text strings.Builder
	for _, ev := range events {
		if !d.known[ev.ID] {
			d.known[ev.ID] = true
			text.WriteString(ev.ID + "\n")
		}
	}
	return d.write("events", text.String())
}

func (d *diskStore) write(name, text string) error {
	f, err := os.OpenFile(filepath.Join(d.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}

func linesOf(path string) []string {
	text, _ := os.ReadFile(path) // not there yet: nothing in it
	return strings.Fields(strings.ReplaceAll(string(text), " ", "#"))
}

// child is a process of this test, and what it has printed.
type child struct {
	process *os.Process
	printed chan struct{} // closed when its output has ended
}

func spawn(t *testing.T, role, dir, url string, line func(string)) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), envRole+"="+role, envDir+"="+dir, envURL+"="+url)
	p, err := os.StartProcess(exe, []string{exe}, &os.ProcAttr{Env: env, Files: []*os.File{nil, w, os.Stderr}})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	c := &child{process: p, printed: make(chan struct{})}
	go func() {
		defer close(c.printed)
		defer r.Close()
		for s := bufio.NewScanner(r); s.Scan(); {
			line(s.Text())
		}
	}()
	return c
}

// kill is kill -9; it returns when everything that the process printed has been read.
func (c *child) kill() {
	_ = c.process.Kill()
	_, _ = c.process.Wait()
	<-c.printed
}

// fleet is one agent and one collector that are killed and started again, and the promises of the agent.
type fleet struct {
	t                *testing.T
	dir              string
	proxy            *proxy
	agent, collector *child

	mu     sync.Mutex
	addr   string
	events map[string]bool
	acked  map[string]int
	deaf   bool // only set while no agent runs
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), events: map[string]bool{}, acked: map[string]int{}}
	f.proxy = newProxy(t, func() string { f.mu.Lock(); defer f.mu.Unlock(); return f.addr })
	f.startCollector()
	f.startAgent()
	t.Cleanup(func() { f.agent.kill(); f.collector.kill() })
	return f
}

func (f *fleet) startAgent() { f.agent = spawn(f.t, "agent", f.dir, f.proxy.url(), f.hear) }

func (f *fleet) startCollector() {
	up := make(chan string, 1)
	f.collector = spawn(f.t, "collector", f.dir, "", func(line string) { up <- strings.TrimPrefix(line, "listening ") })
	select {
	case addr := <-up:
		f.mu.Lock()
		f.addr = addr
		f.mu.Unlock()
	case <-time.After(patience):
		f.t.Fatal("the collector does not start")
	}
}

func (f *fleet) hear(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf {
		return
	}
	var run string
	var n int
	if id, ok := strings.CutPrefix(line, "event "); ok {
		f.events[id] = true
	} else if _, err := fmt.Sscanf(line, "acked %s %d", &run, &n); err == nil {
		f.acked[run] = max(f.acked[run], n)
	}
}

// missing returns promises that the collector's files do not keep, and what they keep twice.
func (f *fleet) missing() (events, samples, twice int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	have := map[string]int{}
	for _, id := range linesOf(filepath.Join(f.dir, "events")) {
		if have[id]++; have[id] > 1 {
			twice++
		}
	}
	for _, line := range linesOf(filepath.Join(f.dir, "samples")) {
		have[line]++
	}
	for id := range f.events {
		if have[id] == 0 {
			events++
		}
	}
	for run, n := range f.acked {
		for i := range n {
			if have[fmt.Sprintf("%s#%d", run, i)] == 0 {
				samples++
			}
		}
	}
	return events, samples, twice
}

func TestKilledAtAnyMomentNothingPromisedIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for several seconds")
	}
	f := newFleet(t)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	const rounds = 24
	for range rounds {
		<-time.After(time.Duration(20+rng.IntN(300)) * time.Millisecond)
		switch rng.IntN(4) {
		case 0, 1:
			f.agent.kill()
			f.startAgent()
		case 2:
			f.collector.kill()
			f.startCollector()
		case 3:
			f.proxy.set(linkCut)
			<-time.After(time.Duration(rng.IntN(150)) * time.Millisecond)
			f.proxy.set(linkUp)
		}
	}
	f.agent.kill() // its last promises are read; the next one keeps them
	if _, samples, _ := f.missing(); samples > 0 {
		t.Errorf("%d acknowledged samples are not on the collector's disk", samples)
	}
	f.deaf = true // what the last agent promises is not asked for
	f.startAgent()
	eventually(t, "every event", func() bool { events, _, _ := f.missing(); return events == 0 })
	f.agent.kill()
	_, samples, twice := f.missing()
	t.Logf("%d events and %d runs of samples promised over %d rounds; %d acknowledged samples missing, %d events twice",
		len(f.events), len(f.acked), rounds, samples, twice)
	if samples > 0 || twice > 0 || len(f.events) < rounds {
		t.Error("promises were broken")
	}
}
