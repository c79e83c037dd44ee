package alerting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Bounds of the writer: callers that wait beyond maxWaitingOps block, and one fsync covers at most maxBatch of them.
const (
	maxWaitingOps = 1024
	maxBatch      = 256
)

// ErrClosed is what a call gets that the desk's end overtook. Whether it was written is unknown.
var ErrClosed = errors.New("the desk is closed")

// errNothing rolls back a transaction that has nothing to write.
var errNothing = errors.New("nothing to write")

// op is one caller's change. Its function either changes the draft and returns nil, or changes nothing that matters and
// returns the error that its caller alone gets.
type op struct {
	do   func(*draft) error
	err  error
	done chan error
}

// commit returns when the change is on disk. When ctx ends first the change may or may not be written.
func (d *Desk) commit(ctx context.Context, do func(*draft) error) error {
	o := &op{do: do, done: make(chan error, 1)}
	select {
	case d.ops <- o:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.stopped:
		return ErrClosed
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-d.stopped:
		return ErrClosed
	}
}

// write is the only goroutine that changes anything. What came while the last fsync ran shares the next one.
func (d *Desk) write() {
	defer close(d.stopped)
	for {
		select {
		case o := <-d.ops:
			d.transact(d.gather(o))
		case <-d.stop:
			return
		}
	}
}

func (d *Desk) gather(first *op) []*op {
	batch := []*op{first}
	for len(batch) < maxBatch {
		select {
		case o := <-d.ops:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// transact writes a batch in one transaction. When the disk refuses, every caller hears it and the books stay as they were.
func (d *Desk) transact(batch []*op) {
	var dr *draft
	err := d.db.Update(func(tx *bbolt.Tx) error {
		dr = d.draft(tx, time.Now().UTC().Round(0))
		for _, o := range batch {
			o.err = o.do(dr)
		}
		if dr.empty() {
			return errNothing
		}
		return dr.flush()
	})
	switch {
	case err == nil:
		d.publish(dr)
	case errors.Is(err, errNothing):
		err = nil
	default:
		err = fmt.Errorf("writing %s: %w", d.db.Path(), err)
	}
	for _, o := range batch {
		if err != nil {
			o.done <- err
			continue
		}
		o.done <- o.err
	}
}

// publish shows a committed draft to readers, senders, timers and live pages.
func (d *Desk) publish(dr *draft) {
	d.mu.Lock()
	d.books.merge(dr)
	for c := range d.watchers {
		nudge(c)
	}
	d.mu.Unlock()
	for _, s := range d.senders {
		nudge(s.wake)
	}
	nudge(d.tickle)
}

// nudge leaves one token in c; a token that is there already says the same.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
