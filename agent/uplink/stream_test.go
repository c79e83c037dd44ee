package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

func TestEventsSamplesAndStatusArrive(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	u, stop := started(t, configOf(t, h.server.URL), brisk)
	u.Status(dialtone.NodeStatus{Platform: "Debian", Services: []dialtone.ServiceStatus{{Name: "nginx", State: dialtone.OK}}})
	u.Samples(numbered("a", 0, 100))
	u.Events(event("nginx is down"))
	h.wait(t, "100 samples and an event", func() bool { return len(h.samples) == 100 && len(h.events) == 1 })
	eventually(t, "the status", func() bool {
		st, ok := h.nodes.Node("web1")
		return ok && st.Connected && st.Platform == "Debian" && len(st.Services) == 1
	})
	eventually(t, "acks", func() bool {
		st := u.Stats()
		return st.AckedSamples == 100 && st.AckedEvents == 1 && st.SpooledBytes == 0
	})
	stop()
	eventually(t, "the goodbye", func() bool { st, _ := h.nodes.Node("web1"); return !st.Connected })
}

func TestNothingIsLostOrDoubledOverABrokenLink(t *testing.T) {
	const rounds, perRound, events = 100, 100, 200
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	u, _ := started(t, configOf(t, p.url()), brisk)
	rng := rand.New(rand.NewPCG(7, 11))
	for round := range rounds {
		u.Samples(numbered("a", round*perRound, perRound))
		for i := range events / rounds {
			u.Events(event(fmt.Sprintf("event %d.%d", round, i)))
		}
		switch rng.IntN(8) {
		case 0:
			p.set(linkCut)
			eventually(t, "the cut", func() bool { return !u.Stats().Connected })
		case 1, 2:
			p.set(linkUp)
			eventually(t, "the connection", func() bool { return u.Stats().Connected })
		case 3:
			flush(t, u)
		}
	}
	p.set(linkUp)
	h.wait(t, "everything", func() bool { return len(h.samples) == rounds*perRound && len(h.events) == events })
	if keys := h.twice(); len(keys) > 0 {
		t.Errorf("%d were handed over twice, such as %s", len(keys), keys[0])
	}
	eventually(t, "an empty spool", func() bool { st := u.Stats(); return st.SpooledBytes == 0 && st.PendingSamples == 0 })
	if n := u.Stats().Connects; n < 5 {
		t.Errorf("only %d connections: the link was hardly broken", n)
	}
}

func flush(t *testing.T, u *Uplink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := u.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestALongOutage is an hour of a host with 300 series while the collector is away: everything must be on disk, small,
// and arrive afterwards, events first.
func TestALongOutage(t *testing.T) {
	const series, steps = 300, 120
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	p.set(linkCut)
	cfg := configOf(t, p.url())
	u, _ := started(t, cfg, brisk)
	for step := range steps {
		batch := make([]dialtone.Sample, 0, series)
		for i := range series {
			batch = append(batch, numbered(fmt.Sprint(i), step, 1)...)
		}
		u.Samples(batch)
	}
	u.Events(event("the collector was away"))
	eventually(t, "the spool", func() bool { st := u.Stats(); return st.SpooledSamples == series*steps && st.SpooledEvents == 1 })
	if st := u.Stats(); st.SpooledBytes > 3*series*steps {
		t.Errorf("%d samples take %d bytes in the spool", series*steps, st.SpooledBytes)
	}
	p.set(linkUp)
	h.wait(t, "everything", func() bool { return len(h.samples) == series*steps && len(h.events) == 1 })
	if h.order[0] != "the collector was away" {
		t.Errorf("first came %s; a page must not wait behind an hour of samples", h.order[0])
	}
	if keys := h.twice(); len(keys) > 0 {
		t.Errorf("%d were handed over twice", len(keys))
	}
}

func TestEarlierRunsAreSentFirstInOrder(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	p.set(linkCut)
	cfg := configOf(t, p.url())
	const runs = 4
	for run := range runs {
		u, stop := started(t, cfg, brisk)
		u.Samples(numbered(fmt.Sprint("run", run), 0, 10))
		u.Events(event(fmt.Sprintf("run %d, first", run)), event(fmt.Sprintf("run %d, second", run)))
		if run == runs-1 {
			flush(t, u)
			p.set(linkUp)
		} else {
			stop()
		}
	}
	h.wait(t, "all runs", func() bool { return len(h.events) == 2*runs && len(h.samples) == 10*runs })
	var events, samples []string
	for _, what := range h.order {
		if strings.HasPrefix(what, "run ") {
			events = append(events, what)
		} else {
			samples = append(samples, what)
		}
	}
	for run := range runs {
		if want := fmt.Sprintf("run %d, first", run); events[2*run] != want {
			t.Errorf("event %d is %q, want %q", 2*run, events[2*run], want)
		}
		if want := fmt.Sprintf("{series run%d}", run); !strings.Contains(samples[10*run], want) {
			t.Errorf("sample %d is %q, want one of %q", 10*run, samples[10*run], want)
		}
	}
}

// TestMoreRunsThanAHelloNames is an agent that crashed each few seconds while the collector was away.
func TestMoreRunsThanAHelloNames(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	cfg := configOf(t, h.server.URL)
	const runs = wire.MaxRuns + 50
	cfg.DB.NoSync = true
	for run := range runs {
		sp, err := openSpool(cfg.DB, DefaultMaxBytes)
		if err != nil {
			t.Fatal(err)
		}
		data := encodeEvent(event(fmt.Sprint("crash ", run)))
		if _, err := sp.put(wire.LaneEvents, fmt.Sprint("run", run), []row{{first: 1, last: 1, count: 1, data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	u, _ := started(t, cfg, brisk)
	h.wait(t, "an event of each run", func() bool { return len(h.events) == runs })
	eventually(t, "an empty spool", func() bool { return u.Stats().SpooledBytes == 0 })
	if st := u.Stats(); st.Connects != 2 {
		t.Errorf("%d connections, want 2", st.Connects)
	}
}

func TestAHalfOpenLinkIsNoticed(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	waits := brisk
	waits.silence = time.Second
	u, _ := started(t, configOf(t, p.url()), waits)
	eventually(t, "the connection", func() bool { return u.Stats().Connected })
	p.set(linkHole)
	u.Samples(numbered("a", 0, 10))
	u.Events(event("into the hole"))
	eventually(t, "the end of the connection", func() bool { return !u.Stats().Connected })
	eventually(t, "the spool", func() bool { st := u.Stats(); return st.SpooledSamples == 10 && st.SpooledEvents == 1 })
	p.set(linkUp)
	h.wait(t, "what was sent into the hole", func() bool { return len(h.samples) == 10 && len(h.events) == 1 })
	if keys := h.twice(); len(keys) > 0 {
		t.Errorf("handed over twice: %v", keys)
	}
}

// TestASlowCollectorHoldsTheAgentBack is a store that stands still: the agent sends its window and no more, keeps the
// rest bounded, and loses nothing.
func TestASlowCollectorHoldsTheAgentBack(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	gate := make(chan struct{})
	h.set(func() { h.gate = gate })
	u, _ := started(t, configOf(t, h.server.URL), brisk)
	eventually(t, "the connection", func() bool { return u.Stats().Connected })
	const batches, size = 64, 500
	for i := range batches {
		u.Samples(numbered("a", i*size, size))
		eventually(t, "a batch", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.gathered) == 0 })
	}
	if st := u.Stats(); st.SentSamples > uint64(window[wire.LaneSamples]*size) || st.AckedSamples != 0 {
		t.Errorf("%d samples sent, %d acknowledged by a collector that stores nothing", st.SentSamples, st.AckedSamples)
	}
	close(gate)
	h.wait(t, "everything", func() bool { return len(h.samples) == batches*size })
	if keys := h.twice(); len(keys) > 0 {
		t.Errorf("%d handed over twice", len(keys))
	}
}

func TestACollectorWithAFullDiskGetsItLater(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	h.set(func() { h.fail = errors.New("no space left on device") })
	u, _ := started(t, configOf(t, h.server.URL), brisk)
	u.Samples(numbered("a", 0, 50))
	u.Events(event("disk is full"))
	eventually(t, "the reason", func() bool { return strings.Contains(u.Stats().LastError, "no space left") })
	h.set(func() { h.fail = nil })
	h.wait(t, "everything", func() bool { return len(h.samples) == 50 && len(h.events) == 1 })
}

func TestASpoiledRowIsRefusedAloneAndTold(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	cfg := configOf(t, h.server.URL)
	sp, err := openSpool(cfg.DB, DefaultMaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	block, err := wire.EncodeBlock([]wire.Batch{{Seq: 1, Samples: numbered("a", 0, 10)}})
	if err != nil {
		t.Fatal(err)
	}
	block[len(block)-1] ^= 1
	rows := []row{{first: 1, last: 1, count: 10, data: block}}
	if w, err := sp.put(wire.LaneSamples, "old", rows); err != nil {
		t.Fatal(err)
	} else {
		sp.apply(w)
	}
	events := []row{{1, 1, 1, encodeEvent(event("before"))}, {2, 2, 1, []byte(`{"id":`)}, {3, 3, 1, encodeEvent(event("after"))}}
	if _, err := sp.put(wire.LaneEvents, "old", events); err != nil {
		t.Fatal(err)
	}
	u, _ := started(t, cfg, brisk)
	h.wait(t, "the good events and the report", func() bool {
		samples, events := lossesIn(h.order)
		return slices.Contains(h.order, "before") && slices.Contains(h.order, "after") && samples == 10 && events == 1
	})
	eventually(t, "an empty spool", func() bool { return u.Stats().SpooledBytes == 0 })
	if st := u.Stats(); st.Refused != 2 {
		t.Errorf("%d batches refused, want 2", st.Refused)
	}
}

// lossesIn sums up what was reported as lost, in one report or in several.
func lossesIn(told []string) (samples, events int) {
	for _, why := range told {
		var s, e int
		if n, _ := fmt.Sscanf(why, "%d samples and %d events since", &s, &e); n == 2 {
			samples, events = samples+s, events+e
		}
	}
	return samples, events
}

// TestASpoolThatCannotBeWritten stands for a full disk: what happens is kept in memory, said once, and sent.
func TestASpoolThatCannotBeWritten(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	p.set(linkCut)
	cfg := configOf(t, p.url())
	path := cfg.DB.Path()
	if err := cfg.DB.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if cfg.DB, err = bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: patience}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cfg.DB.Close() })
	log := new(lines)
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	u, _ := started(t, cfg, brisk)
	u.Events(event("one"), event("two"))
	u.Samples(numbered("a", 0, 20))
	if err := u.Flush(t.Context()); err == nil {
		t.Error("Flush says that events are on a disk that takes none")
	}
	p.set(linkUp)
	h.wait(t, "everything and the report", func() bool { return len(h.samples) == 20 && len(h.events) == 3 })
	if !strings.Contains(strings.Join(h.order, "\n"), "kept in memory only") {
		t.Errorf("nobody was told: %v", h.order)
	}
	if n := log.count("spool cannot be written"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
