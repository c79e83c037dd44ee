package series

import (
	"testing"
	"time"

	"github.com/dialtone/dialtone"
)

// BenchmarkAppend is ten agents with 1,000 series each that push every 10 s; one operation is one sample.
func BenchmarkAppend(b *testing.B) {
	s := open(b, b.TempDir(), nil)
	nodes := numbered("web", 10)
	at := time.Now().Add(-24 * time.Hour).Add(time.Minute)
	batch := batchOf(1000, at, 0)
	push := func() {
		for _, node := range nodes {
			if _, err := s.Append(b.Context(), node, batch); err != nil {
				b.Fatal(err)
			}
		}
		step(batch, 10*time.Second)
	}
	push()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += 10_000 {
		push()
	}
}

// BenchmarkAppendOutOfOrder is one agent that comes back after six hours with 1,000 series; one operation is one sample.
func BenchmarkAppendOutOfOrder(b *testing.B) {
	s := open(b, b.TempDir(), nil)
	at := time.Now()
	mustAppend(b, s, "web1", batchOf(1000, at, 0)...)
	batch := batchOf(1000, at.Add(-24*time.Hour).Add(time.Minute), 0)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += 1000 {
		mustAppend(b, s, "web1", batch...)
		step(batch, 10*time.Second)
	}
}

// BenchmarkQueryRange draws what a page draws: one series, and a sum over 100, of six hours.
func BenchmarkQueryRange(b *testing.B) {
	s := open(b, b.TempDir(), nil)
	start := time.Now().Add(-6 * time.Hour)
	batch := batchOf(100, start, 0)
	for range 6 * 360 {
		mustAppend(b, s, "web1", batch...)
		step(batch, 10*time.Second)
	}
	for name, expr := range map[string]string{
		"one":     `rate(node_test_total{cpu="cpu07"}[1m])`,
		"hundred": `sum(rate(node_test_total[1m]))`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.QueryRange(b.Context(), expr, start, start.Add(6*time.Hour), time.Minute); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func step(batch []dialtone.Sample, by time.Duration) {
	for i := range batch {
		batch[i].At = batch[i].At.Add(by)
		batch[i].Value += float64(i % 7)
	}
}
