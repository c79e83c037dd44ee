// Package heal is the healing engine: guard, journal, act, verify, outcome.
//
//	ask the budget ─► intent on disk ─► stop dependents ─► act ─► verify ─► start dependents ─► outcome on disk ─► told
//	      │                │                                │
//	   wait, park       refused                    failed: the back-off begins
//
// It decides whether a service may be healed now, and whether it was. What else holds a heal back (a dependency that is down, another
// heal next door) is known to the agent, which asks only when it may.
package heal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// The check is looked at again after firstPause, then ever less often down to lastPause, until it passes.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// Engine heals services. It is safe for concurrent use on different services.
type Engine struct {
	Hand    healers.Hand
	Journal *healers.Journal
	Limits  func(*control.Service) healers.Limits
	Tell    func(dialtone.Heal) // gets every heal as it begins and as it ends; must not block
	Log     *slog.Logger
}

// Request asks for one heal.
type Request struct {
	Service *control.Service
	Want    control.ActionKind // start, stop or restart
	Rule    string             // file:line of the rule that asks; empty for a person
	Seen    string             // what the check saw
	Who     string             // a person's order: the budget does not bind it, and ends a parking
	Running bool               // the service's process is there
	Free    bool               // the first start of what did not run when its watch began: it costs none of the budget
	Env     map[string]string  // MONIT_* for the programs

	Left func() string // what the service's dead process left running and may be in the way of a start; nil: nobody knows

	Look   func(context.Context) (*checks.Report, error)
	Passes func(*checks.Report) (bool, string) // the test that failed; nil: the service is there (or, to stop, is not)

	Dependents []*control.Service // those that run and depend on it, the farthest first: stopped before, started after

	noted *sync.WaitGroup // of programs that are being written down
}

// Answer is what came of a request. With an empty Heal.Outcome nothing was done or told, and Next says when to ask again.
type Answer struct {
	Heal  dialtone.Heal
	Next  time.Time
	Acted bool // a program was run, or was about to be
}

// Heal handles one request to its end: it returns when the service was verified, or given up for now. When ctx ends, what is
// running is stopped, and the heal stays open in the journal for the next start of the agent.
func (e *Engine) Heal(ctx context.Context, r Request) Answer {
	now := time.Now()
	h := dialtone.Heal{
		ID: healers.NewID(now), Service: r.Service.Name, Action: string(r.Want), Rule: r.Rule,
		Seen: r.Seen, Started: now.UTC(), ExitCode: -1,
	}
	plan, err := healers.Plan(r.Service, r.Want, r.Running)
	if err != nil {
		return e.refuse(h, err)
	}
	account, err := e.Journal.Account(h.Service)
	if err != nil {
		return e.refuse(h, err)
	}
	limits := e.Limits(r.Service)
	if r.Who != "" {
		account.Parked, account.InARow, account.Next = "", 0, time.Time{}
	} else if answer := limits.Ask(&account, now); !answer.Go {
		h.Budget = limits.Text(account, now)
		return e.hold(h, account, answer)
	} else {
		limits.Spend(&account, now, r.Free)
	}
	h.Attempt = max(account.InARow, 1)
	h.Budget = limits.Text(account, now)
	h.Outcome = dialtone.HealRunning
	if err := e.Journal.Begin(h, account); err != nil {
		return e.refuse(h, err)
	}
	e.Tell(h)
	return e.run(ctx, r, h, account, plan)
}

// run acts and verifies a heal whose intent is on disk.
func (e *Engine) run(ctx context.Context, r Request, h dialtone.Heal, account healers.Account, plan []healers.ActionID) Answer {
	began := time.Now()
	r.noted = &sync.WaitGroup{}
	defer r.noted.Wait()
	stopped := e.stopAll(ctx, r, &h)
	err := e.act(ctx, r, &h, plan)
	if ctx.Err() != nil {
		return Answer{Heal: h, Acted: true}
	}
	if err == nil {
		err = e.verify(ctx, r, quick(h))
	}
	if err != nil && h.ExitCode > 0 {
		err = fmt.Errorf("the program exited with status %d: %w", h.ExitCode, err)
	}
	if err != nil && r.Want != control.Stop && r.Left != nil {
		if left := r.Left(); left != "" {
			err = fmt.Errorf("%w; %s", err, left)
		}
	}
	if err == nil {
		e.startAll(ctx, r, &h, stopped)
	}
	if ctx.Err() != nil {
		return Answer{Heal: h, Acted: true}
	}
	now := time.Now()
	h.Took = now.Sub(began)
	if err == nil {
		h.Outcome = dialtone.Healed
		e.Limits(r.Service).Healed(&account, now, rand.Float64())
	} else {
		e.lost(&h, &account, err, now, r)
	}
	if err := e.Journal.End(h, account); err != nil {
		e.Log.Error("the outcome of a heal is not in the journal", "service", h.Service, "heal", h.ID, "outcome", h.Outcome, "error", err)
	}
	e.Tell(h)
	return Answer{Heal: h, Next: h.Next, Acted: true}
}

// lost decides whether a failed heal is tried again, or the service parked: who is paged must not wait for the next cycle.
func (e *Engine) lost(h *dialtone.Heal, account *healers.Account, err error, now time.Time, r Request) {
	h.Outcome, h.Reason = dialtone.HealFailed, err.Error()
	if r.Who != "" {
		return
	}
	limits := e.Limits(r.Service)
	limits.Failed(account, now, rand.Float64())
	answer := limits.Ask(account, now)
	if answer.Go {
		h.Next = now.UTC()
		return
	}
	if !answer.Wait.IsZero() {
		h.Next = answer.Wait.UTC()
		return
	}
	account.Parked = answer.Reason
	h.Outcome, h.Reason = dialtone.HealParked, fmt.Sprintf("%s; %s", err, answer.Reason)
}

func (e *Engine) refuse(h dialtone.Heal, err error) Answer {
	h.Outcome, h.Reason = dialtone.HealRefused, err.Error()
	return Answer{Heal: h}
}

// hold waits out a back-off in silence, and parks when the budget is spent: once, with the evidence of the last heal.
func (e *Engine) hold(h dialtone.Heal, account healers.Account, answer healers.Answer) Answer {
	if !answer.Wait.IsZero() {
		return Answer{Next: answer.Wait}
	}
	h.Outcome, h.Reason = dialtone.HealParked, answer.Reason
	if account.Parked != "" {
		return Answer{Heal: h}
	}
	if last, err := e.Journal.Heals(h.Service, 1); err == nil && len(last) > 0 {
		h.Command, h.ExitCode, h.Output, h.Attempt = last[0].Command, last[0].ExitCode, last[0].Output, last[0].Attempt
	}
	account.Parked = answer.Reason
	if err := e.Journal.End(h, account); err != nil {
		return e.refuse(h, err)
	}
	e.Tell(h)
	return Answer{Heal: h}
}

// Forgive ends a parking: the service's check passes by itself, or a person says so.
func (e *Engine) Forgive(service string) error {
	account, err := e.Journal.Account(service)
	if err != nil || account.Parked == "" {
		return err
	}
	account.Parked, account.InARow, account.Next = "", 0, time.Time{}
	return e.Journal.SetAccount(service, account)
}

// Parked returns why healing of a service was given up, or nothing.
func (e *Engine) Parked(service string) (string, error) {
	account, err := e.Journal.Account(service)
	return account.Parked, err
}

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
			gone := r
			gone.Want, gone.Passes = control.Stop, nil
			if err := e.verify(ctx, gone, timeout(r.Service.Stop)); err != nil {
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

// quick is how long a check may take to pass: a start program that failed gets one more look and no more.
func quick(h dialtone.Heal) time.Duration {
	if h.ExitCode != 0 {
		return 0
	}
	return -1
}

// verify looks until the test that failed passes. One good look is enough. within is zero for a single look, and negative for the
// time that the service's own programs have.
func (e *Engine) verify(ctx context.Context, r Request, within time.Duration) error {
	if within < 0 {
		within = timeout(programOf(r))
	}
	ctx, cancel := context.WithTimeout(ctx, max(within, 5*time.Second))
	defer cancel()
	deadline := time.Now().Add(within)
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		seen, ok := seenNow(ctx, r)
		if ok {
			return nil
		}
		if time.Until(deadline) < pause {
			return errors.New(seen)
		}
		if err := sleep(ctx, pause); err != nil {
			return errors.New(seen)
		}
	}
}

// seenNow is one look: what was seen, and whether it is what the heal is for.
func seenNow(ctx context.Context, r Request) (string, bool) {
	report, err := r.Look(ctx)
	if err != nil {
		return err.Error(), false
	}
	ok, why := passes(r, report)
	return why, ok
}

func passes(r Request, report *checks.Report) (bool, string) {
	if r.Want == control.Stop {
		return report.Existence == checks.Absent, "it is still there"
	}
	if r.Passes != nil {
		return r.Passes(report)
	}
	why := report.Why
	if why == "" {
		why = "it is not there"
	}
	return report.Existence != checks.Absent, why
}

func programOf(r Request) *control.Command {
	switch {
	case r.Want == control.Stop:
		return r.Service.Stop
	case r.Want == control.Restart && r.Service.Restart != nil:
		return r.Service.Restart
	}
	return r.Service.Start
}

func timeout(c *control.Command) time.Duration {
	if c != nil && c.Timeout > 0 {
		return c.Timeout
	}
	return healers.DefaultTimeout
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

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
