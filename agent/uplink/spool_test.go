package uplink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

var spoolFields = cmp.Options{cmp.AllowUnexported(ref{}, loss{}), cmpopts.EquateEmpty()}

// write puts rows and applies them, as the keeper does.
func write(t interface{ Fatal(...any) }, s *spool, lane wire.Lane, run string, rows ...row) {
	w, err := s.put(lane, run, rows)
	if err != nil {
		t.Fatal(err)
	}
	s.apply(w)
}

func TestASpoolIsAsItWasAfterARestart(t *testing.T) {
	db := openDB(t, filepath.Join(t.TempDir(), "state.db"))
	rapid.Check(t, func(t *rapid.T) {
		if err := db.Update(func(tx *bbolt.Tx) error { _ = tx.DeleteBucket(bucketSpool); return nil }); err != nil {
			t.Fatal(err)
		}
		s, err := openSpool(db, 2000)
		if err != nil {
			t.Fatal(err)
		}
		runs := []string{"run"}
		next := rapid.Uint64Range(1, 1000).Draw(t, "first")
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			lane := rapid.SampledFrom([]wire.Lane{wire.LaneEvents, wire.LaneSamples}).Draw(t, "lane")
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				runs = append(runs, fmt.Sprint("run", len(runs))) // only the newest run writes
			}
			run := runs[len(runs)-1]
			if rapid.Bool().Draw(t, "ack") {
				n, ok := s.number(rapid.SampledFrom(runs).Draw(t, "acked"))
				if !ok {
					continue
				}
				acked := map[place]uint64{{lane, n}: next - 1}
				if err := s.remove(acked); err != nil {
					t.Fatal(err)
				}
				s.removed(acked)
				continue
			}
			size := rapid.IntRange(0, 900).Draw(t, "size")
			write(t, s, lane, run, row{first: next, last: next + 2, count: 3, data: make([]byte, size)})
			next += 3
		}
		if s.size > s.max {
			t.Fatalf("spool of %d bytes, %d are allowed", s.size, s.max)
		}
		again, err := openSpool(db, 2000)
		if err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(s.refs, func(_ wire.Lane, refs []ref) bool { return len(refs) == 0 })
		for _, diff := range []string{
			cmp.Diff(s.refs, again.refs, spoolFields), cmp.Diff(s.names, again.names, spoolFields),
			cmp.Diff(s.size, again.size), cmp.Diff(s.lost, again.lost, spoolFields),
		} {
			if diff != "" {
				t.Fatalf("after a restart (-before +after):\n%s", diff)
			}
		}
	})
}

func TestAFullSpoolDropsTheOldestSamplesFirst(t *testing.T) {
	s, err := openSpool(openDB(t, filepath.Join(t.TempDir(), "state.db")), 1000)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 200-keySize-headSize)
	for seq := range uint64(3) {
		write(t, s, wire.LaneSamples, "a", row{first: seq + 1, last: seq + 1, count: 10, data: data})
	}
	for seq := range uint64(6) { // five fit; the sixth costs the oldest event, once no samples are left
		write(t, s, wire.LaneEvents, "a", row{first: seq + 1, last: seq + 1, count: 1, data: data})
	}
	write(t, s, wire.LaneSamples, "a", row{first: 4, last: 4, count: 10, data: data}) // must not cost an event
	var left []uint64
	for _, r := range s.refs[wire.LaneEvents] {
		left = append(left, r.first)
	}
	if diff := cmp.Diff([]uint64{2, 3, 4, 5, 6}, left); diff != "" {
		t.Errorf("events left (-want +got):\n%s", diff)
	}
	if n := len(s.refs[wire.LaneSamples]); n != 0 {
		t.Errorf("%d blocks of samples stand beside a spool full of events", n)
	}
	if s.lost.Samples != 40 || s.lost.Events != 1 {
		t.Errorf("lost %d samples and %d events, want 40 and 1", s.lost.Samples, s.lost.Events)
	}
}

func TestLossesAreToldOnce(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	p.set(linkCut)
	cfg := configOf(t, p.url())
	cfg.MaxBytes = 4000
	u, _ := started(t, cfg, brisk)
	u.Events(event("an event"))
	flush(t, u)
	for round := range 200 {
		batch := make([]dialtone.Sample, 0, 200)
		for i := range 200 {
			batch = append(batch, numbered(fmt.Sprint(i), round, 1)...)
		}
		u.Samples(batch)
		if u.Stats().SpooledSamples > 0 && round%8 == 0 {
			u.mu.Lock()
			u.spillNow = true
			u.mu.Unlock()
		}
		eventually(t, "a batch", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.gathered) == 0 })
	}
	eventually(t, "a loss", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return u.spool.lost.Samples > 0 })
	if size := u.Stats().SpooledBytes; size > cfg.MaxBytes {
		t.Errorf("spool of %d bytes, %d are allowed", size, cfg.MaxBytes)
	}
	p.set(linkUp)
	told := func() (n int) {
		for _, what := range h.order {
			if strings.Contains(what, "samples and 0 events since") {
				n++
			}
		}
		return n
	}
	h.wait(t, "the event and the report", func() bool { return h.events["agent-1/"+u.run+"/u1"] == 1 && told() == 1 })
	eventually(t, "an empty spool", func() bool { st := u.Stats(); return st.SpooledBytes == 0 && st.PendingSamples == 0 })
	p.set(linkCut)
	eventually(t, "the cut", func() bool { return !u.Stats().Connected })
	p.set(linkUp)
	u.Events(event("afterwards"))
	h.wait(t, "the next event", func() bool { return h.order[len(h.order)-1] == "afterwards" || told() > 1 })
	h.set(func() {
		if n := told(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestSamplesThatNoStoreTakesAreCounted(t *testing.T) {
	u, err := New(configOf(t, "http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	u.Samples([]dialtone.Sample{{Name: ""}, {Name: "ok"}, {Name: "a", Labels: []dialtone.Label{{Name: "b"}, {Name: "a"}}}})
	if st := u.Stats(); st.InvalidSamples != 2 || st.PendingSamples != 1 || !strings.Contains(st.Invalid, "sorted") {
		t.Errorf("%d invalid (%s), %d pending", st.InvalidSamples, st.Invalid, st.PendingSamples)
	}
}

func TestLongEventsAreCutNotLost(t *testing.T) {
	ev := event("why")
	ev.ID, ev.At = "id", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ev.RuleText = strings.Repeat("ü", 600<<10)
	ev.Heal = &dialtone.Heal{ID: "heal", Outcome: dialtone.HealFailed, ExitCode: 7, Output: strings.Repeat("\x01", 600<<10)}
	text := encodeEvent(ev)
	var got dialtone.Event
	if err := json.Unmarshal(text, &got); err != nil || len(text) > wire.MaxEvent {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if got.ID != "id" || got.To != dialtone.Critical || got.Heal.ExitCode != 7 || !strings.HasSuffix(got.Heal.Output, "(cut)") {
		t.Errorf("got %.200v", got)
	}
	if len(ev.Heal.Output) != 600<<10 {
		t.Error("the caller's heal was changed")
	}
	ev.At, ev.Heal, ev.RuleText = time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC), nil, ""
	if !bytes.Contains(encodeEvent(ev), []byte(`"why":"why"`)) {
		t.Error("an event with an impossible time is lost")
	}
}
