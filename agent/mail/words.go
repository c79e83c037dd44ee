package mail

import (
	"strings"
	"time"

	"github.com/dialtone/dialtone"
)

// names are what Monit calls each type of event when it fails and when it succeeds: people filter their mail by these.
var names = map[string][2]string{
	"action":     {"Action failed", "Action done"},
	"bytein":     {"Download bytes exceeded", "Download bytes ok"},
	"byteout":    {"Upload bytes exceeded", "Upload bytes ok"},
	"checksum":   {"Checksum failed", "Checksum succeeded"},
	"connection": {"Connection failed", "Connection succeeded"},
	"content":    {"Content failed", "Content succeeded"},
	"data":       {"Data access error", "Data access succeeded"},
	"exec":       {"Execution failed", "Execution succeeded"},
	"exist":      {"Does exist", "Exist not"},
	"fsflags":    {"Filesystem flags failed", "Filesystem flags succeeded"},
	"gid":        {"GID failed", "GID succeeded"},
	"icmp":       {"Ping failed", "Ping succeeded"},
	"instance":   {"Instance changed", "Instance changed not"},
	"invalid":    {"Invalid type", "Type succeeded"},
	"link":       {"Link down", "Link up"},
	"nonexist":   {"Does not exist", "Exists"},
	"packetin":   {"Download packets exceeded", "Download packets ok"},
	"packetout":  {"Upload packets exceeded", "Upload packets ok"},
	"permission": {"Permission failed", "Permission succeeded"},
	"pid":        {"PID failed", "PID succeeded"},
	"ppid":       {"PPID failed", "PPID succeeded"},
	"resource":   {"Resource limit matched", "Resource limit succeeded"},
	"saturation": {"Saturation exceeded", "Saturation ok"},
	"size":       {"Size failed", "Size succeeded"},
	"speed":      {"Speed failed", "Speed ok"},
	"status":     {"Status failed", "Status succeeded"},
	"timeout":    {"Timeout", "Timeout recovery"},
	"timestamp":  {"Timestamp failed", "Timestamp succeeded"},
	"uid":        {"UID failed", "UID succeeded"},
	"uptime":     {"Uptime failed", "Uptime succeeded"},
}

// changed are the names of types whose `changed` tests fire.
var changed = strings.NewReplacer(" failed", " changed", "Does not exist", "Changed")

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
		name, action = nameOfType(t.Type, t.Failed), t.Action
		if e.Kind == dialtone.EventChange {
			name = changed.Replace(nameOfType(t.Type, true))
		}
		if action == "" {
			action = "alert"
		}
		return name, action
	}
	switch {
	case e.Kind == dialtone.EventAgent:
		return nameOfType("instance", true), "alert"
	case e.Kind == dialtone.EventAction:
		return nameOfType("action", false), "alert"
	case e.Kind == dialtone.EventHeal:
		return nameOfType("timeout", true), "unmonitor"
	case len(m.Types) > 0:
		return nameOfType(m.Types[0], e.To != dialtone.OK), "alert"
	}
	return string(e.Kind), "alert"
}

func nameOfType(t string, failed bool) string {
	n, known := names[t]
	switch {
	case !known:
		return t
	case failed:
		return n[0]
	}
	return n[1]
}
