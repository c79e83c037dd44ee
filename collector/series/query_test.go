package series

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
)

func TestQueryRange(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	for i := range 5 {
		mustAppend(t, s, "web1", sample("node_load1", at.Add(time.Duration(i)*time.Minute), float64(i)))
	}
	got, err := s.QueryRange(t.Context(), `node_load1 * 2`, at, at.Add(3*time.Minute), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := []Series{{
		Labels: pairs("instance", "web1", "job", "node"),
		Points: []Point{{at, 0}, {at.Add(time.Minute), 2}, {at.Add(2 * time.Minute), 4}, {at.Add(3 * time.Minute), 6}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestQueryKinds(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	mustAppend(t, s, "web1", sample("m", at, 3))
	tests := []struct {
		expr string
		want []Series
	}{
		{"m", []Series{{Labels: pairs("__name__", "m", "instance", "web1", "job", "dialtone"), Points: []Point{{at, 3}}}}},
		{"m[1m]", []Series{{Labels: pairs("__name__", "m", "instance", "web1", "job", "dialtone"), Points: []Point{{at, 3}}}}},
		{"1 + 1", []Series{{Points: []Point{{at, 2}}}}},
		{"nothing_has_this_name", []Series{}},
	}
	for _, tt := range tests {
		got, err := s.Query(t.Context(), tt.expr, at)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expr, diff)
		}
	}
}

func TestBadQueries(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	tests := []struct {
		name, expr string
		end        time.Time
		step       time.Duration
		want       string
		bad        bool
	}{
		{"text", "rate(m[5m)", at, time.Second, "unexpected character inside braces", true},
		{"no step", "m", at, 0, "is not positive", false},
		{"backwards", "m", at.Add(-time.Second), time.Second, "ends before it starts", false},
		{"too fine", "m", at.Add(24 * time.Hour), time.Second, "choose a longer step", false},
		{"not numbers", `"text"`, at, time.Second, "", false},
	}
	for _, tt := range tests {
		_, err := s.QueryRange(t.Context(), tt.expr, at, tt.end, tt.step)
		if tt.bad != IsBadQuery(err) {
			t.Errorf("%s: IsBadQuery(%v) = %v", tt.name, err, !tt.bad)
		}
		if err == nil || !tt.bad && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := s.Query(t.Context(), `"text"`, at); err == nil || !strings.Contains(err.Error(), "not numbers") {
		t.Errorf("a string as an answer: %v", err)
	}
}

func TestLabelValues(t *testing.T) {
	s, at := open(t, t.TempDir(), nil), now()
	mustAppend(t, s, "web1", sample("node_load1", at, 1), sample("node_load5", at, 1))
	mustAppend(t, s, "web2", sample("node_load1", at, 1), sample("m", at, 1))
	tests := []struct {
		label     string
		selectors []string
		want      []string
	}{
		{"instance", nil, []string{"web1", "web2"}},
		{"__name__", []string{`{instance="web2"}`}, []string{"m", "node_load1"}},
		{"__name__", []string{`m`, `{instance="web1"}`}, []string{"m", "node_load1", "node_load5"}},
		{"absent", nil, nil},
	}
	for _, tt := range tests {
		got, err := s.LabelValues(t.Context(), tt.label, tt.selectors...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.label, tt.selectors, diff)
		}
	}
	if _, err := s.LabelValues(t.Context(), "instance", `{`); err == nil {
		t.Error("a broken selector is no error")
	}
}

func pairs(words ...string) []dialtone.Label {
	return sample("", time.Time{}, 0, words...).Labels
}

func sorted(all []Series) []Series {
	slices.SortFunc(all, func(a, b Series) int { return strings.Compare(a.Labels[0].Value, b.Labels[0].Value) })
	return all
}

// value reads one of the store's own metrics, written as in the text format.
func value(t testing.TB, s *Store, series string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += `{` + l.GetName() + `="` + l.GetValue() + `"}`
			}
			if name == series {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	t.Fatalf("no metric %s", series)
	return 0
}
