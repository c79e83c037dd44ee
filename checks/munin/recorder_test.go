package munin

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Unix(1792000000, 0).UTC()

// shownAt runs readings a minute apart through one field, and returns what the graph shows each time; NaN is nothing.
func shownAt(field Field, period string, readings ...float64) []float64 {
	field.Name = "f"
	c := Config{Graphs: []*Graph{{Title: "t", Period: period, Fields: []*Field{&field}}}}
	var r Recorder
	var shown []float64
	for i, v := range readings {
		values := r.Take(c, []Reading{{Field: "f", Value: v}}, noon.Add(time.Duration(i)*time.Minute))
		if len(values) == 0 {
			shown = append(shown, math.NaN())
			continue
		}
		shown = append(shown, values[0].Value)
	}
	return shown
}

func TestTake(t *testing.T) {
	none := math.NaN()
	tests := []struct {
		name     string
		field    Field
		period   string
		readings []float64
		want     []float64
	}{
		{"gauge", Field{}, "", []float64{1, 2}, []float64{1, 2}},
		{"gauge by the minute", Field{}, "minute", []float64{1}, []float64{1}},
		{"derive", Field{Type: Derive}, "", []float64{100, 160, 100}, []float64{none, 1, -1}},
		{"derive that began anew", Field{Type: Derive, Min: "0"}, "", []float64{100, 160, 0, 60}, []float64{none, 1, none, 1}},
		{"derive by the minute", Field{Type: Derive}, "minute", []float64{100, 160}, []float64{none, 60}},
		{"derive by the hour", Field{Type: Derive}, "hour", []float64{100, 160}, []float64{none, 3600}},
		{"counter", Field{Type: Counter}, "", []float64{0, 120}, []float64{none, 2}},
		{"counter past 32 bit", Field{Type: Counter}, "", []float64{1<<32 - 60, 60}, []float64{none, 2}},
		{"counter past 64 bit", Field{Type: Counter}, "", []float64{1<<64 - 1<<20, 1 << 20}, []float64{none, (1 << 21) / 60.0}},
		{"absolute", Field{Type: Absolute}, "", []float64{600, 60}, []float64{none, 1}},
		{"unknown between", Field{Type: Derive}, "", []float64{0, none, 120, 180}, []float64{none, none, none, 1}},
		{"beyond max", Field{Max: "10", Min: "2"}, "", []float64{10, 11, 2, 1}, []float64{10, none, 2, none}},
		{"max is of the rate", Field{Type: Derive, Max: "10"}, "", []float64{1e6, 1e6 + 60}, []float64{none, 1}},
		{"cdef", Field{Type: Derive, CDEF: "f,8,*"}, "", []float64{0, 60}, []float64{none, 8}},
		{"cdef that makes something of nothing", Field{CDEF: "f,UN,0,f,IF"}, "", []float64{none, 3}, []float64{0, 3}},
		{"cdef that is wrong", Field{CDEF: "f,8"}, "", []float64{1}, []float64{none}},
		{"cdef without end", Field{CDEF: "f,0,/"}, "", []float64{1}, []float64{none}},
	}
	for _, test := range tests {
		got := shownAt(test.field, test.period, test.readings...)
		equal := cmp.Comparer(func(a, b float64) bool {
			return math.Abs(a-b) < 1e-9*math.Max(1, math.Abs(b)) || math.IsNaN(a) && math.IsNaN(b)
		})
		if diff := cmp.Diff(test.want, got, equal); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestTakeOfMany: values of the past come in their order, sums and cdefs look at the other fields of the same time.
func TestTakeOfMany(t *testing.T) {
	c := ParseConfig("graph_title t\ntotal.label all\ntotal.sum a b other:plugin.c\na.label a\nb.label b\nshare.label s\nshare.cdef 100,a,*,a,b,+,/\n")
	var r Recorder
	values := r.Take(c, ParseValues("a.value 1791999990:3\nb.value 1791999990:1\na.value 1\nb.value 1\na.value 1791999980:5\n"), noon)
	var got []Reading
	for _, v := range values {
		got = append(got, Reading{Field: v.Field.Name, At: v.At, Value: v.Value})
	}
	early, mid := noon.Add(-20*time.Second), noon.Add(-10*time.Second)
	want := []Reading{
		{Field: "total", At: early, Value: 5},
		{Field: "a", At: early, Value: 5},
		{Field: "total", At: mid, Value: 4},
		{Field: "a", At: mid, Value: 3},
		{Field: "b", At: mid, Value: 1},
		{Field: "share", At: mid, Value: 75},
		{Field: "total", At: noon, Value: 2},
		{Field: "a", At: noon, Value: 1},
		{Field: "b", At: noon, Value: 1},
		{Field: "share", At: noon, Value: 50},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJudge(t *testing.T) {
	c := ParseConfig("graph_title t\nbits.label bit/s\nbits.type DERIVE\nbits.cdef bits,8,*\nbits.warning :10\nbits.critical -5:20\nload.label load\nload.warning 4\nfree.label free\nfree.critical 10:\nquiet.label quiet\nquiet.unknown_limit 2\n")
	var r Recorder
	steps := []struct {
		values string
		want   Status
	}{
		{"bits.value 0\nload.value 4\nfree.value 10\nquiet.value U\n", Status{}},
		{"bits.value 660\nload.value 4.5\nfree.value 10\nquiet.value 1\n", Status{Code: 1, Warnings: 2, Why: "bits (bit/s) is 11, warning outside of :10"}},
		{"bits.value 660\nload.value 4.5\nfree.value 9\nquiet.value U\n", Status{Code: 2, Warnings: 1, Criticals: 1, Why: "free is 9, critical outside of 10:"}},
		{"bits.value 0\nload.value 1\nfree.value 11\nquiet.value U\n", Status{Code: 2, Criticals: 1, Unknowns: 1, Why: "bits (bit/s) is -11, critical outside of -5:20"}},
		{"bits.value 0\nload.value 1\nfree.value 11\nquiet.value U\n", Status{Unknowns: 1, Why: "quiet has been unknown 3 times in a row"}},
	}
	for i, step := range steps {
		values := r.Take(c, ParseValues(step.values), noon.Add(time.Duration(i)*time.Minute))
		if diff := cmp.Diff(step.want, r.Judge(c, values)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}
