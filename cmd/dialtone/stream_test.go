package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/cmd/internal/agentcmd"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// asDialtone makes this test binary behave as the program itself, so that it can be killed.
const asDialtone = "DIALTONE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asDialtone) != "" {
		main()
	}
	os.Exit(m.Run())
}

// farCollector is a `dialtone collector` in a process of its own, behind TLS.
type farCollector struct {
	dir    string
	port   int
	cert   testkit.KeyPair
	client *http.Client
	p      *command.Process
}

func newFarCollector(t *testing.T) *farCollector {
	t.Helper()
	c := &farCollector{dir: t.TempDir(), port: testkit.FreePort(t), cert: testkit.Certificate(t)}
	var err error
	if c.client, err = apiClient(c.cert.CertFile); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	return c
}

func (c *farCollector) start(t *testing.T) {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port))
	self, err := command.Self()
	if err != nil {
		t.Fatal(err)
	}
	p, err := command.Start(command.Spec{
		Argv: []string{self, "collector", "--dir", c.dir, "--listen", address, "--cert", c.cert.CertFile, "--key", c.cert.KeyFile},
		Env:  map[string]string{asDialtone: "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.p = p
	t.Cleanup(func() { p.Stop(10 * time.Second) })
	testkit.Eventually(t, patience, func() error {
		if _, err := c.get("/-/healthy"); err != nil {
			return fmt.Errorf("%w; it printed: %s", err, p.Output())
		}
		return nil
	})
}

func (c *farCollector) kill(t *testing.T) {
	t.Helper()
	if err := c.p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.p.Ended()
}

func (c *farCollector) get(path string) (string, error) {
	return fetch(c.client, fmt.Sprintf("https://127.0.0.1:%d%s", c.port, path))
}

// stored counts the samples of the node, all but the two that the collector itself writes about it.
func (c *farCollector) stored(node string) (int, error) {
	query := fmt.Sprintf(`{instance=%q,__name__!~"dialtone_node_up|up"}[1h]`, node)
	body, err := c.get("/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	var answer struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return 0, err
	}
	n := 0
	for _, series := range answer.Data.Result {
		n += len(series.Values)
	}
	return n, nil
}

// events returns the sequence numbers of what the agents said, in order.
func (c *farCollector) events() ([]int, error) {
	body, err := c.get("/api/dialtone/v1/events?limit=10000")
	if err != nil {
		return nil, err
	}
	var events []dialtone.Event
	if err := json.Unmarshal([]byte(body), &events); err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range events {
		if n, err := strconv.Atoi(e.ID[strings.LastIndex(e.ID, "/")+1:]); err == nil && !strings.HasPrefix(e.ID, "collector/") && !strings.HasPrefix(e.ID, "desk/") {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// TestKilledCollectorLosesNothing lets an agent report every second, over TLS, to a collector that is killed with SIGKILL twice and away for
// seconds each time. In the end every sample that the agent took is stored once, and every event.
func TestKilledCollectorLosesNothing(t *testing.T) {
	c := newFarCollector(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "dialtone.conf")
	write(t, file, fmt.Sprintf("set daemon 1\nset node far\nset statefile %s/state\nset collector https://127.0.0.1:%d with token file %s/token ca file %s\n"+
		"check system here\n    if loadavg (1min) > 10000 then alert\n", dir, c.port, c.dir, c.cert.CertFile))
	running, err := agentcmd.Start(t.Context(), agentcmd.Options{ControlFile: file, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { running.Stop(); _ = running.Wait() }()

	for range 2 {
		before, _ := c.stored("far")
		testkit.Eventually(t, patience, func() error {
			if n, err := c.stored("far"); err != nil || n <= before {
				return fmt.Errorf("%d samples are stored, as before (%w)", n, err)
			}
			return nil
		})
		c.kill(t)
		for range 20 { // ten pairs of events that the collector cannot take
			if err := orderBoth(t.Context(), running.Agent); err != nil {
				t.Fatal(err)
			}
		}
		testkit.Eventually(t, patience, func() error { // and a few seconds of samples
			if st, _ := running.Stats(); st.Connected || st.PendingSamples+st.SpooledSamples < 500 {
				return fmt.Errorf("connected %t, %d samples wait", st.Connected, st.PendingSamples+st.SpooledSamples)
			}
			return nil
		})
		c.start(t)
	}
	testkit.Eventually(t, patience, func() error {
		if st, _ := running.Stats(); !st.Connected || st.PendingSamples+st.SpooledSamples > 1000 || st.SpooledEvents > 0 {
			return fmt.Errorf("not caught up: %+v", st)
		}
		return nil
	})
	running.Stop()
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	c.count(t, running)
}

// orderBoth rests and watches the one service again: two events.
func orderBoth(ctx context.Context, a *agent.Agent) error {
	if err := a.Do(ctx, agent.Unmonitor, []string{"here"}, "test"); err != nil {
		return err
	}
	return a.Do(ctx, agent.Monitor, []string{"here"}, "test")
}

func (c *farCollector) count(t *testing.T, running *agentcmd.Running) {
	t.Helper()
	st, _ := running.Stats()
	stored, err := c.stored("far")
	if err != nil {
		t.Fatal(err)
	}
	if st.DroppedSamples+st.InvalidSamples+st.DroppedEvents > 0 || st.PendingSamples+st.SpooledSamples > 0 {
		t.Errorf("the agent dropped or kept something: %+v", st)
	}
	if stored != int(st.AckedSamples) {
		t.Errorf("%d samples are stored, %d were acknowledged", stored, st.AckedSamples)
	}
	numbers, err := c.events()
	if err != nil {
		t.Fatal(err)
	}
	if len(numbers) < 80 || numbers[len(numbers)-1] != len(numbers) {
		t.Errorf("the events are not each there once: %v", numbers)
	}
	t.Logf("%d samples and %d events, each once", stored, len(numbers))
}
