package series

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// instant is a place that one value fits in.
type instant struct {
	of *series
	at int64 // ms
}

// storedValues returns what is stored at the instants of the late rows. The TSDB itself would take a late sample that it has already:
// queries would show it once, but it would lie twice on the disk until blocks are merged, and nobody could say that it was known.
func (s *Store) storedValues(ctx context.Context, node string, rows []row) (map[instant]float64, error) {
	w := wantedOf(rows)
	values := make(map[instant]float64, len(rows))
	q, err := s.db.Querier(w.from, w.to)
	if err != nil {
		return nil, err
	}
	defer func() { _ = q.Close() }()
	set := q.Select(ctx, false, &storage.SelectHints{Start: w.from, End: w.to}, w.matchers(node)...)
	var it chunkenc.Iterator
	for set.Next() {
		found := set.At()
		to := w.series[found.Labels().Hash()]
		if to == nil || !labels.Equal(to.labels, found.Labels()) {
			continue
		}
		it = found.Iterator(it)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			at := instant{to, it.AtT()}
			if kind != chunkenc.ValFloat {
				continue
			}
			if _, asked := w.instants[at]; asked {
				_, values[at] = it.At()
			}
		}
		if err := it.Err(); err != nil {
			return nil, err
		}
	}
	return values, set.Err()
}

// wanted is what the late rows of a batch ask for.
type wanted struct {
	from, to int64 // ms
	instants map[instant]struct{}
	series   map[uint64]*series // by hash of the labels
	names    []string
}

func wantedOf(rows []row) wanted {
	w := wanted{from: math.MaxInt64, to: math.MinInt64, instants: map[instant]struct{}{}, series: map[uint64]*series{}}
	for _, r := range rows {
		if !r.late {
			continue
		}
		w.from, w.to = min(w.from, r.at), max(w.to, r.at)
		w.instants[instant{r.to, r.at}] = struct{}{}
		hash := r.to.labels.Hash()
		if w.series[hash] == nil {
			w.series[hash] = r.to
			w.names = append(w.names, r.to.labels.Get(model.MetricNameLabel))
		}
	}
	slices.Sort(w.names)
	w.names = slices.Compact(w.names)
	return w
}

func (w wanted) matchers(node string) []*labels.Matcher {
	for i, name := range w.names {
		w.names[i] = regexp.QuoteMeta(name)
	}
	return []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, model.InstanceLabel, node),
		labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, strings.Join(w.names, "|")),
	}
}
