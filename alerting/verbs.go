package alerting

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
)

// Ack gives an open incident to who. Once it returns nil, no page of the incident leaves any more; a failure that is
// worse than what was taken pages again.
func (d *Desk) Ack(ctx context.Context, id, who string) error {
	return d.act(ctx, id, dialtone.Event{Kind: dialtone.EventAck, Who: who, Why: who + " took it"}, func(dr *draft, in *incident) error {
		dr.apply(in, in.ack(who, dr.now))
		return nil
	})
}

// Mute keeps an open incident quiet until a time within the next 31 days. The notice of its end still leaves.
func (d *Desk) Mute(ctx context.Context, id, who string, until time.Time) error {
	until = until.UTC().Round(0)
	why := fmt.Sprintf("%s muted it until %s", who, until.Format(time.RFC3339))
	return d.act(ctx, id, dialtone.Event{Kind: dialtone.EventMute, Who: who, Why: why}, func(dr *draft, in *incident) error {
		if !until.After(dr.now) || until.Sub(dr.now) > foreverMute {
			return fmt.Errorf("%w, not %s", ErrMuteTime, until.Format(time.RFC3339))
		}
		dr.apply(in, in.mute(until))
		return nil
	})
}

// Unmute ends a mute before its time; what is still broken and nobody has taken pages at once.
func (d *Desk) Unmute(ctx context.Context, id, who string) error {
	return d.act(ctx, id, dialtone.Event{Kind: dialtone.EventMute, Who: who, Why: who + " ended the mute"}, func(dr *draft, in *incident) error {
		dr.apply(in, in.unmute(dr.now, d.policy))
		return nil
	})
}

// Escalate calls the second line now: the notifiers with escalation: true. ErrNoWay when there are none.
func (d *Desk) Escalate(ctx context.Context, id, who string) error {
	return d.act(ctx, id, dialtone.Event{Kind: dialtone.EventEscal, Who: who, Why: who + " called the second line"}, func(dr *draft, in *incident) error {
		if !slices.ContainsFunc(d.ways, func(w Way) bool { return w.Escalation }) {
			return ErrNoWay
		}
		dr.apply(in, in.escalate(dr.now, d.policy))
		return nil
	})
}

// Resolve ends an incident by hand. If its check still fails, its next event opens it again.
func (d *Desk) Resolve(ctx context.Context, id, who string) error {
	return d.act(ctx, id, dialtone.Event{Kind: dialtone.EventAction, Who: who, Why: who + " resolved it by hand"}, func(dr *draft, in *incident) error {
		dr.apply(in, in.end(dr.now))
		return dr.release(in)
	})
}

// act does what a person wants to an open incident, and puts it on the timeline in the same transaction.
func (d *Desk) act(ctx context.Context, id string, e dialtone.Event, do func(*draft, *incident) error) error {
	return d.commit(ctx, func(dr *draft) error {
		in, err := dr.incident(id)
		if err != nil {
			return err
		}
		if in == nil {
			return fmt.Errorf("%w: %q", ErrNoIncident, id)
		}
		if !in.State.Open() {
			return ErrResolved
		}
		if err := do(dr, in); err != nil {
			return err
		}
		dr.record(in, e)
		return nil
	})
}
