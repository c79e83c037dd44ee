package uplink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// keeper is the state of the one goroutine that writes the spool.
type keeper struct {
	*Uplink
	spilled time.Time // last write of samples
	mendAt  time.Time // not before this is a broken spool tried again
}

// keep writes events as they come and samples when they must, until ctx ends; then everything that is left.
func (u *Uplink) keep(ctx context.Context) error {
	k := &keeper{Uplink: u, spilled: time.Now()}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return k.finish()
		case <-u.work:
		case <-timer.C:
		}
		timer.Reset(k.step(time.Now()))
	}
}

// finish writes what the collector has not acknowledged.
func (k *keeper) finish() error {
	k.mu.Lock()
	k.formBatch()
	k.spillNow = true
	k.mu.Unlock()
	return errors.Join(k.writeEvents(), k.deleteAcked(), k.spill(time.Now(), true))
}

// step does what is due and returns how long nothing else will be.
func (k *keeper) step(now time.Time) time.Duration {
	k.countLosses()
	if now.Before(k.mendAt) {
		k.form(now)
		k.bound()
		poke(k.wake)
		return min(k.timing.gather, k.mendAt.Sub(now))
	}
	err := k.writeEvents()
	k.form(now)
	err = errors.Join(err, k.deleteAcked(), k.spill(now, false), k.tellLosses())
	k.judge(err, now)
	k.bound()
	return k.next(now)
}

// form ends the gathering of a batch when it is due.
func (k *keeper) form(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.gathered) >= gatherLimit || len(k.gathered) > 0 && now.Sub(k.since) >= k.timing.gather {
		k.formBatch()
	}
}

func (k *keeper) next(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := k.timing.spill
	if len(k.gathered) > 0 {
		wait = max(0, k.since.Add(k.timing.gather).Sub(now))
	}
	if k.badSpool != nil {
		wait = min(wait, k.timing.mend)
	}
	return wait
}

// writeEvents brings the queue to disk, in one transaction. What came meanwhile is the next one's.
func (k *keeper) writeEvents() error {
	k.mu.Lock()
	queue := k.queue
	k.mu.Unlock()
	if len(queue) == 0 {
		return nil
	}
	w, err := k.spool.put(wire.LaneEvents, k.run, queue)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spool.apply(w)
	k.durable = queue[len(queue)-1].last
	for len(k.queue) > 0 && k.queue[0].last <= k.durable {
		k.queue = k.queue[1:]
	}
	k.advance()
	return nil
}

// advance wakes whoever sends or waits for the disk. The caller holds mu.
func (k *keeper) advance() {
	close(k.progress)
	k.progress = make(chan struct{})
	poke(k.wake)
	if len(k.queue) > 0 {
		poke(k.work)
	}
}

// spill moves the batches in memory to the spool, as blocks: when the link has just gone down, once a minute while it is
// down or the collector acknowledges none, and whenever they become too many.
func (k *keeper) spill(now time.Time, last bool) error {
	k.mu.Lock()
	batches := k.batches
	k.spillNow = k.spillNow && len(batches) > 0
	waits := len(batches) > 0 && (!k.stats.Connected || now.Sub(batches[0].at) >= k.timing.spill)
	due := k.spillNow || k.pending > maxPending/2 || waits && now.Sub(k.spilled) >= k.timing.spill
	k.mu.Unlock()
	if !due && !last || len(batches) == 0 {
		return nil
	}
	blocks, err := blocksOf(batches)
	if err != nil {
		return err
	}
	w, err := k.spool.put(wire.LaneSamples, k.run, blocks)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spool.apply(w)
	k.forget(batches[len(batches)-1].Seq)
	k.spilled, k.spillNow = now, false
	poke(k.wake)
	return nil
}

// forget drops the batches in memory up to a number. The caller holds mu.
func (u *Uplink) forget(seq uint64) (samples int) {
	n := 0
	for n < len(u.batches) && u.batches[n].Seq <= seq {
		samples += len(u.batches[n].Samples)
		n++
	}
	u.batches, u.pending = u.batches[n:], u.pending-samples
	return samples
}

// blocksOf packs batches into blocks of a bounded number of samples and bytes.
func blocksOf(batches []batch) ([]row, error) {
	var rows []row
	for len(batches) > 0 {
		n, samples := 0, 0
		for n < len(batches) && (n == 0 || samples+len(batches[n].Samples) <= blockLimit) {
			samples += len(batches[n].Samples)
			n++
		}
		some, err := packed(batches[:n])
		if err != nil {
			return nil, err
		}
		rows, batches = append(rows, some...), batches[n:]
	}
	return rows, nil
}

// packed makes one block of batches, or more where their labels are too long for one.
func packed(batches []batch) ([]row, error) {
	list, samples := make([]wire.Batch, len(batches)), 0
	for i, b := range batches {
		list[i], samples = b.Batch, samples+len(b.Samples)
	}
	data, err := wire.EncodeBlock(list)
	if err == nil {
		return []row{{first: list[0].Seq, last: list[len(list)-1].Seq, count: samples, data: data}}, nil
	}
	if len(batches) == 1 {
		return nil, fmt.Errorf("packing samples: %w", err)
	}
	front, err := packed(batches[:len(batches)/2])
	if err != nil {
		return nil, err
	}
	back, err := packed(batches[len(batches)/2:])
	return append(front, back...), err
}

// deleteAcked deletes what the collector has acknowledged.
func (k *keeper) deleteAcked() error {
	k.mu.Lock()
	acked := maps.Clone(k.acked)
	k.mu.Unlock()
	if len(acked) == 0 {
		return nil
	}
	if err := k.spool.remove(acked); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spool.removed(acked)
	for p, seq := range acked {
		if k.acked[p] == seq {
			delete(k.acked, p)
		}
	}
	return nil
}

// countLosses moves the losses from memory to where they are written down.
func (k *keeper) countLosses() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.lost.any() {
		return
	}
	l := &k.spool.lost
	l.Events, l.Samples = l.Events+k.lost.Events, l.Samples+k.lost.Samples
	if l.Since.IsZero() {
		l.Since = k.lost.Since
	}
	k.stats.DroppedEvents += uint64(k.lost.Events)
	k.stats.DroppedSamples += uint64(k.lost.Samples)
	k.lost = loss{}
}

// bound drops the oldest samples in memory when there is no disk to move them to.
func (k *keeper) bound() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.pending > maxPending && len(k.batches) > 1 {
		k.lost.add(wire.LaneSamples, k.forget(k.batches[0].Seq))
	}
}

// tellLosses tells, once the collector is back, what could not be kept for it.
func (k *keeper) tellLosses() error {
	k.mu.Lock()
	l, connected := k.spool.lost, k.stats.Connected
	k.mu.Unlock()
	if !connected || !l.any() {
		return nil
	}
	k.Events(dialtone.Event{Kind: dialtone.EventAgent, Why: fmt.Sprintf("%d samples and %d events since %s were lost: the spool was full, or could not be read",
		l.Samples, l.Events, l.Since.Format("2006-01-02 15:04:05 UTC"))})
	if err := errors.Join(k.writeEvents(), k.spool.forgive()); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spool.lost = loss{}
	return nil
}

// judge says once that the spool cannot be written, and once that it can again. Meanwhile everything waits in memory.
func (k *keeper) judge(err error, now time.Time) {
	k.mu.Lock()
	was := k.badSpool
	k.badSpool = err
	if err != nil {
		k.stats.fail(err)
		k.mendAt = now.Add(k.timing.mend)
		k.advance()
	}
	k.mu.Unlock()
	switch {
	case err != nil && was == nil:
		k.cfg.Log.Error("spool cannot be written; events and samples wait in memory", "error", err)
		k.Events(dialtone.Event{Kind: dialtone.EventAgent, Why: fmt.Sprintf("the agent's spool cannot be written, what is not sent is kept in memory only: %v", err)})
	case err == nil && was != nil:
		k.cfg.Log.Info("spool can be written again")
	}
}
