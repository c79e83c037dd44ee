package alerting

import (
	"context"
	"time"
)

// clockCheck is the longest sleep while a deadline waits: deadlines are wall-clock instants, and the wall clock may be set,
// or the machine suspended, while a timer sleeps.
const clockCheck = time.Second

// keepTime fires what is due, at once after a start, and once only: the transition that a deadline causes also clears it.
func (d *Desk) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.tickle:
		case <-timer.C:
		}
		next, ids := d.deadlines(time.Now())
		if len(ids) > 0 {
			if err := d.commit(ctx, func(dr *draft) error { return dr.tick(ids) }); err != nil && ctx.Err() == nil {
				d.log.Error("firing timers", "error", err)
			}
			timer.Reset(clockCheck)
			continue
		}
		if !next.IsZero() {
			timer.Reset(min(time.Until(next), clockCheck))
		}
	}
}

// deadlines returns the incidents that are due, and when the next one is; zero when none waits for a time.
func (d *Desk) deadlines(now time.Time) (next time.Time, due []string) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for id, in := range d.books.open {
		if in.dueAt(now, d.policy) {
			due = append(due, id)
			continue
		}
		next = earlier(next, in.nextDeadline())
	}
	return next, due
}

func (dr *draft) tick(ids []string) error {
	for _, id := range ids {
		in, err := dr.incident(id)
		if err != nil {
			return err
		}
		if in != nil {
			dr.apply(in, in.tick(dr.now, dr.desk.policy))
		}
	}
	return nil
}
