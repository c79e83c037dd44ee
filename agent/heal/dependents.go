package heal

import (
	"context"
	"slices"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// stopAll stops what depends on the service before it is touched, and returns what it stopped. What cannot be stopped is left.
func (e *Engine) stopAll(ctx context.Context, r Request, h *dialtone.Heal) []*control.Service {
	var stopped []*control.Service
	for _, s := range r.Dependents {
		if _, err := healers.Plan(s, control.Start, false); err != nil {
			continue // would not come back
		}
		plan, err := healers.Plan(s, control.Stop, true)
		if err != nil {
			continue
		}
		out, err := e.order(ctx, r, h.ID, healers.Order{Action: plan[0], Env: map[string]string{"MONIT_SERVICE": s.Name}})
		record(h, out)
		if err != nil {
			e.Log.Warn("a dependent service was not stopped", "service", s.Name, "for", r.Service.Name, "error", err)
			continue
		}
		stopped = append(stopped, s)
	}
	return stopped
}

// startAll starts them again, the nearest first. One that does not come up is its own rules' to heal.
func (e *Engine) startAll(ctx context.Context, r Request, h *dialtone.Heal, stopped []*control.Service) {
	if r.Want == control.Stop {
		return
	}
	status := h.ExitCode
	for _, s := range slices.Backward(stopped) {
		plan, err := healers.Plan(s, control.Start, false)
		if err != nil {
			continue
		}
		out, err := e.order(ctx, r, h.ID, healers.Order{Action: plan[0], Env: map[string]string{"MONIT_SERVICE": s.Name}})
		record(h, out)
		if err != nil {
			e.Log.Warn("a dependent service was not started again", "service", s.Name, "for", r.Service.Name, "error", err)
		}
	}
	h.ExitCode = status
}
