package collector

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
)

// watched is a node table under watch, in a bubble of its own time.
type watched struct {
	*memory
	t     *testing.T
	nodes *Nodes
	path  string
	stop  func()
}

func watch(t *testing.T, path string, desk *memory) *watched {
	t.Helper()
	nodes, err := OpenNodes(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- nodes.Watch(ctx, WatchConfig{Desk: desk, Store: desk, Log: quiet()}) }()
	return &watched{memory: desk, t: t, nodes: nodes, path: path, stop: func() {
		cancel()
		if err := errors.Join(<-done, nodes.Close()); err != nil {
			t.Error(err)
		}
	}}
}

// after lets time pass, and returns what the desk was told meanwhile: kind, from, to and why.
func (w *watched) after(d time.Duration) []string {
	w.t.Helper()
	_, before := w.got()
	<-time.After(d)
	synctest.Wait()
	_, all := w.got()
	var told []string
	for _, e := range all[len(before):] {
		told = append(told, strings.Join([]string{string(e.Kind), e.From.String(), e.To.String(), e.Why}, "|"))
	}
	return told
}

func (w *watched) expect(d time.Duration, want ...string) {
	w.t.Helper()
	got := w.after(d)
	if len(got) != len(want) {
		w.t.Fatalf("told %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			w.t.Errorf("told %q, want %q…", got[i], want[i])
		}
	}
}

func (w *watched) arrive() { w.nodes.arrived(helloOf("id", "web1", "run"), time.Now()) }

func (w *watched) beat(n int) {
	for range n {
		<-time.After(2 * time.Second)
		w.nodes.working("web1")()
	}
}

func TestSilenceIsToldOnceAndItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, filepath.Join(t.TempDir(), "nodes.db"), new(memory))
		defer func() { w.stop() }()
		w.arrive()
		w.beat(30)
		w.expect(14 * time.Second)
		w.expect(3*time.Second, "state|ok|critical|no heartbeat from web1 for 15s; last seen 2000-01-01 00:01:00 UTC")
		w.expect(time.Hour)
		w.arrive()
		w.expect(time.Second, "state|critical|ok|web1 is back after 1h0m")
		w.beat(3)
		w.expect(10 * time.Second)
	})
}

func TestAnAgentThatWasStoppedIsAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, filepath.Join(t.TempDir(), "nodes.db"), new(memory))
		defer func() { w.stop() }()
		w.arrive()
		w.beat(2)
		w.nodes.left("web1", "agent stopped")
		w.expect(10 * time.Second)
		w.arrive() // a restart tells nothing
		w.beat(2)
		w.nodes.left("web1", "agent stopped")
		w.expect(17*time.Second, "agent|ok|warning|agent on web1 was stopped (agent stopped) at 00:00:18 UTC")
		w.arrive()
		w.expect(time.Second, "agent|warning|ok|web1 is back")
	})
}

// TestARestartedCollectorRepeatsNothing kills the collector's table at several moments of a silence.
func TestARestartedCollectorRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, desk := filepath.Join(t.TempDir(), "nodes.db"), new(memory)
		w := watch(t, path, desk)
		w.arrive()
		w.beat(3)
		w.stop()
		<-time.After(time.Hour) // the collector is down, and so is the node
		w = watch(t, path, desk)
		w.expect(13 * time.Second) // the collector's own absence is no silence
		w.expect(3*time.Second, "state|ok|critical|no heartbeat from web1")
		w.stop()
		w = watch(t, path, desk)
		w.expect(time.Minute)
		w.stop()
		w = watch(t, path, desk)
		w.arrive()
		w.expect(time.Second, "state|critical|ok")
		w.stop()
		_, events := desk.got()
		if events[0].ID == events[1].ID || !strings.HasSuffix(events[0].ID, "/"+strings.Split(events[1].ID, "/")[3]) {
			t.Errorf("IDs %s and %s are not of one silence", events[0].ID, events[1].ID)
		}
	})
}

// TestADeskThatWasAwayIsToldUnderTheSameID tells again what may or may not have been taken.
func TestADeskThatWasAwayIsToldUnderTheSameID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := &memory{bad: errors.New("desk is closed")}
		w := watch(t, filepath.Join(t.TempDir(), "nodes.db"), desk)
		defer func() { w.stop() }()
		w.arrive()
		w.expect(30 * time.Second)
		desk.set(func() { desk.bad = nil })
		w.expect(2*time.Second, "state|ok|critical|no heartbeat")
		_, events := desk.got()
		if want := "collector/silent/web1/946684800000"; events[0].ID != want {
			t.Errorf("ID %s, want %s", events[0].ID, want)
		}
	})
}

// TestASlowStoreIsNoSilence is a frame that takes the store a minute: the agent waits, but it lives.
func TestASlowStoreIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, filepath.Join(t.TempDir(), "nodes.db"), new(memory))
		defer func() { w.stop() }()
		w.arrive()
		done := w.nodes.working("web1")
		w.expect(time.Minute)
		done()
		w.expect(14 * time.Second)
	})
}

// TestAStarvedCollectorGrantsAPeriod is a collector that was stopped for a minute, say with its machine.
func TestAStarvedCollectorGrantsAPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, err := OpenNodes(filepath.Join(t.TempDir(), "nodes.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer nodes.Close()
		desk, now := new(memory), time.Now()
		nodes.arrived(helloOf("id", "web1", "run"), now)
		w := &watcher{Nodes: nodes, WatchConfig: WatchConfig{Desk: desk, Silence: DefaultSilence, Log: quiet()}, from: now, looked: now}
		toldAt := -1
		for at := 1; at < 100 && toldAt < 0; at++ {
			if at > 1 && at < 60 {
				continue // nobody looks
			}
			w.look(t.Context(), now.Add(time.Duration(at)*time.Second))
			if _, events := desk.got(); len(events) > 0 {
				toldAt = at
			}
		}
		if toldAt != 75 {
			t.Errorf("told at second %d, want 75: 15 after the collector came to", toldAt)
		}
	})
}

func TestNodeUpIsASeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, filepath.Join(t.TempDir(), "nodes.db"), new(memory))
		defer func() { w.stop() }()
		w.arrive()
		w.beat(5)
		w.expect(25*time.Second, "state|ok|critical")
		samples, _ := w.got()
		values := map[string][]float64{}
		for _, s := range samples {
			values[s.Name] = append(values[s.Name], s.Value)
			if s.Name == "dialtone_node_up" && cmp.Diff(s.Labels, []dialtone.Label{{Name: "node", Value: "web1"}}) != "" || s.Name == "up" && s.Labels != nil {
				t.Errorf("sample %+v", s)
			}
		}
		if diff := cmp.Diff(values["dialtone_node_up"], values["up"]); diff != "" || len(values) != 2 {
			t.Errorf("dialtone_node_up and up differ, or there is more:\n%s", diff)
		}
		if up := values["up"]; len(up) < 3 || len(up) > 5 || up[0] != 1 || up[len(up)-1] != 0 {
			t.Errorf("values %v", up)
		}
	})
}

// TestAStoreThatRefusesIsSaidOnce, though nodes are looked at each second and stored each tenth.
func TestAStoreThatRefusesIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, err := OpenNodes(filepath.Join(t.TempDir(), "nodes.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer nodes.Close()
		log, store := new(journal), &memory{full: errFull}
		nodes.arrived(helloOf("id", "web1", "run"), time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- nodes.Watch(ctx, WatchConfig{Desk: store, Store: store, Log: slog.New(slog.NewTextHandler(log, nil))})
		}()
		<-time.After(10 * time.Minute)
		store.set(func() { store.full = nil })
		<-time.After(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if failed, ended := log.count(errFull.Error()), log.count("works again"); failed != 1 || ended != 1 {
			t.Errorf("said %d times, and %d times that it is over", failed, ended)
		}
	})
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, filepath.Join(t.TempDir(), "nodes.db"), new(memory))
		defer func() { w.stop() }()
		w.arrive()
		if err := w.nodes.Remove(t.Context(), "web1", "anna", w); err == nil || !strings.Contains(err.Error(), "stop its agent first") {
			t.Errorf("a connected node: %v", err)
		}
		w.nodes.left("web1", "")
		w.expect(20*time.Second, "state|ok|critical")
		if err := w.nodes.Remove(t.Context(), "web1", "anna", w); err != nil {
			t.Fatal(err)
		}
		_, events := w.got()
		if last := events[len(events)-1]; last.To != dialtone.OK || last.Who != "anna" {
			t.Errorf("told %+v", last)
		}
		if err := w.nodes.Remove(t.Context(), "web1", "anna", w); !errors.Is(err, ErrNoNode) {
			t.Errorf("twice: %v", err)
		}
		if all := w.nodes.All(); len(all) != 0 {
			t.Errorf("left: %v", all)
		}
	})
}

func TestSubscribersGetOneValueForManyChanges(t *testing.T) {
	n, err := OpenNodes(filepath.Join(t.TempDir(), "nodes.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	changed, stop := n.Subscribe()
	for range 100 {
		n.arrived(helloOf("id", "web1", "run"), time.Now())
	}
	<-changed
	select {
	case <-changed:
		t.Error("more than one value for changes that nobody read")
	default:
	}
	stop()
	n.arrived(helloOf("id", "web2", "run"), time.Now())
	select {
	case <-changed:
		t.Error("a value after stop")
	default:
	}
}
