package dashboards

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// TestMuninSeries: stacks lie on what is below them, an area begins a new one, negatives go downwards, and the table tells what was
// measured.
func TestMuninSeries(t *testing.T) {
	at := time.Unix(1792000000, 0).UTC()
	one := func(v float64) []plot.Point { return []plot.Point{{At: at, Value: v}} }
	g := muninGraph{Labels: map[string]string{"graph": "g"}, Fields: []map[string]string{
		{"field": "g.a", "draw": "AREA", "colour": "COLOUR1"},
		{"field": "g.b", "draw": "STACK", "label": "bee"},
		{"field": "g.c", "draw": "LINESTACK1", "colour": "1d4ed8"},
		{"field": "g.d", "draw": "LINE2", "negative": "e"},
		{"field": "g.e", "hidden": "yes"},
		{"field": "g.f", "draw": "AREA"},
	}}
	measured, drawn := muninSeries(g, map[string][]plot.Point{"g.a": one(1), "g.b": one(2), "g.c": one(4), "g.d": one(8), "g.e": one(16), "g.f": one(32)})
	wantDrawn := []plot.Series{
		{Name: "g.f", Points: one(32), Color: 5, Filled: true},
		{Name: "bee", Points: one(3), Color: 3, Filled: true},
		{Name: "g.a", Points: one(1), Color: 2, Filled: true},
		{Name: "g.c", Points: one(7), Color: 1},
		{Name: "g.d", Points: one(8), Color: 4},
		{Name: "g.d (−)", Points: one(-16), Color: 4},
	}
	if diff := cmp.Diff(wantDrawn, drawn); diff != "" {
		t.Errorf("drawn (-want +got):\n%s", diff)
	}
	wantMeasured := []plot.Series{
		{Name: "g.a", Points: one(1)}, {Name: "bee", Points: one(2)}, {Name: "g.c", Points: one(4)}, {Name: "g.d", Points: one(8)}, {Name: "g.d (−)", Points: one(16)}, {Name: "g.f", Points: one(32)},
	}
	if diff := cmp.Diff(wantMeasured, measured); diff != "" {
		t.Errorf("measured (-want +got):\n%s", diff)
	}
}

// TestMuninTotals: what is shown counts, each direction for itself, and what has no value at a time counts nothing there.
func TestMuninTotals(t *testing.T) {
	at := time.Unix(1792000000, 0).UTC()
	series := func(values ...float64) (points []plot.Point) {
		for i, v := range values {
			if v >= 0 {
				points = append(points, plot.Point{At: at.Add(time.Duration(i) * time.Minute), Value: v})
			}
		}
		return points
	}
	g := muninGraph{Labels: map[string]string{"total": "All"}, Fields: []map[string]string{
		{"field": "in", "hidden": "yes"}, {"field": "out", "negative": "in"}, {"field": "more"}, {"field": "away", "hidden": "yes"},
	}}
	values := map[string][]plot.Point{"in": series(1, 2), "out": series(10, -1), "more": series(5, 6, 7), "away": series(100)}
	measured, drawn := muninSeries(g, values)
	want := []plot.Series{{Name: "All", Points: series(15, 6, 7)}, {Name: "All (−)", Points: series(1, 2)}}
	if diff := cmp.Diff(want, measured[len(measured)-2:]); diff != "" {
		t.Errorf("measured (-want +got):\n%s", diff)
	}
	want = []plot.Series{{Name: "All", Points: series(15, 6, 7), Color: plot.Ink}, {Name: "All (−)", Points: negated(series(1, 2)), Color: plot.Ink}}
	if diff := cmp.Diff(want, drawn[:2]); diff != "" {
		t.Errorf("drawn (-want +got):\n%s", diff)
	}
}

func TestMuninUnit(t *testing.T) {
	for vlabel, want := range map[string]plot.Unit{"%": plot.Percent, "Bytes": plot.Bytes, "bytes per second": plot.BytesPerSecond, "seconds": plot.Seconds, "Average IO Wait (seconds)": plot.Seconds, "load": plot.Number} {
		args := ""
		if want == plot.Bytes || want == plot.BytesPerSecond {
			args = "--base 1024 -l 0"
		}
		if got := muninUnit(muninGraph{Labels: map[string]string{"vlabel": vlabel, "args": args}}); got != want {
			t.Errorf("%s is in %s", vlabel, got)
		}
	}
}
