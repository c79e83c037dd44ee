package plot

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestAxis: the ends that an axis is given widen it, a rigid one ends exactly there, and a logarithmic one counts in powers of ten.
func TestAxis(t *testing.T) {
	at := func(v float64) *float64 { return &v }
	tests := []struct {
		name      string
		axis      Axis
		low, high float64
		want      []float64
	}{
		{"none", Axis{}, 3, 8, []float64{0, 2, 4, 6, 8}},
		{"a higher end", Axis{Low: at(0), High: at(200)}, 3, 8, []float64{0, 50, 100, 150, 200}},
		{"data beyond", Axis{Low: at(0), High: at(4)}, 3, 8, []float64{0, 2, 4, 6, 8}},
		{"without 0", Axis{Low: at(200), High: at(240)}, 210, 230, []float64{200, 210, 220, 230, 240}},
		{"rigid", Axis{Low: at(0), High: at(5), Rigid: true}, -3, 80, []float64{0, 2, 4, 5}},
		{"rigid below", Axis{Low: at(50), Rigid: true}, 3, 80, []float64{50, 60, 70, 80}},
		{"rigid below all", Axis{Low: at(50), Rigid: true}, 3, 8, []float64{50, 50.5, 51}},
		{"rigid above nothing", Axis{High: at(-5), Rigid: true}, 3, 8, []float64{0, 0.5, 1}},
		{"logarithmic", Axis{Log: true}, 0.3, 800, []float64{0.1, 1, 10, 100, 1000}},
		{"logarithmic, wide", Axis{Log: true, Low: at(0)}, 1, 1e9, []float64{1, 1e3, 1e6, 1e9}},
		{"logarithmic, of nothing", Axis{Log: true}, -5, 0, []float64{0.001, 0.01, 0.1, 1}},
	}
	for _, test := range tests {
		p := &Plot{Axis: test.axis, Series: []Series{{Points: []Point{{Value: test.low}, {Value: test.high}}}}}
		if diff := cmp.Diff(test.want, p.ticks(4), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// FuzzAxis: whatever ends are asked for, the ticks rise and have two ends.
func FuzzAxis(f *testing.F) {
	f.Add(0.0, 5.0, true, false, -3.0, 80.0)
	f.Add(50.0, 40.0, true, true, 0.0, 1e299)
	f.Add(-1e9, 1e-9, false, true, 1e-299, 1e299)
	f.Fuzz(func(t *testing.T, least, most float64, rigid, log bool, low, high float64) {
		if !finite(least) || !finite(most) {
			return
		}
		p := &Plot{Axis: Axis{Low: &least, High: &most, Rigid: rigid, Log: log}, Series: []Series{{Points: []Point{{Value: low}, {Value: high}}}}}
		ticks := p.ticks(4)
		if len(ticks) < 2 || len(ticks) > 100 {
			t.Fatalf("ticks %v", ticks)
		}
		for i := 1; i < len(ticks); i++ {
			if math.IsInf(ticks[i], 0) || !(ticks[i] > ticks[i-1]) {
				t.Fatalf("ticks %v", ticks)
			}
		}
	})
}

// TestRules: a line across the graph is drawn where the axis holds it, and does not widen it.
func TestRules(t *testing.T) {
	from := time.Unix(1792000000, 0).UTC()
	p := &Plot{
		From: from, To: from.Add(time.Hour), Series: []Series{{Name: "load", Points: []Point{{At: from, Value: 3}, {At: from.Add(time.Hour), Value: 8}}}},
		Rules: []Rule{{Value: 6, Label: "much"}, {Value: 100, Label: "too much"}, {Value: 2, Label: "enough", Color: 3}},
	}
	var b bytes.Buffer
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<path class="p-cap" fill="none" stroke-width="1" `, ">much<", `<path class="p-c3" fill="none" stroke-width="1" `, ">enough<"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "too much") {
		t.Error("a line beyond the axis is named")
	}
}
