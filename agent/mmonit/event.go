package mmonit

import (
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/control"
)

const (
	itself     = "Monit" // the service of events about the agent itself: what readers of the format look for
	maxMessage = 4 << 10
)

// toldOf is what M/Monit hears of an event: one for each rule that turned, as Monit has it.
func toldOf(e dialtone.Event) []statusdoc.Event {
	if e.Kind == dialtone.EventAgent {
		return []statusdoc.Event{{At: e.At, Service: itself, Type: "instance", Changed: true, Action: actionOfAgent(e.Why), Message: bounded(e.Why)}}
	}
	var told []statusdoc.Event
	for _, t := range e.Turns {
		message := t.Why
		if message == "" {
			message = e.Why
		}
		told = append(told, statusdoc.Event{
			At: e.At, Service: e.Service, Kind: e.ServiceKind, Type: t.Type, Failed: t.Failed, Changed: e.Kind == dialtone.EventChange,
			Action: control.ActionKind(t.Action), Message: bounded(message),
		})
	}
	return told
}

// actionOfAgent: M/Monit shows starts and stops by their actions.
func actionOfAgent(why string) control.ActionKind {
	switch {
	case strings.HasSuffix(why, "stopped"):
		return control.Stop
	case strings.Contains(why, "started"):
		return control.Start
	}
	return control.Alert
}

func bounded(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}
