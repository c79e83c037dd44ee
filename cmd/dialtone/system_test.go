package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/testkit"
)

// patience is how long anything may take on a machine that does much else; nothing here asserts a speed.
const patience = 60 * time.Second

// system is a running `dialtone up`, in this process.
type system struct {
	dir  string
	url  string
	stop func()
	done chan int

	mu  sync.Mutex
	out bytes.Buffer
}

// startSystem starts `dialtone up` in dir with these files and waits until it has printed its address.
// An empty controlFile leaves the writing of one to `up`.
func startSystem(t testing.TB, dir, controlFile, settings string) *system {
	t.Helper()
	write(t, filepath.Join(dir, "dialtone.conf"), controlFile)
	write(t, filepath.Join(dir, "collector.yaml"), settings)
	ctx, cancel := context.WithCancel(context.Background())
	s := &system{dir: dir, done: make(chan int, 1)}
	s.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case code := <-s.done:
			if code != 0 {
				t.Errorf("dialtone up ended with status %d:\n%s", code, s.output())
			}
		case <-time.After(patience):
			t.Errorf("dialtone up does not end:\n%s", s.output())
		}
	})
	t.Cleanup(s.stop)

	read, write := io.Pipe()
	go func() {
		s.done <- run(ctx, []string{"up", "--dir", dir, "--listen", "127.0.0.1:0"}, write, write)
		_ = write.Close()
	}()
	url := make(chan string, 1)
	go s.keepOutput(read, url)
	select {
	case s.url = <-url:
	case code := <-s.done:
		t.Fatalf("dialtone up ended at once with status %d:\n%s", code, s.output())
	case <-time.After(patience):
		t.Fatalf("dialtone up did not print its address:\n%s", s.output())
	}
	return s
}

// keepOutput keeps what `up` prints and sends the first address in it.
func (s *system) keepOutput(r io.Reader, url chan<- string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	sent := false
	for lines.Scan() {
		s.mu.Lock()
		fmt.Fprintln(&s.out, lines.Text())
		s.mu.Unlock()
		if at := strings.Index(lines.Text(), "http"); at >= 0 && !sent && strings.Contains(lines.Text(), "is running") {
			url <- strings.Fields(lines.Text()[at:])[0]
			sent = true
		}
	}
}

func (s *system) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if text == "" {
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *system) tryGet(path string) (string, error) { return fetch(http.DefaultClient, s.url+path) }

// fetch returns the body of an address, which must answer 200.
func fetch(client *http.Client, url string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s: %s", url, resp.Status, body)
	}
	return string(body), nil
}

// nodes asks the API how the nodes are.
func (s *system) nodes() ([]dialtone.NodeStatus, error) {
	body, err := s.tryGet("/api/dialtone/v1/nodes")
	if err != nil {
		return nil, err
	}
	var nodes []dialtone.NodeStatus
	return nodes, json.Unmarshal([]byte(body), &nodes)
}

// waitService waits until the one node reports the service as cond wants it.
func (s *system) waitService(t testing.TB, name string, cond func(dialtone.ServiceStatus) error) {
	t.Helper()
	testkit.Eventually(t, patience, func() error {
		nodes, err := s.nodes()
		if err != nil {
			return err
		}
		for _, n := range nodes {
			for _, svc := range n.Services {
				if svc.Name == name {
					return cond(svc)
				}
			}
		}
		return fmt.Errorf("no node reports a service %s", name)
	})
}

func isState(want dialtone.State) func(dialtone.ServiceStatus) error {
	return func(s dialtone.ServiceStatus) error {
		if s.State != want {
			return fmt.Errorf("%s is %s (%s), want %s", s.Name, s.State, s.Why, want)
		}
		return nil
	}
}
