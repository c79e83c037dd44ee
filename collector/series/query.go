package series

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/dialtone/dialtone"
)

// Bounds of a query, those of a Prometheus server: what works there works here.
const (
	queryTimeout    = 2 * time.Minute
	maxQueries      = 20         // at the same time; others wait
	maxQuerySamples = 50_000_000 // in memory at the same time
	maxPoints       = 11_000     // of one series
)

// Series is one line of an answer.
type Series struct {
	Labels []dialtone.Label // sorted; __name__ is among them unless the query's functions take it away
	Points []Point          // in order of time
}

// Point is one value at one instant.
type Point struct {
	T time.Time // UTC
	V float64
}

// Query evaluates a PromQL expression at one instant. Each Series has one point, except for a range selector, which has all its
// samples; a scalar is a Series without labels.
func (s *Store) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	q, err := s.engine.NewInstantQuery(ctx, s.db, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	return run(ctx, q, expr)
}

// QueryRange evaluates a PromQL expression every step from start to end, both included, for at most 11,000 steps. Where a series
// has no value it has no point.
func (s *Store) QueryRange(ctx context.Context, expr string, start, end time.Time, step time.Duration) ([]Series, error) {
	switch {
	case s.closed.Load():
		return nil, ErrClosed
	case step < time.Millisecond:
		return nil, fmt.Errorf("query %q: step %v is not positive", expr, step)
	case end.Before(start):
		return nil, fmt.Errorf("query %q: ends before it starts", expr)
	case end.Sub(start)/step > maxPoints:
		return nil, fmt.Errorf("query %q: more than %d points a series; choose a longer step", expr, maxPoints)
	}
	q, err := s.engine.NewRangeQuery(ctx, s.db, nil, expr, start, end, step)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	return run(ctx, q, expr)
}

func run(ctx context.Context, q promql.Query, expr string) ([]Series, error) {
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, result.Err)
	}
	switch v := result.Value.(type) {
	case promql.Matrix:
		lines := make([]Series, 0, len(v))
		for _, line := range v {
			lines = append(lines, Series{Labels: labelsOf(line.Metric), Points: pointsOf(line.Floats)})
		}
		return lines, nil
	case promql.Vector:
		lines := make([]Series, 0, len(v))
		for _, one := range v {
			lines = append(lines, Series{Labels: labelsOf(one.Metric), Points: []Point{point(one.T, one.F)}})
		}
		return lines, nil
	case promql.Scalar:
		return []Series{{Points: []Point{point(v.T, v.V)}}}, nil
	}
	return nil, fmt.Errorf("query %q: its result is a %s, not numbers", expr, result.Value.Type())
}

// LabelValues returns the values of a label, sorted, over all that is kept. Of several selectors, such as
// `node_load1{instance="web1"}`, one has to match; without any, all series do.
func (s *Store) LabelValues(ctx context.Context, name string, selectors ...string) ([]string, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	q, err := s.db.Querier(timestamp.FromTime(s.started.Add(-s.cfg.Retention)), timestamp.FromTime(time.Now().Add(maxAhead)))
	if err != nil {
		return nil, fmt.Errorf("reading values of label %s: %w", name, err)
	}
	defer func() { _ = q.Close() }()
	sets, err := matcherSets(selectors)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, matchers := range sets {
		values, _, err := q.LabelValues(ctx, name, nil, matchers...)
		if err != nil {
			return nil, fmt.Errorf("reading values of label %s: %w", name, err)
		}
		for _, v := range values {
			all = append(all, string([]byte(v))) // a copy: the querier's own memory goes with it
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func matcherSets(selectors []string) ([][]*labels.Matcher, error) {
	if len(selectors) == 0 {
		return [][]*labels.Matcher{nil}, nil
	}
	sets, err := parser.NewParser(parser.Options{}).ParseMetricSelectors(selectors)
	if err != nil {
		return nil, fmt.Errorf("reading selectors %q: %w", selectors, err)
	}
	return sets, nil
}

func labelsOf(ls labels.Labels) []dialtone.Label {
	all := make([]dialtone.Label, 0, ls.Len())
	ls.Range(func(l labels.Label) { all = append(all, dialtone.Label{Name: l.Name, Value: l.Value}) })
	return all
}

func pointsOf(floats []promql.FPoint) []Point {
	points := make([]Point, len(floats))
	for i, f := range floats {
		points[i] = point(f.T, f.F)
	}
	return points
}

func point(ms int64, v float64) Point { return Point{T: time.UnixMilli(ms).UTC(), V: v} }

// IsBadQuery reports whether err is about the text of a query and not about the store, for whoever shows it to a person.
func IsBadQuery(err error) bool {
	_, bad := errors.AsType[parser.ParseErrors](err)
	return bad
}
