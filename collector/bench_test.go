package collector

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// BenchmarkIntake is one agent of 1,000 series that sends as fast as it is read, one round a batch: the whole path but
// the store, over TCP on loopback.
func BenchmarkIntake(b *testing.B) {
	h := newHouse(b, func(c *IntakeConfig) { c.Store = nothing{}; c.SyncEvery = DefaultSyncEvery })
	a := h.dial(b)
	a.hello(helloOf("id", "web1", "now"))
	const series = 1000
	round := make([]dialtone.Sample, series)
	for i := range round {
		round[i] = dialtone.Sample{Name: "node_cpu_seconds_total", Labels: []dialtone.Label{{Name: "cpu", Value: fmt.Sprint(i)}, {Name: "mode", Value: "idle"}}, At: time.UnixMilli(1_770_000_000_000)}
	}
	b.ReportAllocs()
	sent := 0
	for seq := uint64(1); b.Loop(); seq++ {
		for i := range round {
			round[i].At = round[i].At.Add(5 * time.Second)
			round[i].Value = math.Round(round[i].Value*100+float64(i%17)) / 100
		}
		dict, batch, err := a.enc.Encode(wire.Batch{Seq: seq, Samples: round})
		if err != nil {
			b.Fatal(err)
		}
		if dict != nil {
			a.must(wire.AppendFrame(nil, wire.TypeDict, dict))
		}
		sent += len(batch)
		a.must(wire.AppendSamples(nil, 0, batch))
	}
	a.hearAck(wire.Ack{Lane: wire.LaneSamples, Seq: uint64(b.N)})
	b.ReportMetric(float64(sent)/float64(b.N*series), "B/sample")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*series), "ns/sample")
}
