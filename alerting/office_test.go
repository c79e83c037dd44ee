package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"github.com/google/go-cmp/cmp"
)

// receiver is a notifier that keeps what it was sent. While down is set every attempt fails with it; block, when set, is
// waited for inside Send.
type receiver struct {
	mu       sync.Mutex
	got      []notify.Message
	attempts int
	down     error
	block    chan struct{}
}

func (r *receiver) Send(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	r.mu.Lock()
	r.attempts++
	down, block := r.down, r.block
	r.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return notify.Receipt{}, ctx.Err()
		}
	}
	if down != nil {
		return notify.Receipt{}, down
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
	return notify.Receipt{External: fmt.Sprintf("ext-%d", len(r.got))}, nil
}

// back ends the receiver's trouble.
func (r *receiver) back() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = nil
}

// heard is what the receiver read, one line a message: kind/reason and title.
func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := []string{}
	for _, m := range r.got {
		line := fmt.Sprintf("%s/%s %s", m.Kind, m.Reason, notify.Write(m).Title)
		lines = append(lines, line)
	}
	return lines
}

// office is a desk under test with its receivers, inside a synctest bubble.
type office struct {
	t    *testing.T
	desk *Desk
	cfg  Config
	stop func()
	seq  int
}

func newOffice(t *testing.T, change func(*Settings), ways ...Way) *office {
	t.Helper()
	settings := DefaultSettings()
	settings.BaseURL, settings.TimeZone = "http://dialtone.test", "UTC"
	if change != nil {
		change(settings)
	}
	o := &office{t: t}
	o.cfg = Config{Path: filepath.Join(memoryDir(t), "desk.db"), Settings: settings, Ways: ways, Log: slog.New(slog.DiscardHandler)}
	o.open()
	t.Cleanup(func() { o.close() })
	return o
}

// memoryDir is a folder in memory where there is one: these tests turn on what is written, not on how long an fsync takes.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "desk") //nolint:usetesting // t.TempDir cannot be told to be in memory
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (o *office) open() {
	o.t.Helper()
	desk, err := Open(o.cfg)
	if err != nil {
		o.t.Fatalf("opening the desk: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	o.desk = desk
	o.stop = func() {
		cancel()
		if err := errors.Join(<-done, desk.Close()); err != nil {
			o.t.Errorf("closing the desk: %v", err)
		}
	}
}

func (o *office) close() {
	if o.stop != nil {
		o.stop()
		o.stop = nil
	}
}

func (o *office) reopen() {
	o.close()
	o.open()
}

// tell accepts events, filling in ID and time, and waits until everything that follows at once has happened.
func (o *office) tell(events ...dialtone.Event) {
	o.t.Helper()
	for i := range events {
		o.seq++
		if events[i].ID == "" {
			events[i].ID = fmt.Sprintf("web1/boot/%d", o.seq)
		}
		if events[i].At.IsZero() {
			events[i].At = time.Now()
		}
	}
	if err := o.desk.Accept(o.t.Context(), events); err != nil {
		o.t.Fatalf("accepting: %v", err)
	}
	synctest.Wait()
}

// pass lets the clock run.
func (o *office) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (o *office) only() dialtone.Incident {
	o.t.Helper()
	all, err := o.desk.Incidents(IncidentFilter{})
	if err != nil || len(all) != 1 {
		o.t.Fatalf("want one incident, have %d (%v)", len(all), err)
	}
	return all[0]
}

func (o *office) do(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	synctest.Wait()
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func down(service string) dialtone.Event {
	return dialtone.Event{
		Kind: dialtone.EventState, Node: "web1", Service: service, ServiceKind: "process",
		From: dialtone.OK, To: dialtone.Critical, Why: "process " + service + " is not running",
		Rule: "web1.conf:12", RuleText: "if does not exist then restart",
	}
}

func healing(service string) dialtone.Event {
	e := down(service)
	e.Healing = true
	return e
}

func nginxUp() dialtone.Event {
	return dialtone.Event{
		Kind: dialtone.EventState, Node: "web1", Service: "nginx", ServiceKind: "process",
		From: dialtone.Critical, To: dialtone.OK, Why: "nginx is running",
	}
}

func heal(service string, outcome dialtone.HealOutcome) dialtone.Event {
	return dialtone.Event{
		Kind: dialtone.EventHeal, Node: "web1", Service: service, ServiceKind: "process", Why: "restart of " + service + ": " + string(outcome),
		Heal: &dialtone.Heal{
			ID: "h1", Service: service, Action: "restart", Command: "/usr/sbin/nginx", Attempt: 3, Outcome: outcome,
			ExitCode: 1, Output: "nginx: [emerg] unexpected end of file\n", Took: 40 * time.Millisecond,
		},
	}
}
