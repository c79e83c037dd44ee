package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// A rule's `unmonitor` (or `timeout`) is a quarantine: the service is looked at in its cycles, its alert stands, and nothing is done to
// it, until several looks in a row find it well, a back-off ends, or a person acts. What a person sends to rest is left alone.
var quarantines = []time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

const (
	wellAgainAfter = 3         // looks in a row
	sameTrouble    = time.Hour // a service that is given up again so soon after it came back waits longer
)

// unmonitor is the rule's way to give up: told as parked, because from now on only a person helps, or time.
func (s *service) unmonitor(f rules.Finding) {
	now := time.Now()
	times := 0
	if now.Sub(s.released) < sameTrouble {
		times = s.givenUp
	}
	s.givenUp = min(times+1, len(quarantines))
	until := now.Add(quarantines[s.givenUp-1])
	reason := fmt.Sprintf("%s: unmonitored by its rule at %s; watched again when it is well, or from %s on",
		f.Why, f.Place, until.Format("15:04"))
	s.wellLooks = 0
	s.settleDown(&rest{Why: reason, At: now.UTC(), Until: until.UTC(), Times: s.givenUp})
	s.agent.tellHeal(dialtone.Heal{
		ID: healers.NewID(now), Service: s.spec.Name, Action: string(control.Unmonitor), Rule: f.Place, Seen: f.Why,
		Started: now.UTC(), Outcome: dialtone.HealParked, ExitCode: -1, Reason: reason, Next: until.UTC(),
	})
}

// quarantined reports whether the service rests because a rule gave it up.
func (s *service) quarantined() bool { return s.resting != nil && !s.resting.Until.IsZero() }

// serve is a cycle of a service that rests: one in quarantine is looked at, and let go when its time is over.
func (s *service) serve(ctx context.Context) {
	if !s.quarantined() || !s.schedule.due(time.Now()) {
		s.satisfy()
		return
	}
	if time.Now().After(s.resting.Until) {
		s.release("its back-off has ended")
	}
	s.look(ctx, false)
}

// recovers takes a look at a service in quarantine into account.
func (s *service) recovers(ctx context.Context, seen sighting) {
	if seen.err != nil {
		s.wellLooks = 0
		return
	}
	s.report = seen.report
	s.checked, s.took = seen.at, seen.took
	if s.wellLooks++; !s.rules.Well(seen.report) {
		s.wellLooks = 0
	}
	if s.wellLooks < wellAgainAfter {
		return
	}
	s.release("its check passes again")
	s.look(ctx, true)
}

// release ends a quarantine.
func (s *service) release(why string) {
	s.resting, s.released = nil, time.Now()
	s.rules.Forget()
	if err := s.agent.store.setResting(s.spec.Name, nil); err != nil {
		s.log.Warn("that a service is monitored again is not on disk", "error", err)
	}
	why = "monitoring began again: " + why
	s.agent.emit(dialtone.Event{
		Kind: dialtone.EventAction, Service: s.spec.Name, ServiceKind: s.spec.Kind, From: s.state, To: s.state, Why: why,
		Turns: []dialtone.Turn{{Type: rules.EventAction, Why: why, Action: string(Monitor)}},
	})
	s.publish()
}
