package agentcmd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/collector"
	"github.com/dialtone/dialtone/internal/testkit"
)

// desk is a collector: its real intake, and a store and a desk that only count.
type desk struct {
	t     *testing.T
	nodes *collector.Nodes
	port  int

	mu   sync.Mutex
	told []string // of services
}

func (d *desk) Append(context.Context, string, []dialtone.Sample) (collector.AppendResult, error) {
	return collector.AppendResult{}, nil
}

func (d *desk) Sync(context.Context) error { return nil }

func (d *desk) Accept(_ context.Context, events []dialtone.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		if e.Service != "" {
			d.told = append(d.told, fmt.Sprintf("%s %s", e.Service, e.To))
		}
	}
	return nil
}

// wait returns when something was told for the nth time.
func (d *desk) wait(what string, n int) {
	d.t.Helper()
	testkit.Eventually(d.t, time.Minute, func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		got := 0
		for _, s := range d.told {
			if s == what {
				got++
			}
		}
		if got < n {
			return fmt.Errorf("the collector heard %q, want %d times %q", d.told, n, what)
		}
		return nil
	})
}

// open lets agents in, until the function that it returns.
func (d *desk) open() (shut func()) {
	d.t.Helper()
	log := slog.New(slog.DiscardHandler)
	in := collector.NewIntake(collector.IntakeConfig{Token: func() string { return "token" }, Store: d, Desk: d, Nodes: d.nodes, Log: log})
	l, err := (&net.ListenConfig{}).Listen(d.t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
	if err != nil {
		d.t.Fatal(err)
	}
	server := &http.Server{Handler: in, ReadHeaderTimeout: time.Minute}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = in.Run(ctx) })
	done.Go(func() { _ = server.Serve(l) })
	return sync.OnceFunc(func() {
		cancel()
		_ = server.Close()
		done.Wait()
	})
}

// TestMailStandsInForTheCollector runs an agent with a real uplink, an intake that goes away and comes back, and a real mail server.
func TestMailStandsInForTheCollector(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a collector counts as out of reach")
	}
	t.Parallel()
	exim, dir := testkit.Exim(t), t.TempDir()
	d := &desk{t: t, port: testkit.FreePort(t)}
	var err error
	if d.nodes, err = collector.OpenNodes(filepath.Join(dir, "nodes.db")); err != nil {
		t.Fatal(err)
	}
	defer d.nodes.Close()
	flag := func(name string, there bool) {
		path := filepath.Join(dir, name)
		if !there {
			_ = os.Remove(path)
		} else if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flag("one", true)
	flag("two", true)
	path := filepath.Join(dir, "dialtone.conf")
	text := fmt.Sprintf(`set daemon 1
set statefile %[1]s/state
set node web1
set collector http://127.0.0.1:%[2]d with token file %[1]s/token
set mailserver 127.0.0.1 port %[3]d username "%[4]s" password '%[5]s'
set alert ada@example.com but not on { instance }
check file one with path %[1]s/one
    if not exist then alert
check file two with path %[1]s/two
    if not exist then alert
`, dir, d.port, exim.Port, exim.User, exim.Password)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	shut := d.open()
	defer func() { shut() }()
	r, err := Start(context.Background(), Options{ControlFile: path, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.Stop()
		if err := r.Wait(); err != nil {
			t.Error(err)
		}
	}()
	d.wait("one ok", 1)
	flag("one", false)
	d.wait("one critical", 1)
	flag("one", true)
	d.wait("one ok", 2)

	shut()
	flag("two", false)
	mails := exim.Wait(t, 1, time.Minute)
	body := exim.Messages(t)[0]
	if s := mails[0].Header.Get("Subject"); !strings.HasPrefix(s, "two on web1 is critical") || !strings.Contains(body, "out of reach") {
		t.Errorf("%s\n%s", s, body)
	}

	shut = d.open()
	d.wait("two critical", 1)
	flag("two", true)
	d.wait("two ok", 2)
	mails = exim.Wait(t, 2, time.Minute) // who was mailed is mailed the end
	subjects := make([]string, 0, len(mails))
	for _, m := range mails {
		subjects = append(subjects, m.Header.Get("Subject"))
	}
	if !slices.ContainsFunc(subjects, func(s string) bool { return strings.HasPrefix(s, "two on web1 is well again") }) || len(subjects) != 2 {
		t.Errorf("%q", subjects)
	}
}

// TestMMonitHearsOfTheNode runs an agent whose control file names an M/Monit: what arrives has the services, and no password.
func TestMMonitHearsOfTheNode(t *testing.T) {
	t.Parallel()
	far, dir := testkit.Receiver(t), t.TempDir()
	path := filepath.Join(dir, "dialtone.conf")
	text := fmt.Sprintf(`set daemon 1
set statefile %[1]s/state
set httpd unixsocket %[1]s/page.sock allow admin:hidden
set mmonit %[2]s with timeout 5 seconds hostgroups ["web"]
check file one with path %[1]s/one
    if not exist then alert
`, dir, strings.Replace(far.URL, "http://", "http://monit:s3cr3t@", 1)+"/collector")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Start(context.Background(), Options{ControlFile: path, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.Stop()
		if err := r.Wait(); err != nil {
			t.Error(err)
		}
	}()
	testkit.Eventually(t, time.Minute, func() error {
		for _, req := range far.Requests() {
			if strings.Contains(string(req.Body), "<event>") && strings.Contains(string(req.Body), "<service>one</service>") {
				return nil
			}
		}
		return fmt.Errorf("no event among %d documents", len(far.Requests()))
	})
	for _, req := range far.Requests() {
		user, password, _ := (&http.Request{Header: req.Header}).BasicAuth()
		body := string(req.Body)
		if req.Path != "/collector" || user != "monit" || password != "s3cr3t" || !strings.Contains(body, "<name>web</name>") || !strings.Contains(body, `<service name="one">`) {
			t.Errorf("%s %s:%s\n%s", req.Path, user, password, body)
		}
		if strings.Contains(body, "hidden") || strings.Contains(body, "s3cr3t") {
			t.Errorf("a password is in it:\n%s", body)
		}
	}
}
