package dashboards

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

// badge is a state as the pages show it: shape, word and color, never color alone.
type badge struct{ Class, Word string }

// glyphs are the shapes on a 12 by 12 field, by class.
var glyphs = map[string]template.HTML{
	"crit":  `<path d="M6 .8 11.6 11H.4z"/>`,
	"warn":  `<path d="M6 .3 11.7 6 6 11.7.3 6z"/>`,
	"ok":    `<circle cx="6" cy="6" r="5"/>`,
	"heal":  `<path d="M4.2.8h3.6v3.4h3.4v3.6H7.8v3.4H4.2V7.8H.8V4.2h3.4z"/>`,
	"none":  `<path d="M.8 4.4h10.4v3.2H.8z"/>`,
	"maint": `<path d="M1.2 1.2h9.6v9.6H1.2z"/>`,
}

func glyph(class string) template.HTML {
	return `<svg class="glyph" viewBox="0 0 12 12" aria-hidden="true">` + glyphs[class] + `</svg>`
}

func stateBadge(s dialtone.State) badge {
	switch s {
	case dialtone.OK:
		return badge{"ok", "OK"}
	case dialtone.Warning:
		return badge{"warn", "Warning"}
	case dialtone.Critical:
		return badge{"crit", "Critical"}
	case dialtone.Unknown:
	}
	return badge{"none", "No data"}
}

func serviceBadge(s dialtone.ServiceStatus) badge {
	switch {
	case !s.Monitored:
		return badge{"maint", "Not watched"}
	case s.Healing:
		return badge{"heal", "Healing"}
	}
	return stateBadge(s.State)
}

// nodeBadge is the worst of its services, or that it does not report.
func nodeBadge(n dialtone.NodeStatus) badge {
	switch {
	case !n.Connected && n.LastSeen.IsZero():
		return badge{"none", "No data"}
	case !n.Connected:
		return badge{"crit", "Silent"}
	}
	worst, healing, watched := dialtone.OK, false, false
	for _, s := range n.Services {
		if !s.Monitored {
			continue
		}
		watched = true
		healing = healing || s.Healing
		if s.State.Worse(worst) && !s.Healing {
			worst = s.State
		}
	}
	switch {
	case healing && !worst.Worse(dialtone.Unknown):
		return badge{"heal", "Healing"}
	case !watched:
		return badge{"ok", "Reports"}
	}
	return stateBadge(worst)
}

func incidentBadge(in dialtone.Incident) badge {
	switch in.State {
	case dialtone.IncidentHealing:
		return badge{"heal", "Healing"}
	case dialtone.IncidentResolved:
		return badge{"ok", "Resolved"}
	case dialtone.IncidentTriggered, dialtone.IncidentAcked:
	}
	return stateBadge(in.Severity)
}

func healBadge(o dialtone.HealOutcome) badge {
	switch o {
	case dialtone.Healed:
		return badge{"ok", "Healed"}
	case dialtone.HealFailed:
		return badge{"crit", "Failed"}
	case dialtone.HealParked:
		return badge{"crit", "Given up"}
	case dialtone.HealRefused:
		return badge{"none", "Refused"}
	case dialtone.HealRunning:
	}
	return badge{"heal", "At work"}
}

func noticeBadge(n dialtone.Notice) badge {
	switch {
	case n.State == dialtone.NoticeDelivered:
		return badge{"ok", "Delivered"}
	case n.State == dialtone.NoticeCanceled:
		return badge{"none", "Overtaken"}
	case n.LastError != "":
		return badge{"warn", "Trying again"}
	}
	return badge{"none", "Waiting"}
}

// eventBadge is the state an event led to; facts without a state have a grey bar.
func eventBadge(e dialtone.Event) badge {
	switch {
	case e.Heal != nil:
		return healBadge(e.Heal.Outcome)
	case e.Kind == dialtone.EventState:
		return stateBadge(e.To)
	}
	return badge{"none", kindWord(e.Kind)}
}

func kindWord(k dialtone.EventKind) string {
	words := map[dialtone.EventKind]string{
		dialtone.EventChange: "Changed", dialtone.EventHeal: "Heal", dialtone.EventAction: "Action", dialtone.EventAgent: "Agent",
		dialtone.EventPage: "Notice", dialtone.EventAck: "Taken", dialtone.EventMute: "Muted", dialtone.EventEscal: "Escalated",
	}
	if word, ok := words[k]; ok {
		return word
	}
	return "Event"
}

// length writes a duration as two units at most: "45 ms", "38 s", "4 min", "2 h 5 min", "3 d 4 h".
func length(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return pair(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return pair(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func pair(a int, unit string, b int, smaller string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unit)
	}
	return fmt.Sprintf("%d %s %d %s", a, unit, b, smaller)
}

// clock writes an instant as short as today allows.
func (p *Pages) clock(at time.Time) string {
	at, now := at.In(p.zone), p.now().In(p.zone)
	switch {
	case at.Year() == now.Year() && at.YearDay() == now.YearDay():
		return at.Format("15:04:05")
	case now.Sub(at).Abs() < 300*24*time.Hour:
		return at.Format("Mon 2 Jan 15:04")
	}
	return at.Format("2 Jan 2006 15:04")
}

func (p *Pages) since(at time.Time) string {
	d := p.now().Sub(at)
	if d < 10*time.Second {
		return "a moment"
	}
	return length(d)
}

// abroad reports whether the site's clock differs from UTC at an instant, so that UTC must stand beside it.
func (p *Pages) abroad(at time.Time) bool {
	_, ahead := at.In(p.zone).Zone()
	return ahead != 0
}

// plural writes "1 host", "3 hosts".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// value writes a service's measured value in its unit. Numbers that name something are never rounded.
func value(v dialtone.NamedValue) string {
	switch {
	case v.Name == "pid" || v.Name == "ppid":
		return strconv.FormatFloat(v.Value, 'f', 0, 64)
	case v.Unit == "seconds" && v.Value >= 60 && v.Value < 1e9:
		return length(time.Duration(v.Value) * time.Second)
	}
	return unitOf(v.Unit).Format(v.Value)
}

// mostValues is how many values of a service a row has room for.
const mostValues = 5

// tellingValues names the values of each kind that say how a service is, best first.
var tellingValues = map[string][]string{
	"process":    {"cpu_percent", "memory_bytes", "response_seconds", "uptime_seconds", "pid"},
	"system":     {"cpu_percent", "load1", "memory_percent", "swap_percent", "uptime_seconds"},
	"filesystem": {"space_percent", "space_free_bytes", "inode_percent"},
	"file":       {"size_bytes", "age_seconds"},
	"directory":  {"age_seconds"},
	"host":       {"response_seconds"},
	"program":    {"status", "took_seconds"},
}

// values are those of a service that tell most. Kinds that are not known here show their first ones.
func values(s dialtone.ServiceStatus) []dialtone.NamedValue {
	names, ok := tellingValues[s.Kind]
	if !ok {
		return s.Values[:min(mostValues, len(s.Values))]
	}
	var found []dialtone.NamedValue
	for _, name := range names {
		if i := slices.IndexFunc(s.Values, func(v dialtone.NamedValue) bool { return v.Name == name }); i >= 0 {
			found = append(found, s.Values[i])
		}
	}
	return found
}

// breakable lets a line break after each slash of a path, before it breaks inside a name.
func breakable(text string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(text), "/", "/<wbr>")) //nolint:gosec // escaped first; a slash is no part of an escape
}

func unitOf(name string) plot.Unit {
	switch name {
	case "bytes":
		return plot.Bytes
	case "seconds":
		return plot.Seconds
	case "percent", "%":
		return plot.Percent
	case "bytes/s", "bytes_per_second":
		return plot.BytesPerSecond
	}
	return plot.Number
}

// sentence gives text a capital letter and a full stop, as prose needs and errors do not have.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// valueName makes a value's name readable: "memory_bytes" of unit bytes is "memory".
func valueName(v dialtone.NamedValue) string {
	name := strings.TrimSuffix(v.Name, "_"+v.Unit)
	return strings.ReplaceAll(name, "_", " ")
}

func (p *Pages) funcs() template.FuncMap {
	return template.FuncMap{
		"glyph":         glyph,
		"serviceBadge":  serviceBadge,
		"nodeBadge":     nodeBadge,
		"incidentBadge": incidentBadge,
		"healBadge":     healBadge,
		"noticeBadge":   noticeBadge,
		"eventBadge":    eventBadge,
		"clock":         p.clock,
		"since":         p.since,
		"length":        length,
		"plural":        plural,
		"sentence":      sentence,
		"value":         value,
		"valueName":     valueName,
		"values":        values,
		"breakable":     breakable,
		"rfc3339":       func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"utc":           func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"past":          func(t time.Time) bool { return !t.IsZero() && t.Before(p.now()) },
		"known":         func(v float64) bool { return !math.IsNaN(v) },
		"abroad":        p.abroad,
	}
}
