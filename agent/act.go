package agent

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/heal"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
	"github.com/dialtone/dialtone/internal/proc"
)

func (s *service) present() bool {
	return s.report != nil && s.report.Existence == checks.Present
}

// do what a rule asks for.
func (s *service) do(f rules.Finding) {
	if s.resting != nil || !s.mutedUntil.IsZero() {
		return
	}
	switch {
	case repairs(f.Do) && s.spec.Mode == "passive":
	case repairs(f.Do) || f.Do.Next != nil:
		s.repair(f)
	case f.Do.Kind == control.Exec:
		s.exec(f)
	case f.Do.Kind == control.Unmonitor && !s.spec.DryRun:
		s.unmonitor(f)
	}
}

// repair asks for a heal, unless one is under way. What holds it back is told once; where the file names nothing to repair with, the
// state says all there is to say.
func (s *service) repair(f rules.Finding) {
	if s.healing || plain(f.Do) && !healers.Able(s.spec) {
		return
	}
	do, held := s.guard(f.Do)
	h := dialtone.Heal{Action: healers.Words(f.Do), Rule: f.Place, Seen: f.Why, Reason: held}
	if held != "" {
		s.refused(h)
		return
	}
	test := f.Test
	r := heal.Request{
		Service: s.spec, Want: do.Kind, Do: do, Exec: f.Exec, Rule: f.Place, Seen: f.Why, Running: s.present(),
		Passes: func(report *checks.Report) (bool, string) { return rules.Passes(test, report) },
	}
	if test == nil {
		r.Passes = nil
	}
	if s.spec.DryRun {
		s.rehearse(r)
		return
	}
	err := s.begin(r)
	if err != nil && !errors.Is(err, errUnseen) {
		h.Reason = err.Error()
		s.refused(h)
	}
}

// begin claims the service and what depends on it, and heals beside the loop. The heal ends with the agent, not with the loop: what a
// reload does to the service must not cut it short.
func (s *service) begin(r heal.Request) error {
	dependents, err := s.agent.board.claim(s.spec.Name, r.Want)
	if err != nil {
		return err
	}
	r.Service, r.Running, r.Look = s.spec, s.present(), s.looker.look
	r.Free = s.fresh && r.Want != control.Stop
	dead := s.before
	if s.pid > 0 {
		dead = s.pid
	}
	r.Left = func() string { return leftOf(s.agent.config.Left(dead)) }
	r.Env = s.environment(rules.EventName(rules.EventAction, false), r.Seen)
	for _, name := range dependents {
		if other := s.agent.spec(name); other != nil {
			r.Dependents = append(r.Dependents, other)
		}
	}
	s.healing = true
	s.agent.underway.begin()
	s.publish()
	engine, life := s.agent.engine.Load(), s.agent.healing
	go func() {
		a := engine.Heal(life, r)
		s.healed <- a
	}()
	return nil
}

// leftOf names processes that a dead one left behind. They are not ended: they may still serve, and a start fails for other reasons too.
func leftOf(left []proc.Stat) string {
	const most = 5
	if len(left) == 0 {
		return ""
	}
	names := make([]string, 0, most)
	for _, p := range left[:min(most, len(left))] {
		names = append(names, fmt.Sprintf("%d %s", p.PID, p.Comm))
	}
	if more := len(left) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	what := fmt.Sprintf("%d processes of the dead one still run and may hold its port: ", len(left))
	if len(left) == 1 {
		what = "a process of the dead one still runs and may hold its port: "
	}
	return what + strings.Join(names, ", ")
}

// resume ends a heal that an earlier run of the agent left open, beside the service's goroutine, which does not run yet. It needs no claim
// to succeed: nothing else heals before, and of two on one chain each only waits and looks.
func (s *service) resume(h dialtone.Heal) {
	_, _ = s.agent.board.claim(s.spec.Name, lastVerb(h))
	s.healing = true
	s.agent.underway.begin()
	s.publish()
	r := heal.Request{Service: s.spec, Want: lastVerb(h), Look: s.looker.look}
	engine, life := s.agent.engine.Load(), s.agent.healing
	go func() { s.healed <- engine.Resume(life, r, h) }()
}

// onHealed takes over what came of a heal. Where something was done, it looks at once; where nothing was, the retry or the next
// cycle asks again.
func (s *service) onHealed(ctx context.Context, a heal.Answer) {
	s.healing = false
	freed := s.agent.board.release(s.spec.Name)
	switch a.Heal.Outcome {
	case dialtone.HealRefused:
		s.refused(a.Heal)
	case dialtone.HealParked:
		s.parked = a.Heal.Reason
	case dialtone.Healed:
		s.refusal = ""
		s.agent.board.set(s.spec.Name, false, true)
		if lastVerb(a.Heal) == control.Stop {
			s.stopped(a.Heal.Rule)
		}
	case dialtone.HealFailed, dialtone.HealRunning:
	}
	s.fresh = s.fresh && !a.Acted
	if a.Acted {
		s.rules.Renewed()
	}
	if a.Acted && lastVerb(a.Heal) != control.Stop && s.ordered == nil {
		s.rules.Acted()
	}
	s.settle(answerOf(a))
	if !a.Next.IsZero() {
		s.retry.Reset(time.Until(a.Next))
	}
	s.publish()
	s.unqueue()
	if a.Acted {
		s.agent.poke(freed)
		s.look(ctx, true)
	}
}

// stopped: what depends on a service that was stopped on purpose is held as if it were down.
func (s *service) stopped(rule string) {
	if s.ordered == nil && s.resting == nil {
		s.rest("stopped by its rule at "+rule, "")
	}
	s.report = nil
	s.agent.board.set(s.spec.Name, true, false)
}

// settle answers the person whose order the heal was.
func (s *service) settle(err error) {
	if s.ordered != nil {
		s.ordered <- err
		s.ordered = nil
	}
}

// answerOf is the outcome of a heal for the person who ordered it.
func answerOf(a heal.Answer) error {
	if a.Heal.Outcome == dialtone.Healed {
		return nil
	}
	text := a.Heal.Reason
	if text == "" {
		text = "ended before its outcome was known"
	}
	if output := strings.TrimSpace(a.Heal.Output); output != "" {
		text += "\n" + output
	}
	return errors.New(text)
}

// refused tells why nothing is done, once a reason.
func (s *service) refused(h dialtone.Heal) {
	if h.Reason == s.refusal {
		return
	}
	s.refusal = h.Reason
	now := time.Now()
	if h.ID == "" {
		h.ID, h.Started = healers.NewID(now), now.UTC()
	}
	h.Service, h.Outcome, h.ExitCode = s.spec.Name, dialtone.HealRefused, -1
	s.publish()
	s.agent.tellHeal(h)
}

// exec runs the program of a rule beside the loop. It repairs nothing that could be verified, so it is an action and no heal. A
// program that still runs from an earlier cycle is not started again.
func (s *service) exec(f rules.Finding) {
	if s.spec.DryRun {
		s.tellDry(f)
		return
	}
	o := healers.Order{Action: f.Exec, Env: s.environment(eventOf(s.spec, f), f.Why)}
	a, name, kind, state := s.agent, s.spec.Name, s.spec.Kind, s.state
	if _, running := a.execs.LoadOrStore(f.Exec, true); running {
		s.log.Warn("a rule's program still runs and is not started again", "action", string(f.Exec))
		return
	}
	a.underway.begin()
	a.beside.Go(func() {
		defer a.underway.end()
		defer a.execs.Delete(f.Exec)
		out, err := a.hand.Load().Act(a.healing, o)
		why := fmt.Sprintf("ran %s: exit status %d after %s", out.Command, out.ExitCode, out.Took.Round(time.Millisecond))
		var turns []dialtone.Turn
		switch {
		case err != nil:
			why = "not run: " + err.Error()
			turns = []dialtone.Turn{{Type: rules.EventExec, Failed: true, Why: why, Action: string(control.Exec)}}
		case out.TimedOut:
			why = fmt.Sprintf("killed %s after %s", out.Command, out.Took.Round(time.Millisecond))
		}
		if output := strings.TrimSpace(out.Output); output != "" {
			why += ": " + output
		}
		a.emit(dialtone.Event{
			Kind: dialtone.EventAction, Service: name, ServiceKind: kind, From: state, To: state,
			Why: why, Rule: f.Place, RuleText: f.Text, Turns: turns,
		})
	})
}

// rest ends monitoring, and writes down why. Of a service that a person sends to rest nothing is known any more; one that a rule
// gave up stays as bad as it is.
func (s *service) rest(why, who string) {
	s.settleDown(&rest{Why: why, Who: who, At: time.Now().UTC()})
	if who != "" {
		s.tellState(dialtone.Unknown, rules.Finding{Why: why}, false)
	}
	s.publish()
}

// settleDown ends what goes on around a service that is to rest.
func (s *service) settleDown(r *rest) {
	s.resting = r
	if err := s.agent.store.setResting(s.spec.Name, s.resting); err != nil {
		s.log.Warn("that a service is unmonitored is not on disk", "error", err)
	}
	s.retry.Stop()
	s.stopWith()
	s.pid, s.stopWith = 0, func() {}
	s.publish()
}

// eventOf is Monit's name of what a rule found.
func eventOf(spec *control.Service, f rules.Finding) string {
	kind := rules.EventType(spec, f.Test)
	if f.Change {
		return rules.ChangeName(kind)
	}
	return rules.EventName(kind, f.Failed)
}

// environment is what Monit gives to the programs that it runs. Memory is in KiB, as there.
func (s *service) environment(event, why string) map[string]string {
	env := map[string]string{
		"MONIT_SERVICE": s.spec.Name, "MONIT_EVENT": event, "MONIT_DESCRIPTION": strings.ReplaceAll(why, "\x00", ""),
		"MONIT_DATE": time.Now().Format(time.RFC1123Z), "MONIT_HOST": s.agent.config.Node.Name,
	}
	if s.report == nil {
		return env
	}
	put := func(name, value string, divisor float64) {
		if v, known := s.report.Values[value]; known {
			env[name] = strconv.FormatFloat(v/divisor, 'f', 0, 64)
		}
	}
	switch s.spec.Kind {
	case "process":
		env["MONIT_PROCESS_PID"] = strconv.Itoa(s.report.PID)
		put("MONIT_PROCESS_MEMORY", "memory_bytes", 1024)
		put("MONIT_PROCESS_CHILDREN", "children", 1)
		put("MONIT_PROCESS_CPU_PERCENT", "cpu_percent", 1)
	case "program":
		put("MONIT_PROGRAM_STATUS", "status", 1)
	}
	return env
}
