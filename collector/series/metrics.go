package series

import "github.com/prometheus/client_golang/prometheus"

// outcome is what became of one sample.
type outcome uint8

const (
	stored  outcome = iota
	known           // the same value had been stored for that time: a resend
	clash           // another value had been stored for that time, and stays
	tooOld          // before the out-of-order window
	future          // more than ten minutes ahead of this machine's clock
	invalid         // a name, label or value that is no sample of the data model
	tooMany         // its node has MaxSeries other series
	outcomes
)

var outcomeNames = [outcomes]string{"stored", "known", "clash", "too_old", "future", "invalid", "too_many_series"}

// counts is how many samples of a batch had which outcome.
type counts [outcomes]int

func (c *counts) refused() int { return c[clash] + c[tooOld] + c[future] + c[invalid] + c[tooMany] }

type metrics struct {
	samples [outcomes]prometheus.Counter
	syncs   prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	samples := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dialtone_series_samples_total",
		Help: "Samples that agents sent, by what became of them.",
	}, []string{"outcome"})
	m := &metrics{syncs: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "dialtone_series_sync_seconds",
		Help:    "How long an fsync of the write-ahead log took.",
		Buckets: prometheus.ExponentialBuckets(0.0002, 3, 9),
	})}
	r.MustRegister(samples, m.syncs)
	for o, name := range outcomeNames {
		m.samples[o] = samples.WithLabelValues(name)
	}
	return m
}

func (m *metrics) count(c counts) {
	for o, n := range c {
		m.samples[o].Add(float64(n))
	}
}
