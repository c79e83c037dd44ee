package collector

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

func TestWhoMayAskForTheStream(t *testing.T) {
	h := newHouse(t, asIs)
	tests := []struct {
		name, method, auth, upgrade string
		want                        int
		says                        string
	}{
		{"no token", "GET", "", "dialtone/1", 401, "token"},
		{"wrong token", "GET", "Bearer wrong", "dialtone/1", 401, "token"},
		{"token by another scheme", "GET", "Basic " + goodToken, "dialtone/1", 401, "token"},
		{"bare token", "GET", goodToken, "dialtone/1", 401, "token"},
		{"post", "POST", "Bearer " + goodToken, "dialtone/1", 405, "GET"},
		{"no upgrade", "GET", "Bearer " + goodToken, "", 426, "dialtone/1"},
		{"another version", "GET", "Bearer " + goodToken, "dialtone/2", 426, `not "dialtone/2"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, h.server.URL+wire.Path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.auth != "" {
				req.Header.Set("Authorization", tt.auth)
			}
			if tt.upgrade != "" {
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", tt.upgrade)
			}
			resp, err := h.server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.want || !strings.Contains(string(body), tt.says) {
				t.Errorf("%d %q, want %d with %q", resp.StatusCode, body, tt.want, tt.says)
			}
		})
	}
}

func TestNobodyGetsInWithoutAToken(t *testing.T) {
	in := NewIntake(IntakeConfig{Token: func() string { return "" }, Nodes: new(Nodes), Log: quiet()})
	r, _ := http.NewRequestWithContext(t.Context(), "GET", wire.Path, nil)
	r.Header.Set("Authorization", "Bearer ")
	if in.authorized(r) {
		t.Error("an empty token opens a collector that has none")
	}
}

func TestBatchesAreKeptOnceAndAcknowledgedAfterSync(t *testing.T) {
	h := newHouse(t, asIs)
	a := h.dial(t)
	if w := a.hello(helloOf("id", "web1", "old", "now")); w.Kept[0] != (wire.Kept{}) || w.Version != wire.Version {
		t.Fatalf("welcome %+v", w)
	}
	a.samples(1, 1, sample(1), sample(2))
	a.hearAck(wire.Ack{Run: 1, Lane: wire.LaneSamples, Seq: 1})
	a.samples(1, 1, sample(1), sample(2)) // a resend on the same connection
	a.samples(0, 7, sample(3))
	a.events(1, 1, "one", "two")
	a.hearAck(wire.Ack{Run: 1, Lane: wire.LaneEvents, Seq: 2})
	eventually(t, "three samples", func() bool { s, _ := h.got(); return len(s) == 3 })

	b := h.dial(t) // the same run again: a reconnect
	if diff := cmp.Diff([]wire.Kept{{Samples: 7}, {Samples: 1, Events: 2}}, keptSoon(t, h, "old", "now")); diff != "" {
		t.Fatalf("kept (-want +got):\n%s", diff)
	}
	b.hello(helloOf("id", "web1", "old", "now"))
	b.events(1, 2, "two", "three")
	b.hearAck(wire.Ack{Run: 1, Lane: wire.LaneEvents, Seq: 3})
	samples, events := h.got()
	if len(samples) != 3 || len(events) != 3 || events[2].Why != "three" {
		t.Errorf("%d samples, %d events", len(samples), len(events))
	}
	if st := h.intake.Stats(); st.Samples != 3 || st.Events != 3 {
		t.Errorf("stats %+v", st)
	}
}

// keptSoon waits until the ledger has both runs on disk, and returns them.
func keptSoon(t *testing.T, h *house, runs ...string) (kept []wire.Kept) {
	t.Helper()
	eventually(t, "the ledger", func() bool {
		var err error
		if kept, err = h.nodes.ledger.open(helloOf("id", "web1", runs...)); err != nil {
			t.Fatal(err)
		}
		return kept[0].Samples > 0 && kept[1].Events > 1
	})
	return kept
}

func TestWhatWasKeptOutlivesTheCollector(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes.db")
	h := openHouse(t, path, asIs)
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.samples(0, 9, sample(1))
	a.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 9})
	h.stop()
	again := openHouse(t, path, asIs)
	w := again.dial(t).hello(helloOf("id", "web1", "now"))
	if w.Kept[0].Samples != 9 {
		t.Errorf("kept %+v after a restart, want 9", w.Kept[0])
	}
	if st, ok := again.nodes.Node("web1"); !ok || st.AgentVersion != "1.0" {
		t.Errorf("node %+v, %t", st, ok)
	}
}

func TestASyncThatFailsAcknowledgesNothing(t *testing.T) {
	h := newHouse(t, asIs)
	h.set(func() { h.badSync = errors.New("no space left on device") })
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.samples(0, 1, sample(1))
	if e := a.hearError(wire.CodeStore); !strings.Contains(e.Message, "no space left") {
		t.Errorf("agent is told %q", e.Message)
	}
	h.set(func() { h.badSync = nil })
	b := h.dial(t)
	if w := b.hello(helloOf("id", "web1", "now")); w.Kept[0].Samples != 0 {
		t.Fatalf("kept %+v", w.Kept)
	}
	b.samples(0, 1, sample(1))
	b.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 1})
	if stored, _ := h.got(); len(stored) != 2 {
		t.Errorf("the resend did not reach the store: %d samples", len(stored))
	}
}

func TestADeskThatFailsGetsEventsAgain(t *testing.T) {
	h := newHouse(t, asIs)
	h.set(func() { h.bad = errors.New("read-only file system") })
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.events(0, 1, "down")
	a.hearError(wire.CodeStore)
	h.set(func() { h.bad = nil })
	b := h.dial(t)
	b.hello(helloOf("id", "web1", "now"))
	b.events(0, 1, "down")
	b.hearAck(wire.Ack{Lane: wire.LaneEvents, Seq: 1})
	if _, events := h.got(); len(events) != 1 || events[0].Node != "web1" {
		t.Errorf("events %+v", events)
	}
}

func TestAnAgentSpeaksForItsOwnNodeAlone(t *testing.T) {
	h := newHouse(t, asIs)
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.must(wire.AppendEvents(nil, 0, 1, [][]byte{[]byte(`{"node":"db1","why":"forged"}`)}))
	a.hearAck(wire.Ack{Lane: wire.LaneEvents, Seq: 1})
	a.must(wire.EncodeJSON(nil, wire.TypeStatus, dialtone.NodeStatus{Node: dialtone.Node{Name: "db1"}, Platform: "Debian"}))
	eventually(t, "the status", func() bool { st, _ := h.nodes.Node("web1"); return st.Platform == "Debian" })
	_, events := h.got()
	if e := events[0]; e.Node != "web1" || e.ID != "id/now/w1" || e.At.IsZero() {
		t.Errorf("event %+v", e)
	}
	if _, ok := h.nodes.Node("db1"); ok {
		t.Error("web1 has made a node of another name")
	}
}

func TestFramesThatEndTheStream(t *testing.T) {
	hello, _ := wire.EncodeJSON(nil, wire.TypeHello, helloOf("id", "web1", "now"))
	future, _ := wire.EncodeJSON(nil, wire.TypeHello, wire.Hello{Version: 2})
	batch, _ := wire.AppendSamples(nil, 0, []byte{1, 0, 1, 0, 1, 0, 1, 0})
	run9, _ := wire.AppendEvents(nil, 9, 1, [][]byte{[]byte("{}")})
	ack, _ := wire.AppendAck(nil, wire.Ack{Lane: wire.LaneEvents})
	tests := []struct {
		name   string
		frames []byte
		first  bool // instead of the hello
		code   wire.Code
		says   string
	}{
		{"a hello of another version", future, true, wire.CodeVersion, "update the collector"},
		{"no hello", batch, true, wire.CodeFrame, "begins with hello"},
		{"two hellos", hello, false, wire.CodeFrame, "does not send hello here"},
		{"an ack", ack, false, wire.CodeFrame, "does not send ack here"},
		{"samples of unknown series", batch, false, wire.CodeFrame, "series 0"},
		{"a run that was not named", run9, false, wire.CodeFrame, "run 9 of 1"},
		{"noise", []byte("GET / HTTP/1.1\r\n\r\n"), false, wire.CodeFrame, "frame length"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, asIs)
			a := h.dial(t)
			if !tt.first {
				a.hello(helloOf("id", "web1", "now"))
			}
			a.say(tt.frames)
			if e := a.hearError(tt.code); !strings.Contains(e.Message, tt.says) {
				t.Errorf("agent is told %q, want %q", e.Message, tt.says)
			}
		})
	}
}

func TestABatchThatCannotBeReadIsRefusedAlone(t *testing.T) {
	h := newHouse(t, asIs)
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.must(wire.AppendBlock(nil, 0, 4, []byte("spoiled by a disk")))
	if e := a.hearError(wire.CodeRefused); e.Lane != wire.LaneSamples || e.Seq != 4 {
		t.Errorf("refused %+v", e)
	}
	a.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 4})
	a.must(wire.AppendEvents(nil, 0, 1, [][]byte{[]byte(`{"to":"fine"}`)}))
	if e := a.hearError(wire.CodeRefused); e.Lane != wire.LaneEvents || e.Seq != 1 {
		t.Errorf("refused %+v", e)
	}
	a.hearAck(wire.Ack{Lane: wire.LaneEvents, Seq: 1})
	block, err := wire.EncodeBlock([]wire.Batch{{Seq: 5, Samples: []dialtone.Sample{sample(1)}}})
	a.must(wire.AppendBlock(nil, 0, 5, block))
	a.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 5})
	if samples, _ := h.got(); err != nil || len(samples) != 1 {
		t.Errorf("%d samples, %v", len(samples), err)
	}
}

func TestHeartbeatsComeBack(t *testing.T) {
	h := newHouse(t, asIs)
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	want := wire.Heartbeat{Sent: time.UnixMicro(1_770_000_000_123_456).UTC()}
	a.must(wire.AppendHeartbeat(nil, want))
	if got, err := wire.DecodeHeartbeat(a.hear(wire.TypeHeartbeat)); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
}

func TestASilentAgentIsCutOff(t *testing.T) {
	h := newHouse(t, func(c *IntakeConfig) { c.Idle = 50 * time.Millisecond })
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.deadline()
	if _, _, err := a.from.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the idle time: %v", err)
	}
	eventually(t, "its absence", func() bool { st, _ := h.nodes.Node("web1"); return !st.Connected })
}

func TestOnlySoManyAgents(t *testing.T) {
	h := newHouse(t, func(c *IntakeConfig) { c.MaxAgents = 1 })
	h.dial(t).hello(helloOf("one", "web1", "now"))
	req, _ := http.NewRequestWithContext(t.Context(), "GET", h.server.URL+wire.Path, nil)
	req.Header = http.Header{"Authorization": {"Bearer " + goodToken}, "Upgrade": {wire.Protocol}, "Connection": {"Upgrade"}}
	resp, err := h.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the second of one agent gets %s", resp.Status)
	}
}

func TestClonesAreNoticed(t *testing.T) {
	h := newHouse(t, asIs)
	one := h.dial(t)
	one.hello(helloOf("id", "web1", "run-1"))
	two := h.dial(t)
	two.hello(helloOf("id", "web1", "run-2"))
	one.hearError(wire.CodeClone)
	if _, events := h.got(); len(events) != 0 {
		t.Fatalf("a restart was told as a clone: %v", events)
	}
	for range 2 { // a restarted agent would not use its old run: there are two machines
		again := h.dial(t)
		again.must(wire.EncodeJSON(nil, wire.TypeHello, helloOf("id", "web1", "run-1")))
		if e := again.hearError(wire.CodeClone); !strings.Contains(e.Message, "delete its id file") {
			t.Errorf("told %q", e.Message)
		}
	}
	_, events := h.got()
	if len(events) != 2 || events[0].ID != events[1].ID || events[0].Kind != dialtone.EventAgent || events[0].Node != "web1" {
		t.Errorf("events %+v, want the same one twice", events)
	}
	two.events(0, 1, "still here")
	two.hearAck(wire.Ack{Lane: wire.LaneEvents, Seq: 1})
}

func TestTwoAgentsOfOneName(t *testing.T) {
	h := newHouse(t, asIs)
	one := h.dial(t)
	one.hello(helloOf("one", "web1", "run"))
	two := h.dial(t)
	two.must(wire.EncodeJSON(nil, wire.TypeHello, helloOf("two", "web1", "run")))
	two.hearError(wire.CodeName)
	_ = one.conn.Close()
	eventually(t, "the end of the first", func() bool { st, _ := h.nodes.Node("web1"); return !st.Connected })
	eventually(t, "a free name", func() bool {
		h.intake.seats.mu.Lock()
		defer h.intake.seats.mu.Unlock()
		return len(h.intake.seats.names) == 0
	})
	h.dial(t).hello(helloOf("two", "web1", "run"))
}

// TestAReconnectWaitsForWhatIsBeingStored is a link that breaks while the store is at work: the new connection must not
// hand over the same batch beside it.
func TestAReconnectWaitsForWhatIsBeingStored(t *testing.T) {
	h := newHouse(t, asIs)
	gate := make(chan struct{})
	h.set(func() { h.gate = gate })
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.samples(0, 1, sample(1))
	eventually(t, "the store at work", func() bool { return h.askedFor() == 1 })
	b := h.dial(t)
	b.must(wire.EncodeJSON(nil, wire.TypeHello, helloOf("id", "web1", "now")))
	close(gate)
	b.hear(wire.TypeWelcome)
	b.samples(0, 1, sample(1))
	b.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: 1})
	if samples, _ := h.got(); len(samples) != 1 {
		t.Errorf("stored %d times", len(samples))
	}
}

func TestAStoppingCollectorSaysSo(t *testing.T) {
	h := newHouse(t, asIs)
	a := h.dial(t)
	a.hello(helloOf("id", "web1", "now"))
	a.events(0, 1, "last words")
	a.hearAck(wire.Ack{Lane: wire.LaneEvents, Seq: 1})
	stopped := make(chan struct{})
	go func() { defer close(stopped); h.stop() }()
	a.hearError(wire.CodeStop)
	<-stopped
}

func TestTheLedgerForgetsTheOldestRuns(t *testing.T) {
	n, err := OpenNodes(filepath.Join(t.TempDir(), "nodes.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	n.db.NoSync = true
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range runsKept + 20 {
		m := mark{agent: "id", run: fmt.Sprintf("run%04d", i), lane: wire.LaneEvents}
		if err := n.ledger.keep(map[mark]uint64{m: 5}, start.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	fresh := newLedger(n.db)
	kept, err := fresh.open(helloOf("id", "web1", "run0000", fmt.Sprintf("run%04d", runsKept+19)))
	if err != nil {
		t.Fatal(err)
	}
	if kept[0].Events != 0 || kept[1].Events != 5 || len(fresh.agents["id"]) > runsKept+1 {
		t.Errorf("kept %+v of %d runs", kept, len(fresh.agents["id"]))
	}
}
