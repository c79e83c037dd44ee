package uplink

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// TestAStoreThatTakesNoSamples is a collector whose disk is full for longer than an ack may take: the link stays, events and
// status pass, samples wait on the agent's disk.
func TestAStoreThatTakesNoSamples(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	h.set(func() { h.full = errors.New("disk has 80 MiB free and needs 512") })
	log, cfg, waits := new(lines), configOf(t, h.server.URL), brisk
	cfg.Log, waits.silence = slog.New(slog.NewTextHandler(log, nil)), time.Second
	began := time.Now()
	u, _ := started(t, cfg, waits)
	const batches, size = 40, 50
	for i := range batches {
		u.Samples(numbered("a", i*size, size))
		eventually(t, "a batch", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.gathered) == 0 })
	}
	eventually(t, "three times the silence", func() bool { return time.Since(began) > 3*waits.silence })
	u.Events(event("the disk of the collector is full"))
	u.Status(dialtone.NodeStatus{Platform: "Debian"})
	h.wait(t, "the event", func() bool { return len(h.events) == 1 })
	eventually(t, "the status", func() bool { st, _ := h.nodes.Node("web1"); return st.Connected && st.Platform == "Debian" })
	eventually(t, "the spool", func() bool { st := u.Stats(); return st.SpooledSamples == batches*size && st.PendingSamples == 0 })
	if st := u.Stats(); st.Connects != 1 || !st.Connected || st.SentSamples > size*wire.SampleWindow {
		t.Errorf("%d connections, %d samples sent to a store that takes none", st.Connects, st.SentSamples)
	}
	h.set(func() { h.full = nil })
	h.wait(t, "every sample", func() bool { return len(h.samples) == batches*size })
	eventually(t, "an empty spool", func() bool { return u.Stats().SpooledBytes == 0 })
	if keys := h.twice(); len(keys) > 0 || u.Stats().Connects != 1 {
		t.Errorf("%d were handed over twice, over %d connections", len(keys), u.Stats().Connects)
	}
	if n := log.count("level="); n != 1 {
		t.Errorf("%d lines in the agent's log, want one: connected", n)
	}
}

// TestACollectorThatWelcomesAndKeepsNothing hangs up at each event. The waits between two tries must grow all the same,
// and the log must not.
func TestACollectorThatWelcomesAndKeepsNothing(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	h.set(func() { h.fail = errors.New("read-only file system") })
	log, cfg, waits := new(lines), configOf(t, h.server.URL), brisk
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	waits.silence, waits.retryMin, waits.retryMax = patience, time.Millisecond, time.Second
	began := time.Now()
	u, _ := started(t, cfg, waits)
	u.Events(event("kept nowhere"))
	const tries = 8
	eventually(t, "some connections", func() bool { return u.Stats().Connects >= tries })
	if least := waits.retryMin << (tries - 1) / 2; time.Since(began) < least/2 {
		t.Errorf("%d connections within %s, which is less than their waits", tries, time.Since(began))
	}
	if n := log.count("level="); n != 2 {
		t.Errorf("%d lines in the log before the end of the outage, want connected and lost", n)
	}
	h.set(func() { h.fail = nil })
	h.wait(t, "the event", func() bool { return len(h.events) == 1 })
	eventually(t, "the end in the log", func() bool { return log.count("the collector is back") == 1 })
	if n := log.count("lost the collector"); n != 1 {
		t.Errorf("said %d times that the collector is lost", n)
	}
}

// TestWhatIsSaidOfAnOutage counts the lines of a log over outages of several reasons.
func TestWhatIsSaidOfAnOutage(t *testing.T) {
	log := new(lines)
	u := &Uplink{cfg: Config{Log: slog.New(slog.NewTextHandler(log, nil))}, timing: brisk}
	gone, denied := errors.New("connection refused"), &deniedError{"the collector refused the token"}
	var out outage
	for range 3 {
		out.log(u, gone, false)
		out.log(u, denied, false)
		out.tries++
	}
	out.end(u)
	out.end(u)
	out.log(u, gone, true)
	want := []string{"is out of reach", "does not take this agent", "is back", "lost the collector"}
	for _, says := range want {
		if n := log.count(says); n != 1 {
			t.Errorf("%q is said %d times", says, n)
		}
	}
	if n := log.count("level="); n != len(want) || out.tries != 0 {
		t.Errorf("%d lines, %d tries", n, out.tries)
	}
}

// TestSamplesBeginWithOneFrame until the collector shows that its store takes them.
func TestSamplesBeginWithOneFrame(t *testing.T) {
	s := &session{}
	for _, tt := range []struct {
		lane  wire.Lane
		flows bool
		want  int
	}{{wire.LaneSamples, false, 1}, {wire.LaneSamples, true, wire.SampleWindow}, {wire.LaneEvents, false, 16}} {
		s.flows = tt.flows
		if got := s.window(tt.lane); got != tt.want {
			t.Errorf("%s, flows %t: window %d, want %d", tt.lane, tt.flows, got, tt.want)
		}
	}
}
