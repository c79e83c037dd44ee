package agent

import (
	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/control"
)

// turn is what one rule says of the service, under Monit's name for it: what alert filters and M/Monit go by.
func (s *service) turn(f rules.Finding) dialtone.Turn {
	t := dialtone.Turn{Type: rules.EventType(s.spec, f.Test), Failed: f.Failed || f.Change, Why: f.Why, Action: string(control.Alert)}
	if f.Do != nil {
		t.Action = string(f.Do.Kind)
	}
	return t
}

// blind is the turn of a service that nobody could look at.
func blind(why string) dialtone.Turn {
	return dialtone.Turn{Type: rules.EventData, Failed: true, Why: why, Action: string(control.Alert)}
}

// turnsOfHeal are those of a heal that changed nothing for the better.
func turnsOfHeal(h dialtone.Heal) []dialtone.Turn {
	t := dialtone.Turn{Failed: true, Why: h.Reason, Action: h.Action}
	switch h.Outcome {
	case dialtone.HealFailed:
		t.Type = rules.EventExec
	case dialtone.HealParked:
		t.Type = rules.EventTimeout
	case dialtone.HealRunning, dialtone.Healed, dialtone.HealRefused:
		return nil
	}
	return []dialtone.Turn{t}
}
