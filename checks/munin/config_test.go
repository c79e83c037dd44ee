package munin

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ifConfig is what if_ of munin-plugins-core 2.0.73 prints for lo, its long texts cut.
const ifConfig = `graph_order down up
graph_title lo traffic
graph_args --base 1000
graph_vlabel bits in (-) / out (+) per ${graph_period}
graph_category network
down.label received
down.type DERIVE
down.graph no
down.cdef down,8,*
down.min 0
up.label bps
up.type DERIVE
up.negative down
up.cdef up,8,*
up.min 0
up.info Traffic of the lo interface.
`

func TestParseConfig(t *testing.T) {
	got := ParseConfig(ifConfig)
	want := Config{Graphs: []*Graph{{
		Title: "lo traffic", Args: "--base 1000", VLabel: "bits in (-) / out (+) per second", Category: "network", Order: "down up", Scale: true,
		Fields: []*Field{
			{Name: "down", Label: "received", Type: Derive, CDEF: "down,8,*", Min: "0", Hidden: true},
			{Name: "up", Label: "bps", Type: Derive, CDEF: "up,8,*", Min: "0", Negative: "down", Info: "Traffic of the lo interface."},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseConfigOfSeveralGraphs(t *testing.T) {
	got := ParseConfig(`
host_name router
multigraph latency
graph_title Latency per device
graph_period minute
graph_scale no
graph_width 400
update_rate 60
sda.label sda
sda.type gauge
sda.value 1792000000:0.5
sda.unknown_limit 5
multigraph latency.sda
graph_title Latency of sda
graph no
read.label per ${graph_period}
read.draw AREASTACK
read.warning 0:3
read.colour COLOUR3
read.value U
nonsense
.label x
a/b.label x
`)
	if !got.Multi || got.HostName != "router" || len(got.Graphs) != 2 || len(got.Readings) != 2 {
		t.Fatalf("%+v", got)
	}
	first, second := got.Graphs[0], got.Graphs[1]
	if first.Period != "minute" || first.Scale || first.Width != 400 || first.UpdateRate != 60 || first.Field("sda").Type != Gauge || first.Field("sda").UnknownLimit != 5 {
		t.Errorf("%+v", first)
	}
	if !second.Hidden || len(second.Fields) != 1 || second.FullName(second.Fields[0]) != "latency.sda.read" || second.Fields[0].Label != "per second" {
		t.Errorf("%+v", second)
	}
	if at := got.Readings[0].At; at.Unix() != 1792000000 || got.Readings[0].Graph != "latency" || !math.IsNaN(got.Readings[1].Value) {
		t.Errorf("%+v", got.Readings)
	}
}

func TestConfigIsBounded(t *testing.T) {
	var b strings.Builder
	for range mostGraphs + 50 {
		b.WriteString("multigraph g\ngraph_title x\n" + strings.Repeat("y", 5000) + ".label z\n")
		for range 20 {
			b.WriteString("f.label " + strings.Repeat("z", 2*mostText) + "\n")
		}
	}
	c := ParseConfig(b.String())
	if len(c.Graphs) != mostGraphs || len(c.Graphs[0].Fields) != 1 || len(c.Graphs[0].Fields[0].Label) != mostText {
		t.Errorf("%d graphs, %d fields", len(c.Graphs), len(c.Graphs[0].Fields))
	}
}

func TestParseValues(t *testing.T) {
	got := ParseValues("load.value 0.50\r\nbad\nx.value many\nup.value U\nold.value 1792000000:3\nnow.value N:4\nhuge.value 1e400\nat.value -5:1\nmultigraph g.a\nf-1.value -2e3\n")
	want := []Reading{
		{Field: "load", Value: 0.5},
		{Field: "up", Value: math.NaN()},
		{Field: "old", At: time.Unix(1792000000, 0).UTC(), Value: 3},
		{Field: "now", Value: 4},
		{Graph: "g.a", Field: "f-1", Value: -2000},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzConfig: whatever a plugin prints is read without harm, and what is read can be computed.
func FuzzConfig(f *testing.F) {
	f.Add(ifConfig)
	f.Add("multigraph a\ngraph_title t\nf.label l\nf.cdef f,2,*\nf.value 3\nf.sum a b\nf.min 0\ngraph_order f=x:y.z\n")
	f.Add("graph_title t\ngraph_order a=p.b b=p.a\na.value 1\nc.sum p.a p.b\nd.stack e=p.c f=p.a\na.value 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := ParseConfig(text)
		r := Recorder{Loans: &Loans{}}
		now := time.Unix(1792000000, 0)
		for i := range 3 {
			values := r.Take(c, append(c.Readings, ParseValues(text)...), now.Add(time.Duration(i)*time.Minute))
			for _, v := range values {
				if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
					t.Errorf("%s has the value %g", v.Field.Name, v.Value)
				}
			}
			r.Judge(c, values)
			r.Loans.Give("p", values)
		}
	})
}
