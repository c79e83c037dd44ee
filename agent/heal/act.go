package heal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// order has the hand act, and writes down meanwhile which program it has begun.
func (e *Engine) order(ctx context.Context, r Request, heal string, o healers.Order) (healers.Outcome, error) {
	o.Began = func(p healers.Program) {
		r.noted.Go(func() {
			if err := e.Journal.Began(heal, p); err != nil {
				e.Log.Warn("which program a heal has begun is not on disk", "service", r.Service.Name, "heal", heal, "error", err)
			}
		})
	}
	return e.Hand.Act(ctx, o)
}

// follow runs the links of a chain, each only after the one before it has succeeded, and returns the dependents that it stopped: just
// before the first link that touches the service, for a drain may fail and leave it as it is.
func (e *Engine) follow(ctx context.Context, r Request, h *dialtone.Heal, chain []healers.Link) (stopped []*control.Service, err error) {
	for i, link := range chain {
		if len(stopped) == 0 && link.Want != control.Drain && link.Want != control.Exec {
			stopped = e.stopAll(ctx, r, h)
		}
		last := i == len(chain)-1
		err := e.act(ctx, r, h, link.Acts)
		if err == nil && !last {
			err = e.succeeded(ctx, r, h, link)
		}
		if err != nil && !last {
			err = fmt.Errorf("%s: %w, so %s was not begun", link.Want, err, chain[i+1].Want)
		}
		if err != nil {
			return stopped, err
		}
	}
	return stopped, nil
}

// succeeded: what was stopped is gone; of any other link its program says it.
func (e *Engine) succeeded(ctx context.Context, r Request, h *dialtone.Heal, link healers.Link) error {
	if link.Want == control.Stop && vanishes(r.Service.Kind) {
		return e.gone(ctx, r)
	}
	if h.ExitCode != 0 {
		return errors.New("it did not succeed")
	}
	return nil
}

// act runs the plan. Between the stop and the start of a restart it waits until the service is gone.
func (e *Engine) act(ctx context.Context, r Request, h *dialtone.Heal, plan []healers.ActionID) error {
	for i, id := range plan {
		out, err := e.order(ctx, r, h.ID, healers.Order{Action: id, Env: r.Env})
		record(h, out)
		if err != nil {
			return err
		}
		last := i == len(plan)-1
		if out.TimedOut {
			return fmt.Errorf("%s did not end within %s and was killed", out.Command, out.Took.Round(time.Millisecond))
		}
		if !last {
			if err := e.gone(ctx, r); err != nil {
				return fmt.Errorf("after %s: %w", out.Command, err)
			}
		}
	}
	return nil
}

// record adds what was run to the heal; of several programs the last status counts, and all outputs are kept.
func record(h *dialtone.Heal, out healers.Outcome) {
	if h.Command != "" {
		out.Command = h.Command + "; " + out.Command
	}
	h.Command = strings.TrimSuffix(out.Command, "; ")
	h.ExitCode = out.ExitCode
	h.Output += out.Output
}
