package series

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/collector"
)

func TestSamplesSayWhereTheyComeFrom(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	mustAppend(t, s, "web1",
		sample("node_load1", at, 0.5),
		sample("dialtone_service_state", at, 1, "service", "nginx"),
		sample("node_claims", at, 2, "instance", "somebody-else", "job", "liar"),
	)
	answer, err := s.Query(t.Context(), `{instance="web1"}`, at)
	if err != nil {
		t.Fatal(err)
	}
	want := []Series{
		{Labels: pairs("__name__", "dialtone_service_state", "instance", "web1", "job", "dialtone", "service", "nginx"), Points: []Point{{at, 1}}},
		{Labels: pairs("__name__", "node_claims", "exported_instance", "somebody-else", "exported_job", "liar", "instance", "web1", "job", "node"), Points: []Point{{at, 2}}},
		{Labels: pairs("__name__", "node_load1", "instance", "web1", "job", "node"), Points: []Point{{at, 0.5}}},
	}
	if diff := cmp.Diff(want, sorted(answer)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoSampleIsCountedAndDropped(t *testing.T) {
	at := now()
	many := dialtone.Sample{Name: "m", At: at}
	for _, name := range numbered("l", maxLabels+1) {
		many.Labels = append(many.Labels, dialtone.Label{Name: name, Value: "x"})
	}
	tests := []struct {
		name   string
		sample dialtone.Sample
		want   outcome
	}{
		{"good", sample("m", at, 1, "a", "b"), stored},
		{"an empty label is none", sample("m", at, 1, "a", ""), stored},
		{"not a number", sample("m", at, math.NaN()), stored},
		{"no name", sample("", at, 1), invalid},
		{"name with a space", sample("a b", at, 1), invalid},
		{"name of a label", sample("m", at, 1, "a-b", "c"), invalid},
		{"reserved label", sample("m", at, 1, "__name__", "other"), invalid},
		{"label twice", sample("m", at, 1, "a", "1", "a", "2"), invalid},
		{"label takes the place of a renamed one", sample("m", at, 1, "instance", "1", "exported_instance", "2"), invalid},
		{"not UTF-8", sample("m", at, 1, "a", "\xff"), invalid},
		{"long name", sample(strings.Repeat("m", maxName+1), at, 1), invalid},
		{"long value", sample("m", at, 1, "a", strings.Repeat("v", maxValue+1)), invalid},
		{"many labels", many, invalid},
		{"before the window", sample("m", at.Add(-25*time.Hour), 1), tooOld},
		{"clock not set", sample("m", time.Unix(0, 0), 1), tooOld},
		{"clock ahead", sample("m", at.Add(time.Hour), 1), future},
		{"clock a little ahead", sample("m", at.Add(time.Minute), 1), stored},
	}
	s := open(t, t.TempDir(), nil)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			node, counter := cpus[i], `dialtone_series_samples_total{outcome="`+outcomeNames[tt.want]+`"}`
			before := value(t, s, counter)
			got, err := s.Append(t.Context(), node, []dialtone.Sample{tt.sample, sample("bystander", at, 1)})
			if err != nil {
				t.Fatal(err)
			}
			if want := (collector.AppendResult{Refused: min(1, int(tt.want))}); got != want {
				t.Errorf("Append = %+v, want %+v", got, want)
			}
			if got := value(t, s, counter); got == before {
				t.Errorf("nothing counted as %s", outcomeNames[tt.want])
			}
			if got := kept(t, s, `bystander{instance="`+node+`"}`); got != 1 {
				t.Errorf("the other sample of the batch is kept %v times", got)
			}
		})
	}
}

func TestBadNodeNamesAreRefusedNotRetried(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	for _, node := range []string{"", "\xff", strings.Repeat("n", maxName+1)} {
		got, err := s.Append(t.Context(), node, []dialtone.Sample{sample("m", now(), 1)})
		if err != nil || got.Refused != 1 {
			t.Errorf("Append(%q) = %+v, %v", node, got, err)
		}
	}
}

func TestOutOfOrderBySixHours(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	mustAppend(t, s, "web1", batchOf(50, at, 0)...)
	mustAppend(t, s, "web2", batchOf(50, at, 0)...)
	for back := 6 * time.Hour; back > 0; back -= 10 * time.Minute {
		mustAppend(t, s, "web1", batchOf(50, at.Add(-back), 1)...)
	}
	if got, want := kept(t, s, `node_test_total{instance="web1"}`), 50.0*37; got != want {
		t.Errorf("%v samples are kept, want %v", got, want)
	}
	answer, err := s.Query(t.Context(), `node_test_total{instance="web1",cpu="cpu00"}`, at.Add(-6*time.Hour))
	if err != nil || len(answer) != 1 || answer[0].Points[0].V != 1 {
		t.Errorf("six hours ago: %v, %v", answer, err)
	}
}

// TestResendsStoreNothingTwice sends the same again in every way in which an agent, or two connections of one, can.
func TestResendsStoreNothingTwice(t *testing.T) {
	dir, at := t.TempDir(), now()
	s := open(t, dir, nil)
	var steps [][]dialtone.Sample
	for i := range 30 {
		steps = append(steps, batchOf(20, at.Add(time.Duration(i-40)*time.Minute), float64(i)))
	}
	resend := func(s *Store, when string, wantKnown int) {
		t.Helper()
		total := collector.AppendResult{}
		for _, step := range steps {
			got, err := s.Append(t.Context(), "web1", step)
			if err != nil {
				t.Fatal(err)
			}
			total.Known += got.Known
			total.Refused += got.Refused
		}
		if want := (collector.AppendResult{Known: wantKnown}); total != want {
			t.Errorf("%s: %+v, want %+v", when, total, want)
		}
		if got := kept(t, s, "node_test_total"); got != 600 {
			t.Errorf("%s: %v samples are kept, want 600", when, got)
		}
	}
	resend(s, "first", 0)
	resend(s, "again", 600)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	resend(open(t, dir, nil), "after a restart", 600)
}

func TestOneBatchMayRepeatItself(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	got, err := s.Append(t.Context(), "web1", []dialtone.Sample{
		sample("m", at, 1), sample("m", at, 1), sample("m", at, 2),
		sample("m", at.Add(-time.Second), 3), sample("m", at.Add(-time.Second), 3),
	})
	if want := (collector.AppendResult{Known: 2, Refused: 1}); err != nil || got != want {
		t.Errorf("Append = %+v, %v, want %+v", got, err, want)
	}
	if got := kept(t, s, "m"); got != 2 {
		t.Errorf("%v samples are kept, want 2", got)
	}
}

func TestTheFirstOfTwoValuesStays(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	mustAppend(t, s, "web1", sample("m", at.Add(-time.Minute), 1))
	mustAppend(t, s, "web1", sample("m", at, 2))
	for _, again := range []dialtone.Sample{sample("m", at.Add(-time.Minute), 7), sample("m", at, 8)} {
		if got, err := s.Append(t.Context(), "web1", []dialtone.Sample{again}); err != nil || got.Refused != 1 {
			t.Errorf("clash: %+v, %v", got, err)
		}
	}
	answer, err := s.Query(t.Context(), `m[10m]`, at)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Point{{at.Add(-time.Minute), 1}, {at, 2}}, answer[0].Points); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
}

func TestOneNodeCannotFillTheStore(t *testing.T) {
	s, at := open(t, t.TempDir(), func(c *Config) { c.MaxSeries = 5 }), now()
	got, err := s.Append(t.Context(), "greedy", batchOf(8, at, 0))
	if err != nil || got.Refused != 3 {
		t.Errorf("first: %+v, %v, want 3 refused", got, err)
	}
	got, err = s.Append(t.Context(), "greedy", batchOf(5, at.Add(time.Second), 0))
	if err != nil || got.Refused != 0 {
		t.Errorf("what it had already: %+v, %v, want none refused", got, err)
	}
	got, err = s.Append(t.Context(), "modest", batchOf(5, at, 0))
	if err != nil || got.Refused != 0 {
		t.Errorf("another node: %+v, %v, want none refused", got, err)
	}
}

func TestIdleSeriesMakeRoom(t *testing.T) {
	c, start := newNodeCache(1), time.Now()
	n := c.node("web1", start)
	n.known["old"] = &series{usedAt: start}
	if n.roomFor(1, start.Add(30*time.Minute)) {
		t.Error("a series in use made room")
	}
	if !n.roomFor(1, start.Add(2*time.Hour)) {
		t.Error("an idle series made no room")
	}
	if c.node("web2", start.Add(3*time.Hour)); len(c.nodes) != 1 {
		t.Errorf("%d nodes are remembered, want 1", len(c.nodes))
	}
}

func TestManyNodesAtOnce(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	done := make(chan error)
	const nodes, steps = 8, 20
	// The series are made one after the other: while new ones come in out of order, Prometheus' index moves entries under its readers'
	// eyes (MemPostings.addFor), which the race detector minds now and then.
	for i := range nodes / 2 {
		mustAppend(t, s, cpus[i], batchOf(10, at.Add(-time.Second), 0)...)
	}
	for i := range nodes {
		go func() {
			var errs []error
			for step := range steps {
				_, err := s.Append(t.Context(), cpus[i/2], batchOf(10, at.Add(time.Duration(step)*time.Second), 0)) // two a node
				errs = append(errs, err, s.Sync(t.Context()))
			}
			done <- errors.Join(errs...)
		}()
	}
	for range nodes {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got, want := kept(t, s, "node_test_total"), float64(nodes/2*(steps+1)*10); got != want {
		t.Errorf("%v samples are kept, want %v", got, want)
	}
}

func TestAFullDiskKeepsWhatItHas(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	mustAppend(t, s, "web1", sample("m", at, 1))
	s.disk = newDisk(s.cfg.Dir, math.MaxUint64)
	_, err := s.Append(t.Context(), "web1", []dialtone.Sample{sample("m", at.Add(time.Second), 2)})
	if err == nil || !strings.Contains(err.Error(), "MiB free and needs") {
		t.Errorf("Append on a full disk: %v", err)
	}
	if got := kept(t, s, "m"); got != 1 {
		t.Errorf("%v samples are kept, want 1", got)
	}
	s.disk = newDisk(s.cfg.Dir, 1)
	mustAppend(t, s, "web1", sample("m", at.Add(time.Second), 2))
}

func TestABrokenLogPromisesNothing(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	mustAppend(t, s, "web1", sample("m", now(), 1))
	s.journals[0].dir = "/dev/null" // the next fsync has no segments to read
	first := s.Sync(t.Context())
	if first == nil || !strings.Contains(first.Error(), "started again") {
		t.Fatalf("Sync = %v", first)
	}
	s.journals[0].dir = s.cfg.Dir + "/wal"
	if err := s.Sync(t.Context()); err == nil {
		t.Error("Sync promises what an fsync that failed may have lost")
	}
	if _, err := s.Append(t.Context(), "web1", []dialtone.Sample{sample("m", now(), 1)}); err == nil {
		t.Error("Append takes in what can never be acked")
	}
}

func TestAppendAfterTheEnd(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ended, "web1", batchOf(1, now(), 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with an ended context: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, appendErr := s.Append(t.Context(), "web1", batchOf(1, now(), 0))
	_, queryErr := s.Query(t.Context(), "m", now())
	_, rangeErr := s.QueryRange(t.Context(), "m", now(), now(), time.Second)
	_, valuesErr := s.LabelValues(t.Context(), "job")
	for _, err := range []error{appendErr, queryErr, rangeErr, valuesErr, s.Sync(t.Context())} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func mustAppend(t testing.TB, s *Store, node string, samples ...dialtone.Sample) {
	t.Helper()
	got, err := s.Append(t.Context(), node, samples)
	if err != nil || got != (collector.AppendResult{}) {
		t.Fatalf("Append = %+v, %v", got, err)
	}
}
