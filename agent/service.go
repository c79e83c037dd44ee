package agent

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/heal"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// service is one check statement at work. Its goroutine owns everything but the channels, the board and the snapshot.
type service struct {
	agent  *Agent
	spec   *control.Service
	looker *looker
	rules  *rules.Engine
	log    *slog.Logger

	schedule schedule
	interval time.Duration
	tick     *time.Timer
	retry    *time.Timer // the end of a back-off
	due      *time.Timer // when a rule that counts seconds will turn

	maintenance maintenance // its own; the agent has that of all
	mutedUntil  time.Time   // end of the maintenance that holds; zero: none does

	looking  bool
	again    bool // something happened while looking: look once more
	healing  bool
	waiting  []chan error // orders that end with the next sighting
	queued   []order      // what a person ordered during a heal
	ordered  chan error   // the order that the heal in flight answers
	stopWith func()       // ends the watch of the process
	pid      int
	before   int  // the process before that one
	looked   bool // a look has brought a report
	fresh    bool // it did not run when its watch began, and was not started since

	state     dialtone.State
	why       string
	since     time.Time
	checked   time.Time
	took      time.Duration
	report    *checks.Report
	resting   *rest     // nil: monitored
	givenUp   int       // times that a rule gave it up, one after the other
	released  time.Time // the end of the last quarantine
	wellLooks int       // in quarantine, one after the other
	parked    string
	refusal   string // the last reason told for not healing
	position  string

	wake      chan struct{} // the process died, or something next door changed
	sightings chan sighting
	healed    chan heal.Answer
	orders    chan order
	updates   chan update

	seen  atomic.Pointer[view]
	done  chan struct{}
	close context.CancelFunc
}

// sighting is what one look brought.
type sighting struct {
	report *checks.Report
	err    error
	at     time.Time
	took   time.Duration
	extra  bool
}

// update is what a reload changes of a service that stays.
type update struct {
	spec     *control.Service
	interval time.Duration
}

func newService(a *Agent, spec *control.Service, interval time.Duration) *service {
	check, err := a.config.NewCheck(spec)
	if err != nil {
		check = unable{err}
		a.log.Warn("a service cannot be checked here", "service", spec.Name, "error", err)
	}
	if spec.Problem != nil {
		check = beside(spec, check)
		a.log.Warn("a service lacks something on this machine", "service", spec.Name, "set_aside", !spec.Problem.Partial, "why", spec.Problem.Why)
	}
	plan, err := newSchedule(spec.Every)
	if err != nil {
		check = unable{err}
		a.log.Warn("a service cannot be scheduled", "service", spec.Name, "error", err)
	}
	quiet, err := newMaintenance(spec.Maintenance)
	if err != nil {
		check = unable{err}
		a.log.Warn("a service's maintenance cannot be read", "service", spec.Name, "error", err)
	}
	s := &service{
		agent: a, spec: spec, looker: newLooker(check), rules: rules.New(spec), schedule: plan, interval: interval, maintenance: quiet,
		log: a.log.With("service", spec.Name), position: spec.Pos.Place(), since: time.Now(),
		wake: make(chan struct{}, 1), sightings: make(chan sighting, 1), healed: make(chan heal.Answer, 1),
		orders: make(chan order, 4), updates: make(chan update, 1), done: make(chan struct{}), stopWith: func() {},
	}
	s.recall()
	s.publish()
	return s
}

// recall brings back what was written down before the agent's last start.
func (s *service) recall() {
	s.resting = s.agent.store.resting(s.spec.Name)
	if s.agent.rebooted {
		s.onReboot()
	}
	if s.resting != nil { // known, though nobody will look at it: what depends on it need not wait for that
		s.givenUp = s.resting.Times
		s.agent.board.set(s.spec.Name, strings.HasPrefix(s.resting.Why, "stopped"), false)
	}
	parked, err := s.agent.engine.Load().Parked(s.spec.Name)
	if err != nil {
		s.log.Warn("the budget cannot be read", "error", err)
	}
	s.parked = parked
}

// onReboot does what the file says of a machine that has started anew: watch again whatever was (start, also where it says nothing),
// rest (nostart), or leave it as it was (laststate). `mode manual` of older files is nostart, as it is to Monit 5.33.
func (s *service) onReboot() {
	says := cmp.Or(s.spec.OnReboot, s.agent.file.Settings.OnReboot)
	if s.spec.Mode == "manual" {
		says = "nostart"
	}
	switch {
	case says == "laststate":
		return
	case says == "nostart":
		s.resting = &rest{Why: "onreboot nostart: the machine has started anew", At: time.Now().UTC()}
	case s.resting == nil:
		return
	default:
		s.resting = nil
	}
	if err := s.agent.store.setResting(s.spec.Name, s.resting); err != nil {
		s.log.Warn("whether the service rests after a reboot is not on disk", "error", err)
	}
}

// run is the service's goroutine. The first look comes within a second, so that a page is soon full; the later ones are spread.
func (s *service) run(ctx context.Context, delay time.Duration) {
	defer close(s.done)
	s.tick = time.NewTimer(delay + rand.N(min(s.interval, time.Second)))
	s.retry, s.due = time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	s.retry.Stop()
	s.due.Stop()
	defer func() {
		s.tick.Stop()
		s.retry.Stop()
		s.due.Stop()
		s.stopWith()
	}()
	first := true
	for {
		select {
		case <-ctx.Done():
			s.leave()
			return
		case <-s.tick.C:
			pause := s.interval
			if first {
				pause = s.interval/2 + rand.N(s.interval/2+1)
			}
			first = false
			s.tick.Reset(pause)
			s.cycle(ctx)
		case <-s.wake:
			s.look(ctx, true)
			s.agent.underway.end()
		case <-s.retry.C:
			s.look(ctx, true)
		case <-s.due.C:
			s.look(ctx, true)
		case seen := <-s.sightings:
			s.onSighting(ctx, seen)
			s.agent.underway.end()
		case a := <-s.healed:
			s.onHealed(ctx, a)
			s.agent.underway.end()
		case o := <-s.orders:
			s.onOrder(ctx, o)
		case u := <-s.updates:
			s.interval, s.position = u.interval, u.spec.Pos.Place()
			s.rules.Moved(u.spec)
			s.tick.Reset(min(s.interval, time.Second))
		}
	}
}

// leave waits for the heal in flight, which the agent ends in time.
func (s *service) leave() {
	if s.healing {
		a := <-s.healed
		s.agent.board.release(s.spec.Name)
		s.settle(answerOf(a))
	}
	for _, reply := range s.waiting {
		reply <- errStopping
	}
	s.abandon()
}

// abandon takes what this service has under way out of the agent's count.
func (s *service) abandon() {
	for _, open := range []bool{s.healing, s.looking, len(s.wake) > 0} {
		if open {
			s.agent.underway.end()
		}
	}
}

var errStopping = errors.New("the agent is stopping")

// cycle is one turn of the schedule.
func (s *service) cycle(ctx context.Context) {
	if s.resting == nil {
		s.keepMaintenance(time.Now())
	}
	if s.resting != nil {
		s.serve(ctx)
		return
	}
	if !s.schedule.due(time.Now()) {
		s.satisfy()
		return
	}
	for _, f := range s.rules.Limits() {
		if f.Do.Kind == control.Alert {
			s.tellState(s.state, f, false, s.turn(f))
		}
		s.do(f)
	}
	s.look(ctx, false)
}

// look starts a look, unless one is under way or a heal has the check in hand. An extra look then comes later, a cycle's does not.
func (s *service) look(ctx context.Context, extra bool) {
	if s.resting != nil && !s.quarantined() || s.healing || s.agent.board.held(s.spec.Name) {
		s.satisfy()
		return
	}
	if s.looking {
		s.again = s.again || extra
		return
	}
	s.looking = true
	s.agent.underway.begin()
	within := deadline(s.spec) + s.looker.takes()
	go func() {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		report, err := s.looker.look(ctx)
		s.sightings <- sighting{report: report, err: err, at: time.Now(), took: time.Since(began), extra: extra}
	}()
}

// onSighting turns what was seen into a state, events and actions. What was seen of a service that meanwhile rests or is
// being healed says nothing.
func (s *service) onSighting(ctx context.Context, seen sighting) {
	s.looking = false
	again := s.again
	s.again = false
	defer s.satisfy()
	if s.resting != nil && !s.quarantined() || s.healing || s.agent.board.held(s.spec.Name) {
		return
	}
	defer s.publish()
	if s.quarantined() {
		s.recovers(ctx, seen)
		return
	}
	s.checked, s.took = seen.at, seen.took
	if seen.err != nil {
		if !errors.Is(seen.err, errHangs) && ctx.Err() == nil {
			s.tellState(dialtone.Unknown, rules.Finding{Why: seen.err.Error()}, false, blind(seen.err.Error()))
		}
		return
	}
	s.report = seen.report
	s.fresh = !s.present() && (s.fresh || !s.looked)
	s.looked = true
	s.watch(seen.report.PID)
	v := s.rules.Step(rules.Look{Report: seen.report, At: seen.at, Extra: seen.extra})
	s.tell(v)
	s.due.Stop()
	if !v.Due.IsZero() {
		s.due.Reset(time.Until(v.Due))
	}
	for _, f := range v.Findings {
		if f.Do != nil {
			s.do(f)
		}
	}
	if again {
		s.look(ctx, true)
	}
}

// watch follows the process that the check found.
func (s *service) watch(pid int) {
	if pid == s.pid {
		return
	}
	s.stopWith()
	if s.pid > 0 {
		s.before = s.pid
	}
	s.pid = pid
	s.stopWith = s.agent.watch(pid, func() { s.poke() })
}

// poke asks for a look soon. It never blocks, and many pokes are one look.
func (s *service) poke() {
	s.agent.underway.begin()
	select {
	case s.wake <- struct{}{}:
	default:
		s.agent.underway.end()
	}
}

// tell makes events of a verdict: one for each change, one for all that turned.
func (s *service) tell(v rules.Verdict) {
	var turned []string
	var failed, passed []dialtone.Turn
	var lead rules.Finding
	var repair *control.Action
	for _, f := range v.Findings {
		if f.Change {
			e := s.event(dialtone.EventChange, s.state, f)
			e.Turns = []dialtone.Turn{s.turn(f)}
			s.agent.emit(e)
			continue
		}
		if f.Turned {
			turned = append(turned, f.Why)
			if f.Failed {
				failed = append(failed, s.turn(f))
			} else {
				passed = append(passed, s.turn(f))
			}
			if lead.Place == "" || f.Failed && !lead.Failed {
				lead = f
			}
		}
		if repair == nil && f.Do != nil && repairs(f.Do) {
			repair = f.Do
		}
	}
	lead.Why = strings.Join(turned, "; ")
	if lead.Why == "" {
		lead.Why = v.Why
	}
	if v.State == dialtone.OK && lead.Why == "" {
		lead.Why = "every rule passes"
	}
	s.tellState(v.State, lead, repair != nil && s.mayHeal(repair), append(failed, passed...)...)
	s.why = v.Why
}

// event is what a rule says of the service.
func (s *service) event(kind dialtone.EventKind, from dialtone.State, f rules.Finding) dialtone.Event {
	return dialtone.Event{
		Kind: kind, Service: s.spec.Name, ServiceKind: s.spec.Kind, From: from, To: s.state,
		Why: f.Why, Rule: f.Place, RuleText: f.Text, Runbook: f.Runbook, MutedUntil: s.mutedUntil.UTC(),
	}
}

// standing is what is wrong with the service now, as one finding that turned.
func (s *service) standing() rules.Finding {
	lead := rules.Finding{Why: s.why, Turned: true}
	for i, f := range s.rules.Standing() {
		if i == 0 {
			lead.Place, lead.Text, lead.Runbook, lead.Test, lead.Failed = f.Place, f.Text, f.Runbook, f.Test, true
		}
	}
	return lead
}

func bad(state dialtone.State) bool { return state == dialtone.Warning || state == dialtone.Critical }

// tellState records a state, and tells it when it is another one, when a rule turned within it, or when it says for the first time why
// nobody could look.
func (s *service) tellState(to dialtone.State, f rules.Finding, healing bool, turns ...dialtone.Turn) {
	from := s.state
	s.agent.board.set(s.spec.Name, bad(to) && s.rules.Down(), s.report != nil && s.report.Existence == checks.Present)
	unseen := to == dialtone.Unknown && s.why == "" && f.Why != ""
	if from == to && !f.Turned && !unseen {
		return
	}
	if from != to {
		s.state, s.since = to, time.Now()
	}
	s.why = f.Why
	s.publish() // first: who hears of it and asks must not be told the state before
	e := s.event(dialtone.EventState, from, f)
	e.Healing, e.Turns = healing, turns
	s.agent.emit(e)
	if to == dialtone.OK {
		s.wellAgain()
	}
}

// wellAgain forgets what stood against healing, and wakes those who waited for this service.
func (s *service) wellAgain() {
	s.refusal = ""
	s.retry.Stop()
	if s.parked != "" {
		s.parked = ""
		if err := s.agent.engine.Load().Forgive(s.spec.Name); err != nil {
			s.log.Warn("the end of a parking is not in the journal", "error", err)
		}
	}
	s.agent.pokeDependents(s.spec.Name)
}

// satisfy answers those who wait for a look.
func (s *service) satisfy() {
	for _, reply := range s.waiting {
		reply <- nil
	}
	s.waiting = nil
}
