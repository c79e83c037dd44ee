package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// commanded is an agent on the real clock that takes commands.
func commanded(t *testing.T, w *world, c Config) (client *Client, quits *atomic.Int32) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "state.sock")
	l, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	a, end := begin(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	quits = new(atomic.Int32)
	go func() { served <- a.Serve(ctx, l, func() { quits.Add(1) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serving ended with: %v", err)
		}
		end()
	})
	waitFor(t, w, c.File.Services[0].Name+" unknown→ok")
	return NewClient(socket), quits
}

func TestCommandsOverTheSocket(t *testing.T) {
	w := newWorld("nginx")
	c := w.config(t, file(process("nginx")))
	c.Load = func() (*control.File, error) { return nil, errors.New("/etc/dialtone.conf:1:1: bad") }
	client, quits := commanded(t, w, c)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	status, err := client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status.Name != "node1" || len(status.Services) != 1 || status.Services[0].State != dialtone.OK {
		t.Errorf("status %+v", status)
	}
	if err := client.Do(ctx, Restart, []string{"nginx"}); err != nil {
		t.Error(err)
	}
	expectActs(t, w, "stop nginx", "start nginx")
	if err := client.Do(ctx, Start, []string{"nobody"}); err == nil || !strings.Contains(err.Error(), `no service "nobody"`) {
		t.Errorf("got %v", err)
	}
	if err := client.Reload(ctx); err == nil || err.Error() != "/etc/dialtone.conf:1:1: bad" {
		t.Errorf("reload: %v", err)
	}
	w.change("nginx", func(t *thing) { t.up = false })
	if err := client.Validate(ctx); err != nil {
		t.Error(err)
	}
	waitFor(t, w, "nginx ok→critical healing")
	if ends, err := client.Quit(ctx); err != nil || ends != "the agent" || quits.Load() != 1 {
		t.Errorf("quit: %v, called %d times", err, quits.Load())
	}
}

func TestWithoutAnAgentTheClientSaysSo(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "state.sock")
	_, err := NewClient(socket).Status(t.Context())
	if !errors.Is(err, ErrNotRunning) || err.Error() != "no agent is running: nobody answers on "+socket {
		t.Errorf("got %v", err)
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	taken, err := Listen(t.Context(), filepath.Join(dir, "taken.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	plain := filepath.Join(dir, "plain.sock")
	if err := os.WriteFile(plain, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		path string
		want string
	}{
		{"new, in a new folder", filepath.Join(dir, "new", "state.sock"), ""},
		{"left by the dead", stale, ""},
		{"in use", filepath.Join(dir, "taken.sock"), "another agent is already running (pid "},
		{"no socket", plain, "is in the way of the command socket"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Listen(t.Context(), test.path)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(test.path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			_ = got.Close()
		})
	}
	var other *RunningError
	if _, err := Listen(t.Context(), filepath.Join(dir, "taken.sock")); !errors.As(err, &other) || other.PID != os.Getpid() {
		t.Errorf("the running agent is %+v, want pid %d", other, os.Getpid())
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != "precious" {
		t.Error("a file in the way was touched")
	}
}

func TestStrangersAreNotHeard(t *testing.T) {
	w := newWorld("nginx")
	a, err := New(w.config(t, file(process("nginx"))))
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // the kernel does not say who is at the other end
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l, func() { t.Error("a stranger ended the agent") }) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+quitPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusForbidden {
		t.Errorf("a stranger got %s", got.Status)
	}
}

func TestMetricsAreTheNewestSamples(t *testing.T) {
	w := newWorld("nginx")
	w.things["nginx"].values = map[string]float64{"cpu_percent": 12.5}
	port := &control.Connection{Port: 80}
	s := process("nginx")
	s.Rules = []*control.Rule{{Test: port, Then: control.Action{Kind: control.Alert}}}
	c := w.config(t, file(s))
	c.File.Settings.Interval = 20 * time.Millisecond
	c.NewCheck = func(s *control.Service) (checks.Check, error) { return connected{fakeCheck{w, s.Name}, port}, nil }
	c.Host = host{{Name: "node_load1", Value: 0.5}, {Name: "node_cpu_seconds_total", Labels: labels("cpu", "0", "mode", "idle"), Value: 7}}
	c.Families = []dialtone.Metric{{Name: "node_cpu_seconds_total", Type: dialtone.Counter, Help: "Time of the processors."}}
	client, _ := commanded(t, w, c)

	want := []string{
		`dialtone_service_state{kind="process",service="nginx"} 1`,
		`dialtone_process_cpu_percent{service="nginx"} 12.5`,
		`dialtone_connection_up{network="tcp",port="80",protocol="default",service="nginx"} 1`,
		`dialtone_connection_seconds{network="tcp",port="80",protocol="default",service="nginx"} 0.25`,
		`# TYPE node_cpu_seconds_total counter`, `node_cpu_seconds_total{cpu="0",mode="idle"} 7`, `node_load1 0.5`,
		`process_resident_memory_bytes `, `go_goroutines `,
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		text := scrape(t, client)
		missing := ""
		for _, line := range want {
			if !strings.Contains(text, line) {
				missing = line
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in\n%s", missing, text)
		}
	}
}

// connected is a fakeCheck that also connects.
type connected struct {
	fakeCheck
	to *control.Connection
}

func (c connected) Run(ctx context.Context, r *checks.Report) error {
	r.Connected(c.to, 250*time.Millisecond, nil)
	return c.fakeCheck.Run(ctx, r)
}

// host measures what it is made of.
type host []dialtone.Sample

func (h host) Sample(_ context.Context, now time.Time) ([]dialtone.Sample, error) {
	for i := range h {
		h[i].At = now
	}
	return append(host(nil), h...), nil
}

func scrape(t *testing.T, client *Client) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://agent"+metricsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
