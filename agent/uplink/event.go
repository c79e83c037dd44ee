package uplink

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// encodeEvent returns an event as JSON that a collector takes. What is too long is cut, with a mark: an event that
// arrives short is worth more than one that never does.
func encodeEvent(ev dialtone.Event) []byte {
	text, err := json.Marshal(ev)
	for _, most := range []int{64 << 10, 8 << 10, 512} {
		if err == nil && len(text) <= wire.MaxEvent {
			return text
		}
		text, err = json.Marshal(shortened(ev, most))
	}
	if err != nil { // a time that JSON cannot hold
		text, _ = json.Marshal(dialtone.Event{ID: cut(ev.ID, 512), Kind: ev.Kind, Node: ev.Node, Service: cut(ev.Service, 512), From: ev.From, To: ev.To, Why: cut(ev.Why, 512)})
	}
	return text
}

func shortened(ev dialtone.Event, most int) dialtone.Event {
	ev.ID, ev.Service, ev.Who = cut(ev.ID, 512), cut(ev.Service, 512), cut(ev.Who, 512)
	ev.Rule, ev.RuleText, ev.Why = cut(ev.Rule, most), cut(ev.RuleText, most), cut(ev.Why, most)
	ev.Runbook = cut(ev.Runbook, most)
	ev.Turns = slices.Clone(ev.Turns[:min(len(ev.Turns), 100)])
	for i := range ev.Turns {
		ev.Turns[i].Why = cut(ev.Turns[i].Why, most/16)
	}
	if ev.Heal == nil {
		return ev
	}
	h := *ev.Heal
	h.Output, h.Command, h.Seen, h.Reason = cut(h.Output, most), cut(h.Command, most), cut(h.Seen, most), cut(h.Reason, most)
	ev.Heal = &h
	return ev
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " … (cut)"
}
