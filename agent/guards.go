package agent

import (
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/heal"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// repairs reports whether an action, or one behind it, acts on the service itself: then the whole chain is a heal.
func repairs(a *control.Action) bool {
	for ; a != nil; a = a.Next {
		if rules.Repairs(a.Kind) {
			return true
		}
	}
	return false
}

// plain reports whether an action is one that Monit has: where the file names no program for it, nothing is to be said.
func plain(a *control.Action) bool {
	return a.Next == nil && (a.Kind == control.Restart || a.Kind == control.Start || a.Kind == control.Stop)
}

// mayHeal reports whether a heal that a rule asks for will be tried, now or after its back-off: then a page can wait for it.
func (s *service) mayHeal(a *control.Action) bool {
	if s.spec.Mode == "passive" || s.spec.DryRun || s.parked != "" || !s.mutedUntil.IsZero() {
		return false
	}
	do, held := s.guard(a)
	if held != "" {
		return false
	}
	_, err := healers.Chain(s.spec, do, "", s.present())
	return err == nil
}

// guard says what is done of an action while the collector is out of reach, where the file wants it otherwise then (`when alone …`), or
// why nothing is.
func (s *service) guard(a *control.Action) (do *control.Action, held string) {
	if s.spec.WhenAlone == "" || s.spec.WhenAlone == "heal" || !s.agent.config.Alone() {
		return a, ""
	}
	switch {
	case s.spec.WhenAlone != "start":
		return nil, "the collector is out of reach, and the file says `when alone " + s.spec.WhenAlone + "`"
	case s.present():
		return nil, "the collector is out of reach, and what runs is left alone then (`when alone start`)"
	}
	return &control.Action{Kind: control.Start}, ""
}

// rehearse tells what a heal would do, once, and writes it down.
func (s *service) rehearse(r heal.Request) {
	engine := s.agent.engine.Load()
	h := engine.Rehearse(r)
	if h.Reason == s.refusal {
		return
	}
	engine.Note(h)
	s.refused(h)
}

// tellDry tells what a rule's program would be.
func (s *service) tellDry(f rules.Finding) {
	f.Why = "dry run: would have run " + strings.Join(f.Do.Exec.Argv, " ")
	s.agent.emit(s.event(dialtone.EventAction, s.state, f))
}

// lastVerb is what a heal was for.
func lastVerb(h dialtone.Heal) control.ActionKind { return healers.Aim(h.Action) }
