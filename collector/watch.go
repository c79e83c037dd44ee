package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dialtone/dialtone"
)

// Defaults of [WatchConfig].
const (
	DefaultSilence = 15 * time.Second
	lookEvery      = time.Second
	flushEvery     = 2 * time.Second
	upEvery        = 10 * time.Second
)

// WatchConfig says whom Watch tells, and when.
type WatchConfig struct {
	Desk    EventSink
	Store   SampleStore   // gets dialtone_node_up{node} and up every 10 s; nil: nobody does
	Silence time.Duration // without a frame, after which a node counts as silent; zero: DefaultSilence
	Log     *slog.Logger
}

// watcher is the state of one Watch.
type watcher struct {
	*Nodes
	WatchConfig
	from    time.Time // silence counts from here at the earliest: this collector was not listening before
	looked  time.Time
	flushed time.Time
	upped   time.Time
	failing bool

	badFlush, badUp error // of the newest try; nil: it went well
}

// Watch tells the desk when a node falls silent and when it is back, until ctx ends. A node whose agent said goodbye is
// told as a warning about its agent, any other silence as a critical state of the node. The collector's own absence (not
// started, stopped, starved) is no silence of the nodes: it grants every node a full period first.
func (n *Nodes) Watch(ctx context.Context, cfg WatchConfig) error {
	if cfg.Silence == 0 {
		cfg.Silence = DefaultSilence
	}
	now := time.Now()
	w := &watcher{Nodes: n, WatchConfig: cfg, from: now, looked: now, flushed: now, upped: now.Add(-upEvery)}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return n.flush()
		case <-tick.C:
		case <-n.kick:
		}
		w.look(ctx, time.Now())
	}
}

func (w *watcher) look(ctx context.Context, now time.Time) {
	if now.Sub(w.looked) > max(w.Silence/3, 3*lookEvery) {
		w.from = now
	}
	w.looked = now
	err := w.tellAll(ctx, now)
	if now.Sub(w.flushed) >= flushEvery {
		w.flushed = now
		w.badFlush = w.flush()
	}
	if w.Store != nil && now.Sub(w.upped) >= upEvery {
		w.upped = now
		w.badUp = w.appendUp(ctx, now)
	}
	w.logged(errors.Join(err, w.badFlush, w.badUp))
}

// logged logs the first of a row of errors, and that it ended; everything is tried again at the next look.
func (w *watcher) logged(err error) {
	if err != nil && !w.failing {
		w.Log.Error("watching nodes", "error", err)
	}
	if err == nil && w.failing {
		w.Log.Warn("watching nodes works again")
	}
	w.failing = err != nil
}

// news is one thing to tell about one node.
type news struct {
	node  string
	event dialtone.Event
	told  *told // what the record says once it is told
}

func (w *watcher) tellAll(ctx context.Context, now time.Time) error {
	var errs []error
	for _, item := range w.news(now) {
		errs = append(errs, w.tellOne(ctx, item))
	}
	return errors.Join(errs...)
}

// tellOne writes what the event's ID is made of before it tells, and that it was told after: whatever happens in
// between, the event is told again under the same ID.
func (w *watcher) tellOne(ctx context.Context, item news) error {
	if err := w.flush(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deskPatience)
	defer cancel()
	if err := w.Desk.Accept(ctx, []dialtone.Event{item.event}); err != nil {
		return fmt.Errorf("telling that %s: %w", item.event.Why, err)
	}
	w.mu.Lock()
	if e := w.entries[item.node]; e != nil {
		e.Told, e.dirty = item.told, true
	}
	w.tell()
	w.mu.Unlock()
	return w.flush()
}

func (w *watcher) news(now time.Time) []news {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []news
	for name, e := range w.entries {
		silent := e.busy == 0 && now.Sub(later(e.seen, w.from)) >= w.Silence
		switch {
		case silent && e.Told == nil:
			all = append(all, gone(name, e, w.Silence, now))
		case e.Told != nil && e.live > 0 && !silent:
			all = append(all, back(name, e, now))
		}
	}
	return all
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func gone(name string, e *entry, silence time.Duration, now time.Time) news {
	seen := e.Status.LastSeen
	t := &told{Kind: dialtone.EventState, To: dialtone.Critical, LastSeen: seen}
	why := fmt.Sprintf("no heartbeat from %s for %s; last seen %s", name, silence, seen.Format("2006-01-02 15:04:05 UTC"))
	if e.Stopped != "" {
		t.Kind, t.To = dialtone.EventAgent, dialtone.Warning
		why = fmt.Sprintf("agent on %s was stopped (%s) at %s and has not come back", name, e.Stopped, seen.Format("15:04:05 UTC"))
	}
	ev := dialtone.Event{ID: eventID("silent", name, seen), At: now.UTC(), Kind: t.Kind, Node: name, From: dialtone.OK, To: t.To, Why: why}
	return news{node: name, event: ev, told: t}
}

func back(name string, e *entry, now time.Time) news {
	away := now.Sub(e.Told.LastSeen).Round(time.Second)
	ev := dialtone.Event{
		ID: eventID("back", name, e.Told.LastSeen), At: now.UTC(), Kind: e.Told.Kind, Node: name, From: e.Told.To, To: dialtone.OK,
		Why: fmt.Sprintf("%s is back after %s", name, away),
	}
	return news{node: name, event: ev}
}

// eventID makes the same ID for the same silence, whichever collector process tells of it.
func eventID(what, node string, seen time.Time) string {
	return fmt.Sprintf("collector/%s/%s/%d", what, node, seen.UnixMilli())
}

// appendUp stores whether each node is heard: as a series of its own name, and as up, which is what Prometheus writes of a machine
// that it scrapes, so that rules made for that (up == 0) hold here.
func (w *watcher) appendUp(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, deskPatience)
	defer cancel()
	for name, up := range w.up(now) {
		both := []dialtone.Sample{
			{Name: "dialtone_node_up", Labels: []dialtone.Label{{Name: "node", Value: name}}, At: now.UTC(), Value: up},
			{Name: "up", At: now.UTC(), Value: up},
		}
		if _, err := w.Store.Append(ctx, name, both); err != nil {
			return fmt.Errorf("storing whether nodes are up: %w", err)
		}
	}
	return nil
}

func (w *watcher) up(now time.Time) map[string]float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[string]float64, len(w.entries))
	for name, e := range w.entries {
		all[name] = 0
		if e.live > 0 && (e.busy > 0 || now.Sub(e.seen) < w.Silence) {
			all[name] = 1
		}
	}
	return all
}

// Remove forgets a node that will not come back, and ends what was told about it. who is the person who asked.
// A node that is connected is not removed.
func (n *Nodes) Remove(ctx context.Context, name, who string, desk EventSink) error {
	rec, err := n.forget(name)
	if err != nil || rec.Told == nil {
		return err
	}
	now := time.Now().UTC()
	ev := dialtone.Event{
		ID: eventID("removed", name, rec.Told.LastSeen), At: now, Kind: rec.Told.Kind, Node: name, From: rec.Told.To, To: dialtone.OK,
		Who: who, Why: fmt.Sprintf("%s was removed from the node table", name),
	}
	if err := desk.Accept(ctx, []dialtone.Event{ev}); err != nil {
		return fmt.Errorf("telling that %s: %w", ev.Why, err)
	}
	return nil
}
