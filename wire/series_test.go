package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"time"

	"github.com/dialtone/dialtone"
)

// epoch is when every test's clock starts.
var epoch = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// steady makes the series of a busy host: 30 % busy counters, 10 % centisecond counters, 10 % rare counters, 10 %
// constants, 20 % small gauges, 10 % gauges with three decimals, 10 % full floats. It is the mix by which
// docs/decisions/006-stream.md was measured.
type steady struct {
	rng    *rand.Rand
	labels [][]dialtone.Label
	values []float64
	at     time.Time
}

func newSteady(series int) *steady {
	s := &steady{rng: rand.New(rand.NewPCG(1, 2)), at: epoch, values: make([]float64, series)}
	for i := range series {
		s.labels = append(s.labels, []dialtone.Label{
			{Name: "device", Value: fmt.Sprintf("eth%d", i%7)},
			{Name: "instance", Value: "web1.example"},
			{Name: "job", Value: "node"},
			{Name: "mode", Value: "system"},
			{Name: "series", Value: fmt.Sprint(i)},
			{Name: "site", Value: "north"},
		})
		s.values[i] = float64(s.rng.IntN(1_000_000))
	}
	return s
}

func (s *steady) next() []dialtone.Sample {
	out := make([]dialtone.Sample, len(s.values))
	for i := range s.values {
		s.step(i)
		out[i] = dialtone.Sample{Name: fmt.Sprintf("node_metric_%d_total", i%50), Labels: s.labels[i], At: s.at, Value: s.values[i]}
	}
	s.at = s.at.Add(5*time.Second + time.Duration(s.rng.IntN(5))*time.Millisecond)
	return out
}

func (s *steady) step(i int) {
	v := &s.values[i]
	switch i % 10 {
	case 0, 1, 2:
		*v += float64(s.rng.IntN(20_000))
	case 3:
		*v = math.Round(*v*100+float64(s.rng.IntN(500))) / 100
	case 4:
		if s.rng.IntN(20) == 0 {
			*v++
		}
	case 5:
	case 6, 7:
		*v = float64(s.rng.IntN(100))
	case 8:
		*v = math.Round(s.rng.Float64()*100_000) / 1000
	case 9:
		*v = s.rng.NormFloat64()
	}
}

// sealed puts the right checksum before the rest of a block.
func sealed(rest []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, crc32.Checksum(rest, castagnoli)), rest...)
}
