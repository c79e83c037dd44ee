package series

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// intake is the way in for remote write. It keeps what Append promises: nothing when the disk is nearly full, nothing from the
// far future or the deep past, and an answer only after an fsync.
type intake struct{ store *Store }

// Appender returns one write of one sender.
func (i intake) Appender(ctx context.Context) storage.Appender {
	now := time.Now()
	return &intakeAppender{
		Appender: i.store.db.Appender(ctx), ctx: ctx, store: i.store,
		oldest: now.Add(-i.store.cfg.OutOfOrder).UnixMilli(), newest: now.Add(maxAhead).UnixMilli(),
	}
}

type intakeAppender struct {
	storage.Appender
	ctx            context.Context // of the request: Commit has no other way to it
	store          *Store
	oldest, newest int64 // ms
}

// within refuses what is out of bounds before it can move them.
func (a *intakeAppender) within(at int64) error {
	switch {
	case at < a.oldest:
		return storage.ErrTooOldSample
	case at > a.newest:
		return fmt.Errorf("%w: sample is more than %v in the future", storage.ErrOutOfBounds, maxAhead)
	}
	return nil
}

// Append takes a number in.
func (a *intakeAppender) Append(ref storage.SeriesRef, ls labels.Labels, at int64, v float64) (storage.SeriesRef, error) {
	if err := a.within(at); err != nil {
		return 0, err
	}
	return a.Appender.Append(ref, ls, at, v)
}

// AppendHistogram takes a native histogram in; one of h and fh is nil.
func (a *intakeAppender) AppendHistogram(
	ref storage.SeriesRef, ls labels.Labels, at int64, h *histogram.Histogram, fh *histogram.FloatHistogram,
) (storage.SeriesRef, error) {
	if err := a.within(at); err != nil {
		return 0, err
	}
	return a.Appender.AppendHistogram(ref, ls, at, h, fh)
}

// Commit returns when the samples are on disk.
func (a *intakeAppender) Commit() error {
	if err := errors.Join(a.store.usable(), a.store.disk.check()); err != nil {
		return errors.Join(err, a.Rollback())
	}
	if err := a.Appender.Commit(); err != nil {
		return a.store.fail(fmt.Errorf("writing to the write-ahead log: %w", err))
	}
	return a.store.Sync(a.ctx)
}
