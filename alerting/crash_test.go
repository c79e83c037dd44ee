package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
	"go.uber.org/goleak"
)

var crashes = flag.Int("crashes", 10, "how often the crash test kills the desk")

func TestMain(m *testing.M) {
	if dir := os.Getenv("DESK_CHILD_DIR"); dir != "" {
		if err := child(dir, os.Getenv("DESK_CHILD_HOOK")); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child is a desk in a process of its own, fed over HTTP, that runs until it is killed.
func child(dir, hook string) error {
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		return err
	}
	way, err := notify.NewWebhook(notify.WebhookConfig{URL: hook, Secret: notify.Secret{File: secret}})
	if err != nil {
		return err
	}
	desk, err := Open(Config{Path: filepath.Join(dir, "desk.db"), Ways: []Way{{Name: "hook", Notifier: way}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	go func() { _ = desk.Run(context.Background()) }()
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var events []dialtone.Event
		err := json.NewDecoder(r.Body).Decode(&events)
		if err == nil {
			err = desk.Accept(r.Context(), events)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
}

// tally is the far side: it counts what arrives, a little slowly, so that kills fall into deliveries.
type tally struct {
	mu       sync.Mutex
	messages map[string]int             // by idempotency key
	firing   map[string]map[string]bool // service -> keys of the messages that told of it
}

func (c *tally) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p notify.Payload
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.messages[r.Header.Get("Idempotency-Key")]++
	lines := p.Digest
	if p.Incident != nil {
		lines = []notify.Line{{Kind: p.Kind, Incident: *p.Incident}}
	}
	for _, line := range lines {
		service := line.Incident.Service
		if c.firing[service] == nil {
			c.firing[service] = map[string]bool{}
		}
		c.firing[service][p.ID] = true
	}
	c.mu.Unlock()
	<-time.After(5 * time.Millisecond)
	w.WriteHeader(http.StatusNoContent)
}

func (c *tally) missing(accepted []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lost []string
	for _, service := range accepted {
		if len(c.firing[service]) == 0 {
			lost = append(lost, service)
		}
	}
	return lost
}

// TestKilledDeskLosesNoPage kills the desk at random moments while it accepts and delivers. What was accepted must arrive,
// and what arrives twice is at most one message a kill, under the same key.
func TestKilledDeskLosesNoPage(t *testing.T) {
	far := &tally{messages: map[string]int{}, firing: map[string]map[string]bool{}}
	hook := httptest.NewServer(far)
	defer hook.Close()
	dir := t.TempDir()
	var accepted []string
	for round := range *crashes {
		desk, address := startChild(t, dir, hook.URL)
		life := time.Duration(rand.N(120)) * time.Millisecond
		killed := time.AfterFunc(life, func() { _ = desk.Signal(syscall.SIGKILL) })
		for i := 0; ; i++ {
			service := fmt.Sprintf("service-%d-%d", round, i)
			if err := feed(t.Context(), address, service); err != nil {
				break
			}
			accepted = append(accepted, service)
		}
		killed.Stop()
		desk.Stop(time.Second)
	}
	desk, _ := startChild(t, dir, hook.URL)
	defer desk.Stop(time.Second)
	patience := time.Minute + time.Duration(*crashes)*2*time.Second // digests of a long backlog leave ten seconds apart
	testkit.Eventually(t, patience, func() error {
		if lost := far.missing(accepted); len(lost) > 0 {
			return fmt.Errorf("%d of %d are lost: %v", len(lost), len(accepted), lost)
		}
		return nil
	})
	far.mu.Lock()
	defer far.mu.Unlock()
	again := 0
	for _, n := range far.messages {
		again += n - 1
	}
	if again > *crashes {
		t.Errorf("%d messages were sent again in %d crashes", again, *crashes)
	}
	for service, keys := range far.firing {
		if len(keys) > 1 {
			t.Errorf("%s was told under %d keys", service, len(keys))
		}
	}
	t.Logf("%d accepted in %d crashes, %d messages, %d sent again", len(accepted), *crashes, len(far.messages), again)
}

func startChild(t *testing.T, dir, hook string) (*command.Process, string) {
	t.Helper()
	self, err := command.Self()
	if err != nil {
		t.Fatal(err)
	}
	p, err := command.Start(command.Spec{Argv: []string{self}, Env: map[string]string{"DESK_CHILD_DIR": dir, "DESK_CHILD_HOOK": hook}})
	if err != nil {
		t.Fatal(err)
	}
	var address string
	testkit.Eventually(t, 30*time.Second, func() error {
		_, rest, found := strings.Cut(p.Output(), "listening on ")
		line, _, whole := strings.Cut(rest, "\n")
		if !found || !whole {
			return errors.New("the desk does not listen: " + p.Output())
		}
		address = line
		return nil
	})
	return p, "http://" + address
}

func feed(ctx context.Context, address, service string) error {
	e := down(service)
	e.ID, e.At = "web1/boot/"+service, time.Now()
	body, err := json.Marshal([]dialtone.Event{e})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
