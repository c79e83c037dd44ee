package series

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/storage"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/collector"
)

// maxAhead is how far a node's clock may be ahead of ours. A sample far in the future would move the out-of-order window with it,
// and everybody else's samples out of it. Prometheus allows the same ten minutes when it scrapes.
const maxAhead = 10 * time.Minute

// row is one sample on its way into the TSDB.
type row struct {
	to    *series
	at    int64 // ms
	value float64
	late  bool // not after the newest of its series: may be stored already
}

// Append stores the samples of one node in one commit. What will never be stored (see AppendResult) is counted and dropped; of
// two values for the same time the first stays. An error means that nothing of the batch was stored and that it has to be sent again: the disk
// is nearly full, or the store is closed or broken. Nothing is safe from a power cut before Sync.
func (s *Store) Append(ctx context.Context, node string, samples []dialtone.Sample) (collector.AppendResult, error) {
	if err := errors.Join(s.usable(), s.disk.check(), ctx.Err()); err != nil {
		return collector.AppendResult{}, fmt.Errorf("storing samples of %s: %w", node, err)
	}
	now := time.Now()
	n := s.nodes.node(node, now)
	n.mu.Lock()
	defer n.mu.Unlock()

	b := batch{store: s, node: node, now: now, series: n, rows: n.rows[:0], app: s.db.Appender(ctx)}
	err := b.write(ctx, samples)
	clear(b.rows) // lets go of series that are forgotten
	n.rows = b.rows[:0]
	if err != nil {
		return collector.AppendResult{}, fmt.Errorf("storing samples of %s: %w", node, err)
	}
	s.metrics.count(b.counts)
	return collector.AppendResult{Known: b.counts[known], Refused: b.counts.refused()}, nil
}

// batch is one Append.
type batch struct {
	store  *Store
	node   string
	now    time.Time
	series *nodeSeries // locked
	rows   []row
	late   int // how many rows are late
	app    storage.Appender
	counts counts
}

func (b *batch) write(ctx context.Context, samples []dialtone.Sample) error {
	b.resolve(samples)
	err := b.dropKnown(ctx)
	if err == nil {
		err = b.append()
	}
	if err != nil {
		return errors.Join(err, b.app.Rollback())
	}
	if err := b.app.Commit(); err != nil {
		// What was written of the commit may hide all that is written behind it.
		return b.store.fail(fmt.Errorf("writing to the write-ahead log: %w", err))
	}
	return nil
}

// resolve finds the series of each sample and drops what can be dropped without looking at what is stored.
func (b *batch) resolve(samples []dialtone.Sample) {
	oldest := b.now.Add(-b.store.cfg.OutOfOrder).UnixMilli()
	newest := b.now.Add(maxAhead).UnixMilli()
	validNode := b.node != "" && len(b.node) <= maxName && utf8.ValidString(b.node)
	for i := range samples {
		at := samples[i].At.UnixMilli()
		switch {
		case !validNode:
			b.counts[invalid]++
		case at < oldest:
			b.counts[tooOld]++
		case at > newest:
			b.counts[future]++
		default:
			b.add(&samples[i], at)
		}
	}
}

func (b *batch) add(sample *dialtone.Sample, at int64) {
	to, problem := b.find(sample)
	if to == nil {
		b.counts[problem]++
		return
	}
	late := at <= to.newest
	if late {
		b.late++
	}
	to.newest = max(to.newest, at)
	to.usedAt = b.now
	b.rows = append(b.rows, row{to: to, at: at, value: sample.Value, late: late})
}

// find returns the series of a sample, or why it has none.
func (b *batch) find(sample *dialtone.Sample) (*series, outcome) {
	b.series.key = appendKey(b.series.key[:0], sample)
	if to := b.series.known[string(b.series.key)]; to != nil {
		return to, stored
	}
	ls, ok := seriesLabels(b.node, sample)
	if !ok {
		return nil, invalid
	}
	if !b.series.roomFor(b.store.cfg.MaxSeries, b.now) {
		return nil, tooMany
	}
	// In the head, something up to its newest sample may be stored; else, if anything is, then in the blocks before the head.
	head := b.store.db.Head()
	to := &series{labels: ls, newest: head.MinTime()}
	if ref, kept := b.app.(storage.GetRef).GetRef(ls, ls.Hash()); ref != 0 {
		to.ref, to.labels, to.newest = ref, kept, head.MaxTime()
	}
	if to.newest == math.MaxInt64 { // what an empty head says
		to.newest = math.MinInt64
	}
	b.series.known[string(b.series.key)] = to
	return to, stored
}

// dropKnown takes out of the rows what is stored already, or comes twice in the batch.
func (b *batch) dropKnown(ctx context.Context) error {
	if b.late == 0 {
		return nil
	}
	values, err := b.store.storedValues(ctx, b.node, b.rows)
	if err != nil {
		return fmt.Errorf("looking for what is stored already: %w", err)
	}
	b.rows = slices.DeleteFunc(b.rows, func(r row) bool {
		at := instant{r.to, r.at}
		value, there := values[at]
		switch {
		case !there:
			values[at] = r.value
		case math.Float64bits(value) == math.Float64bits(r.value):
			b.counts[known]++
		default:
			b.counts[clash]++
		}
		return there
	})
	return nil
}

// append hands the rows to the TSDB. Only an error that is about no single sample is returned.
func (b *batch) append() error {
	for _, r := range b.rows {
		ref, err := b.app.Append(r.to.ref, r.to.labels, r.at, r.value)
		switch {
		case err == nil:
			r.to.ref = ref
			b.counts[stored]++
		case errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrOutOfOrderSample):
			b.counts[tooOld]++
		case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
			b.counts[clash]++
		default:
			return err
		}
	}
	return nil
}
