package heal

import (
	"context"
	"time"

	"github.com/dialtone/dialtone"
)

// Resume ends a heal that a former run of the agent left open. A program of it that still runs is waited for: a second one beside it
// would be two daemons. Then the check says how the heal ended. When ctx ends first, the heal stays open.
func (e *Engine) Resume(ctx context.Context, r Request, h dialtone.Heal) Answer {
	within := time.Duration(0) // one look
	p, found, err := e.Journal.Program(h.ID)
	if err != nil {
		e.Log.Warn("which program a heal had begun cannot be read", "service", h.Service, "heal", h.ID, "error", err)
	}
	if found {
		ran, err := e.Hand.Finish(ctx, p)
		if err != nil {
			return Answer{Heal: h}
		}
		if ran {
			within = -1
		}
	}
	err = e.verify(ctx, r, within)
	if ctx.Err() != nil {
		return Answer{Heal: h}
	}
	if err != nil {
		return e.Close(h, false, err.Error())
	}
	return e.Close(h, true, "")
}

// Close settles a heal that a former run of the agent left open, as what its check finds now.
func (e *Engine) Close(h dialtone.Heal, healthy bool, seen string) Answer {
	h.Took = time.Since(h.Started)
	h.Outcome, h.Reason = dialtone.HealFailed, "the agent ended during this heal; now: "+seen
	if healthy {
		h.Outcome, h.Reason = dialtone.Healed, "the agent ended during this heal; its check passes now"
	}
	account, err := e.Journal.Account(h.Service)
	if err == nil {
		err = e.Journal.End(h, account)
	}
	if err != nil {
		e.Log.Error("an unfinished heal cannot be closed", "service", h.Service, "heal", h.ID, "error", err)
		return Answer{Heal: h}
	}
	e.Tell(h)
	return Answer{Heal: h, Acted: true}
}
