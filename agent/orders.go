package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/heal"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// Verb is what a person can order of a service.
type Verb string

// The verbs, as Monit names them.
const (
	Start     Verb = "start"
	Stop      Verb = "stop"
	Restart   Verb = "restart"
	Monitor   Verb = "monitor"
	Unmonitor Verb = "unmonitor"

	validate Verb = "validate" // one cycle now
)

// order is one verb for one service. Its reply has room for the one answer.
type order struct {
	verb  Verb
	who   string
	many  bool // one of several services: those that have no program for it are watched, or rest, without a word, as with Monit
	reply chan error
}

// ErrNoService is an order for a service that is not in the control file.
var ErrNoService = errors.New("no service")

// All as a name means every service.
const All = "all"

// Do carries out a person's order on services by name (or "all"), one after the other: for a start, what they depend on and is down
// comes first; for a stop, what depends on them. It returns when all is done and verified; the error holds what did not work, by service.
func (a *Agent) Do(ctx context.Context, verb Verb, names []string, who string) error {
	switch verb {
	case Start, Stop, Restart, Monitor, Unmonitor:
	case validate:
		return fmt.Errorf("no order %q", verb)
	default:
		return fmt.Errorf("no order %q; there are start, stop, restart, monitor and unmonitor", verb)
	}
	if len(names) == 0 {
		return fmt.Errorf("%s what? Name a service, or all", verb)
	}
	targets, err := a.targets(verb, names)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range targets {
		if err := a.order(ctx, name, order{verb: verb, who: who, many: len(names) > 1 || names[0] == All}); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

// targets are the services of an order, in the order to act.
func (a *Agent) targets(verb Verb, names []string) ([]string, error) {
	if len(names) == 1 && names[0] == All {
		names = a.names()
	}
	for _, name := range names {
		if a.service(name) == nil {
			return nil, fmt.Errorf("%w %q; `summary` lists them", ErrNoService, name)
		}
	}
	return a.board.around(names, verb), nil
}

// order hands one order to a service's goroutine and waits for the answer.
func (a *Agent) order(ctx context.Context, name string, o order) error {
	s := a.service(name)
	if s == nil {
		return errors.New("no such service")
	}
	o.reply = make(chan error, 1)
	select {
	case s.orders <- o:
	case <-s.done:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.reply:
		return err
	case <-s.done:
		return errStopping
	case <-ctx.Done():
		return fmt.Errorf("ordered, but not done yet: %w", ctx.Err())
	}
}

// onOrder carries out an order on the service's goroutine.
func (s *service) onOrder(ctx context.Context, o order) {
	defer s.publish()
	switch o.verb {
	case validate:
		s.waiting = append(s.waiting, o.reply)
		s.cycle(ctx)
	case Monitor:
		s.monitor(o.who)
		s.unpark()
		o.reply <- nil
		s.look(ctx, true)
	case Unmonitor:
		s.tellAction(o, "monitoring was ended by "+o.who)
		s.rest("unmonitored by "+o.who, o.who)
		o.reply <- nil
	case Start, Stop, Restart:
		s.act(o)
	}
}

// act begins the heal that a start, stop or restart by a person is: journalled and verified like any, but not bound by the budget.
func (s *service) act(o order) {
	if s.healing {
		s.queue(o)
		return
	}
	if o.verb == Start && s.present() && s.state == dialtone.OK {
		s.monitor(o.who)
		o.reply <- nil // it runs already: starting it twice would be two of it
		return
	}
	if o.many && !s.able(o.verb) {
		s.unable(o)
		return
	}
	if err := s.begin(heal.Request{Want: control.ActionKind(o.verb), Seen: "ordered by " + o.who, Who: o.who}); err != nil {
		o.reply <- err
		return
	}
	s.ordered = o.reply
	s.parked, s.refusal = "", ""
	s.tellAction(o, string(o.verb)+" was ordered by "+o.who)
	if o.verb == Stop {
		s.rest("stopped by "+o.who, o.who)
		return
	}
	s.monitor(o.who)
}

// able reports whether the control file names a program for an order.
func (s *service) able(verb Verb) bool {
	_, err := healers.Plan(s.spec, control.ActionKind(verb), s.present())
	return err == nil
}

// unable is what remains of an order without its program: the service is watched again, or rests.
func (s *service) unable(o order) {
	if o.verb == Stop {
		s.rest("stopped by "+o.who, o.who)
	} else {
		s.monitor(o.who)
	}
	o.reply <- nil
}

// queue keeps an order for the end of the heal in flight.
func (s *service) queue(o order) {
	if len(s.queued) >= cap(s.orders) {
		o.reply <- errors.New("it is being healed, and other orders wait already")
		return
	}
	s.queued = append(s.queued, o)
}

// unqueue begins the orders that waited for a heal.
func (s *service) unqueue() {
	waited := s.queued
	s.queued = nil
	for _, o := range waited {
		s.act(o)
	}
}

// monitor ends a rest.
func (s *service) monitor(who string) {
	if s.resting == nil {
		return
	}
	s.resting = nil
	s.rules.Forget()
	if err := s.agent.store.setResting(s.spec.Name, nil); err != nil {
		s.log.Warn("that a service is monitored again is not on disk", "error", err)
	}
	s.tellAction(order{verb: Monitor, who: who}, "monitoring was begun by "+who)
}

// unpark gives a service that was given up a new budget: who orders it to be monitored has seen to it.
func (s *service) unpark() {
	if s.parked == "" {
		return
	}
	s.parked, s.refusal = "", ""
	if err := s.agent.engine.Load().Renew(s.spec.Name); err != nil {
		s.log.Warn("that a service may be healed again is not in the journal", "error", err)
	}
}

func (s *service) tellAction(o order, why string) {
	s.agent.emit(dialtone.Event{
		Kind: dialtone.EventAction, Service: s.spec.Name, ServiceKind: s.spec.Kind, From: s.state, To: s.state, Why: why, Who: o.who,
		Turns: []dialtone.Turn{{Type: rules.EventAction, Why: why, Action: string(o.verb)}},
	})
}

// Cycle runs a cycle of every service now, and waits neither for it nor for what comes of it; at its end it says so in the log.
func (a *Agent) Cycle(ctx context.Context) {
	go func() {
		if err := a.Validate(ctx); err != nil {
			a.log.Debug("a cycle that was asked for has not ended", "error", err)
			return
		}
		a.log.Debug("a cycle that was asked for has ended")
	}()
}

// Validate runs a cycle of every service now and returns when each has been looked at, and what was to be done is done: a minute at most.
func (a *Agent) Validate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answers := make(chan error)
	names := a.names()
	for _, name := range names {
		go func() { answers <- a.order(ctx, name, order{verb: validate}) }()
	}
	var failed []error
	for range names {
		failed = append(failed, <-answers)
	}
	if err := a.underway.wait(ctx); err != nil {
		failed = append(failed, fmt.Errorf("what came of this cycle is still under way: %w", err))
	}
	return errors.Join(failed...)
}
