package collector

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

var errFull = errors.New("disk has 80 MiB free and needs 512")

// journal is a log that a test can search.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), what)
}

// TestAStoreThatRefusesHoldsSamplesAlone is a disk that is full for a while: samples wait, in order, on connections that
// carry everything else.
func TestAStoreThatRefusesHoldsSamplesAlone(t *testing.T) {
	log := new(journal)
	h := newHouse(t, func(c *IntakeConfig) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	h.set(func() { h.full = errFull })
	a, b := h.dial(t), h.dial(t)
	a.hello(helloOf("a", "web1", "now"))
	b.hello(helloOf("b", "web2", "now"))
	b.samples(0, 1, sample(0))
	for seq := range uint64(wire.SampleWindow - 1) {
		a.samples(0, seq+1, sample(float64(seq)))
	}
	block, err := wire.EncodeBlock([]wire.Batch{{Seq: 16, Samples: []dialtone.Sample{sample(15)}}, {Seq: 17, Samples: []dialtone.Sample{sample(16)}}})
	if err != nil {
		t.Fatal(err)
	}
	a.must(wire.AppendBlock(nil, 0, 17, block))
	a.events(0, 1, "down")
	a.hearAck(wire.Ack{Lane: wire.LaneEvents, Seq: 1})
	a.must(wire.AppendHeartbeat(nil, wire.Heartbeat{Sent: time.UnixMicro(1)}))
	a.hear(wire.TypeHeartbeat)
	a.must(wire.EncodeJSON(nil, wire.TypeStatus, dialtone.NodeStatus{Platform: "Debian"}))
	eventually(t, "the status", func() bool { st, _ := h.nodes.Node("web1"); return st.Connected && st.Platform == "Debian" })
	eventually(t, "more tries", func() bool { return h.askedFor() > 6 })
	if samples, _ := h.got(); len(samples) != 0 {
		t.Fatalf("a full store has %d samples", len(samples))
	}

	h.set(func() { h.full = nil })
	a.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 17})
	b.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 1})
	last := -1.0
	samples, _ := h.got()
	for i, s := range samples {
		if h.nodeOf(i) == "web1" && s.Value != last+1 {
			t.Errorf("sample %v after %v", s.Value, last)
		} else if h.nodeOf(i) == "web1" {
			last = s.Value
		}
	}
	eventually(t, "the end of it in the log", func() bool { return log.count("samples wait no longer") > 0 })
	if begun, ended := log.count("samples wait:"), log.count("samples wait no longer"); last != 16 || begun != 1 || ended != 1 {
		t.Errorf("last sample %v; said %d times that samples wait, %d times that they do not", last, begun, ended)
	}
	if log.count(errFull.Error()) != 1 {
		t.Error("nobody was told why")
	}
}

// TestAnAgentThatLeavesAStoreThatRefuses must not be waited for, and has all of its samples still.
func TestAnAgentThatLeavesAStoreThatRefuses(t *testing.T) {
	leave := map[string]func(*agent){
		"goodbye":   func(a *agent) { a.must(wire.AppendFrame(nil, wire.TypeGoodbye, []byte("agent stopped"))) },
		"hang up":   func(a *agent) { _ = a.conn.Close() },
		"reconnect": func(*agent) {},
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(c *IntakeConfig) { c.Retry = time.Hour })
			h.set(func() { h.full = errFull })
			a := h.dial(t)
			a.hello(helloOf("id", "web1", "now"))
			for seq := range uint64(3) {
				a.samples(0, seq+1, sample(float64(seq)))
			}
			eventually(t, "the refusal", func() bool { return h.askedFor() > 0 })
			leave(a)
			h.set(func() { h.full = nil })
			b := h.dial(t)
			if w := b.hello(helloOf("id", "web1", "now")); w.Kept[0].Samples != 0 {
				t.Fatalf("kept %+v", w.Kept)
			}
			for seq := range uint64(3) {
				b.samples(0, seq+1, sample(float64(seq)))
			}
			b.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 3})
			if samples, _ := h.got(); len(samples) != 3 {
				t.Errorf("stored %d samples, want 3", len(samples))
			}
		})
	}
}

// TestACollectorStopsWhileItsStoreRefuses waits for no retry, even of an agent that sent more than its window.
func TestACollectorStopsWhileItsStoreRefuses(t *testing.T) {
	h := newHouse(t, func(c *IntakeConfig) { c.Retry = time.Hour })
	h.set(func() { h.full = errFull })
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	for seq := range uint64(3 * backlogFrames) {
		a.samples(0, seq+1, sample(float64(seq)))
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); h.stop() }()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the collector does not stop")
	}
}
