// Package host measures the machine itself, under the names and labels that Prometheus' node_exporter gives the same facts, so that
// existing dashboards and rules fit.
//
// Each source is one file: it declares its families, keeps its files of /proc open, and parses what it reads apart from reading it.
package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
)

// Config says where the kernel's files are. The zero value is this machine.
type Config struct {
	Proc string // empty: /proc
	Sys  string // empty: /sys
	Root string // where etc/os-release is; empty: /
}

// Sampler measures the machine. It keeps files open and labels made between samples, and is not safe for concurrent use.
type Sampler struct {
	sources []running
	last    int // samples of the round before: how much room the next one needs
}

// source is one group of families that is read together.
type source struct {
	name     string
	families []dialtone.Metric
	start    func(Config) collector
}

// collector reads one source. A file that is not there (fs.ErrNotExist) means that this kernel has nothing of the kind, which
// is no error; samples added before an error count.
type collector interface {
	collect(ctx context.Context, b *batch) error
}

type running struct {
	name string
	collector
}

var sources []source

func register(s source) { sources = append(sources, s) }

// Families declares every family that a sampler may give, by name.
func Families() []dialtone.Metric {
	var all []dialtone.Metric
	for _, s := range sources {
		all = append(all, s.families...)
	}
	slices.SortFunc(all, func(a, b dialtone.Metric) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// NewSampler makes a sampler of every source. Nothing is opened before the first sample.
func NewSampler(cfg Config) *Sampler {
	cfg.Proc = cmp.Or(cfg.Proc, "/proc")
	cfg.Sys = cmp.Or(cfg.Sys, "/sys")
	cfg.Root = cmp.Or(cfg.Root, "/")
	s := &Sampler{}
	for _, source := range sources {
		s.sources = append(s.sources, running{source.name, source.start(cfg)})
	}
	return s
}

// Sample measures once; now is the time of every sample. What one source cannot read does not keep the others: the samples are
// good also with an error, which names each source that failed. Labels are shared between samples and must not be changed.
func (s *Sampler) Sample(ctx context.Context, now time.Time) ([]dialtone.Sample, error) {
	b := &batch{at: now, samples: make([]dialtone.Sample, 0, s.last+s.last/8)}
	var failed []error
	for _, source := range s.sources {
		err := source.collect(ctx, b)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("measuring %s: %w", source.name, err))
		}
	}
	s.last = len(b.samples)
	return b.samples, errors.Join(failed...)
}

// batch gathers the samples of one round.
type batch struct {
	at      time.Time
	samples []dialtone.Sample
}

func (b *batch) add(name string, labels []dialtone.Label, value float64) {
	b.samples = append(b.samples, dialtone.Sample{Name: name, Labels: labels, At: b.at, Value: value})
}

func gauge(name, unit, help string, labels ...string) dialtone.Metric {
	return dialtone.Metric{Name: name, Type: dialtone.Gauge, Unit: unit, Help: help, Labels: labels}
}

func counter(name, unit, help string, labels ...string) dialtone.Metric {
	return dialtone.Metric{Name: name, Type: dialtone.Counter, Unit: unit, Help: help, Labels: labels}
}
