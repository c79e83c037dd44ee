package agent

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// TestSamplesOfAService: the state with each interval once somebody has looked, the values once a look, and nothing of what rests
// from the start.
func TestSamplesOfAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		w.things["nginx"].values = map[string]float64{"cpu_percent": 3}
		s := process("nginx")
		s.Every = []control.Every{{Cycles: 4}}
		resting := process("resting")
		c := w.config(t, file(s, resting))
		rests, err := openStore(c.DB)
		if err != nil {
			t.Fatal(err)
		}
		if err := rests.setResting("resting", &rest{Why: "unmonitored by alice"}); err != nil {
			t.Fatal(err)
		}
		_, end := begin(t, c)
		defer end()
		pass(31 * time.Second)
		got := map[string]int{}
		w.mu.Lock()
		for _, sample := range w.samples {
			got[fmt.Sprint(sample.Name, sample.Labels)]++
		}
		w.mu.Unlock()
		want := map[string]int{
			"dialtone_service_state[{kind process} {service nginx}]": 6,
			"dialtone_process_cpu_percent[{service nginx}]":          2,
			"dialtone_check_duration_seconds[{service nginx}]":       2,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("samples in 30 s (-want +got):\n%s", diff)
		}
	})
}

// TestLabelsOfAService: what the control file gives a service stands on all its series, and takes no label's place.
func TestLabelsOfAService(t *testing.T) {
	s := &control.Service{Kind: "process", Name: "pbx", Labels: []dialtone.Label{{Name: "team", Value: "voice"}, {Name: "port", Value: "x"}, {Name: "service", Value: "y"}}}
	v := &view{spec: s, report: &checks.Report{Values: map[string]float64{"cpu_percent": 3, "cpu_percent/a": 1, "made_up": 1}}}
	v.report.Connected(&control.Connection{Port: 5060}, time.Second, nil)
	var got []string
	for _, sample := range ofReport(v, time.Unix(0, 0)) {
		got = append(got, fmt.Sprint(sample.Name, sample.Labels))
	}
	slices.Sort(got)
	want := []string{
		"dialtone_check_duration_seconds[{port x} {service pbx} {team voice}]",
		"dialtone_connection_seconds[{network tcp} {port 5060} {protocol default} {service pbx} {team voice}]",
		"dialtone_connection_up[{network tcp} {port 5060} {protocol default} {service pbx} {team voice}]",
		"dialtone_process_cpu_percent[{port x} {service pbx} {team voice}]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// hung never comes back: a file system whose server is gone.
type hung struct{ asked chan struct{} }

func (h hung) Sample(ctx context.Context, _ time.Time) ([]dialtone.Sample, error) {
	h.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestSamplesOfACheckItself: descriptions and values of the past get their names, labels and times, and only the newest of each series is
// offered to a scrape.
func TestSamplesOfACheckItself(t *testing.T) {
	now, past := time.Unix(1792000060, 0).UTC(), time.Unix(1792000000, 0).UTC()
	field := []dialtone.Label{{Name: "field", Value: "load"}}
	v := &view{spec: &control.Service{Kind: "munin", Name: "load"}, report: &checks.Report{
		Values: map[string]float64{"field/load": 2},
		Samples: []dialtone.Sample{
			{Name: "field", Labels: field, At: past, Value: 1},
			{Name: "graph_info", Labels: []dialtone.Label{{Name: "title", Value: "Load"}, {Name: "info", Value: ""}}, Value: 1},
		},
	}}
	samples := ofReport(v, now)
	line := func(all []dialtone.Sample) []string {
		var lines []string
		for _, s := range all[1:] {
			lines = append(lines, fmt.Sprintf("%s%v %d %g", s.Name, s.Labels, s.At.Unix(), s.Value))
		}
		slices.Sort(lines)
		return lines
	}
	want := []string{
		"dialtone_munin_field[{field load} {service load}] 1792000000 1",
		"dialtone_munin_field[{field load} {service load}] 1792000060 2",
		"dialtone_munin_graph_info[{service load} {title Load}] 1792000060 1",
	}
	if diff := cmp.Diff(want, line(samples)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	p := &sampler{last: map[string][]dialtone.Sample{"services": samples}}
	if diff := cmp.Diff(want[1:], line(p.newest())); diff != "" {
		t.Errorf("for a scrape (-want +got):\n%s", diff)
	}
}

func TestAMachineThatCannotBeMeasuredHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		c := w.config(t, file(process("nginx")))
		h := hung{make(chan struct{}, 100)}
		c.Host = h
		_, end := begin(t, c)
		defer end()
		pass(time.Minute)
		if n := len(h.asked); n != 1 {
			t.Errorf("asked %d times while the first answer is due", n)
		}
		told := 0
		w.mu.Lock()
		for _, e := range w.events {
			if e.Why == "measuring this machine takes longer than the interval; something hangs" {
				told++
			}
		}
		states := 0
		for _, s := range w.samples {
			if s.Name == "dialtone_service_state" {
				states++
			}
		}
		w.mu.Unlock()
		if told != 1 || states < 10 {
			t.Errorf("told %d times, %d states sent", told, states)
		}
	})
}

func TestHealsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		_, end := begin(t, w.config(t, file(process("nginx"))))
		defer end()
		pass(6 * time.Second)
		w.kill("nginx")
		pass(6 * time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.samples {
			if s.Name == "dialtone_heals_total" {
				if diff := cmp.Diff(labels("outcome", "healed", "service", "nginx"), s.Labels); diff != "" || s.Value != 1 {
					t.Errorf("%v %s", s, diff)
				}
				return
			}
		}
		t.Error("no heal was counted")
	})
}

func TestEventsHaveNumbersThatNeverRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		_, end := begin(t, w.config(t, file(process("a"), process("b"), process("c"))))
		defer end()
		pass(6 * time.Second)
		seen := map[string]bool{}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range w.events {
			if seen[e.ID] || e.Node != "node1" || e.At.IsZero() {
				t.Errorf("event %+v", e)
			}
			seen[e.ID] = true
		}
		if !seen["agent/boot/1"] {
			t.Errorf("ids %v", seen)
		}
	})
}

// TestNobodyTakesSamples: an agent alone measures the machine for those who ask for /metrics, and not before.
func TestNobodyTakesSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx")
		c := w.config(t, file(process("nginx")))
		host := &countingHost{}
		c.Host, c.Sampled = host, false
		a, end := begin(t, c)
		defer end()
		pass(time.Minute)
		if n := host.asked.Load(); n != 0 {
			t.Errorf("measured %d times for nobody", n)
		}
		page := httptest.NewRecorder()
		a.Metrics().ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		if !strings.Contains(page.Body.String(), "node_counted 1") || !strings.Contains(page.Body.String(), "dialtone_service_state") {
			t.Errorf("the first scrape has\n%s", page.Body)
		}
		pass(30 * time.Second)
		if n := host.asked.Load(); n < 5 {
			t.Errorf("measured %d times while somebody scrapes", n)
		}
		pass(10 * time.Minute)
		before := host.asked.Load()
		pass(time.Minute)
		if n := host.asked.Load(); n != before {
			t.Errorf("still measured after nobody asked for long")
		}
	})
}

type countingHost struct{ asked atomic.Int64 }

func (h *countingHost) Sample(_ context.Context, now time.Time) ([]dialtone.Sample, error) {
	return []dialtone.Sample{{Name: "node_counted", At: now, Value: float64(h.asked.Add(1))}}, nil
}
