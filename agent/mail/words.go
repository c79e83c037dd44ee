package mail

import (
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/rules"
)

// words are what the variables of a mail-format stand for.
type words struct{ event, service, date, host, action, description string }

func (w words) expand(text string) string {
	return strings.NewReplacer("$EVENT", w.event, "$SERVICE", w.service, "$DATE", w.date, "$HOST", w.host,
		"$ACTION", w.action, "$DESCRIPTION", w.description).Replace(text)
}

// words tells the letter in Monit's terms. Of an outage that was healed before anybody was told, the event is the failure: that is
// what its receiver asked for.
func (l letter) words(e dialtone.Event) words {
	m := l.matter
	w := words{
		service: e.Service, date: l.at.Local().Format(time.RFC1123Z), host: e.Node, action: "alert", description: e.Why,
	}
	if w.service == "" {
		w.service = e.Node
	}
	if m.Over != nil && !l.known {
		w.description = m.Broke.Why + "; " + m.Over.Why
		e = *m.Broke
	}
	w.event, w.action = eventName(e, m)
	return w
}

func eventName(e dialtone.Event, m matter) (name, action string) {
	if len(e.Turns) > 0 {
		t := e.Turns[0]
		name, action = rules.EventName(t.Type, t.Failed), t.Action
		if e.Kind == dialtone.EventChange {
			name = rules.ChangeName(t.Type)
		}
		if action == "" {
			action = "alert"
		}
		return name, action
	}
	switch {
	case e.Kind == dialtone.EventAgent:
		return rules.EventName("instance", true), "alert"
	case e.Kind == dialtone.EventAction:
		return rules.EventName("action", false), "alert"
	case e.Kind == dialtone.EventHeal:
		return rules.EventName("timeout", true), "unmonitor"
	case len(m.Types) > 0:
		return rules.EventName(m.Types[0], e.To != dialtone.OK), "alert"
	}
	return string(e.Kind), "alert"
}
