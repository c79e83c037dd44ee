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
	"fmt"
	"log/slog"
	"math/rand/v2"
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
	Want    control.ActionKind // start, stop or restart; with Do what the last link of the chain wants
	Do      *control.Action    // the rule's action, and those behind it; nil: Want alone
	Exec    healers.ActionID   // of the rule's own program, where Do has one
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
	if r.Do == nil {
		r.Do = &control.Action{Kind: r.Want}
	}
	h := dialtone.Heal{
		ID: healers.NewID(now), Service: r.Service.Name, Action: healers.Words(r.Do), Rule: r.Rule,
		Seen: r.Seen, Started: now.UTC(), ExitCode: -1,
	}
	chain, err := healers.Chain(r.Service, r.Do, r.Exec, r.Running)
	if err != nil {
		return e.refuse(h, err)
	}
	r.Want = healers.Aim(h.Action)
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
	return e.run(ctx, r, h, account, chain)
}

// Rehearse is the heal that a request would be, refused because nothing shall be done, and told by nobody yet.
func (e *Engine) Rehearse(r Request) dialtone.Heal {
	now := time.Now()
	h := dialtone.Heal{
		ID: healers.NewID(now), Service: r.Service.Name, Action: healers.Words(r.Do), Rule: r.Rule, Seen: r.Seen,
		Started: now.UTC(), ExitCode: -1, Outcome: dialtone.HealRefused,
	}
	chain, err := healers.Chain(r.Service, r.Do, r.Exec, r.Running)
	if err != nil {
		h.Reason = err.Error()
		return h
	}
	var programs []string
	for _, link := range chain {
		for _, c := range link.Runs {
			programs = append(programs, strings.Join(c.Argv, " "))
		}
	}
	h.Reason = "dry run: would have run " + strings.Join(programs, "; ")
	return h
}

// Note writes a heal that was refused to the journal, where a person looks for what would have been done. It costs nothing of the budget.
func (e *Engine) Note(h dialtone.Heal) {
	account, err := e.Journal.Account(h.Service)
	if err == nil {
		err = e.Journal.End(h, account)
	}
	if err != nil {
		e.Log.Warn("a heal that was held back is not in the journal", "service", h.Service, "heal", h.ID, "error", err)
	}
}

// run acts and verifies a heal whose intent is on disk.
func (e *Engine) run(ctx context.Context, r Request, h dialtone.Heal, account healers.Account, chain []healers.Link) Answer {
	began := time.Now()
	r.noted = &sync.WaitGroup{}
	defer r.noted.Wait()
	stopped, err := e.follow(ctx, r, &h, chain)
	if ctx.Err() != nil {
		return Answer{Heal: h, Acted: true}
	}
	if err == nil {
		err = e.verdict(ctx, r, h)
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

// Renew forgets all that was spent on a service: a person has seen to it and wants it healed again.
func (e *Engine) Renew(service string) error {
	return e.Journal.SetAccount(service, healers.Account{})
}

// Parked returns why healing of a service was given up, or nothing.
func (e *Engine) Parked(service string) (string, error) {
	account, err := e.Journal.Account(service)
	return account.Parked, err
}
