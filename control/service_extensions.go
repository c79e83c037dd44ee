package control

import (
	"regexp"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
)

// labelName is what Prometheus takes for a label that users may set.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// takenLabels are those that dialtone itself puts on series and events.
var takenLabels = setOf("instance job node service")

// mostLabels bounds what one service adds to each of its series.
const mostLabels = 16

// label parses `label NAME "VALUE"`.
func (p *parser) label(token) {
	name, t := p.name("a label's name")
	value, _ := p.value("a label's value")
	switch {
	case p.failed:
		return
	case !labelName.MatchString(name) || strings.HasPrefix(name, "__"):
		p.warn(t, "letters, digits and _, with no digit at the beginning", "%s is no label name", quote(name))
	case takenLabels[name]:
		p.warn(t, "choose another name", "dialtone sets the label %s itself", quote(name))
	case len(p.service.Labels) == mostLabels:
		p.warn(t, "", "a service has at most %d labels", mostLabels)
	}
	for i, l := range p.service.Labels {
		if l.Name == name {
			p.service.Labels[i].Value = value
			return
		}
	}
	p.service.Labels = append(p.service.Labels, dialtone.Label{Name: name, Value: value})
}

func (p *parser) runbook(token) {
	if page := p.webPage(); !p.failed {
		p.service.Runbook = page
	}
}

var severities = map[string]string{"warning": "warning", "critical": "critical"}

func (p *parser) severity(token) {
	if s, _ := choice(p, "severity", severities); !p.failed {
		p.service.Severity = s
	}
}

func (p *parser) dryRun(token) {
	p.expect("run")
	if !p.failed {
		p.service.DryRun = true
	}
}

var aloneActions = map[string]string{"heal": "heal", "start": "start", "alert": "alert"}

// whenAlone parses `when alone heal|start|alert`.
func (p *parser) whenAlone(token) {
	p.expect("alone")
	if a, _ := choice(p, "action while alone", aloneActions); !p.failed {
		p.service.WhenAlone = a
	}
}

func (p *parser) maintenance(at token) {
	if m := p.span(at); !p.failed {
		p.service.Maintenance = append(p.service.Maintenance, m)
	}
}

// longestMaintenance keeps a slip of the pen from silencing a service for good.
const longestMaintenance = 31 * 24 * time.Hour

// span parses `"CRON" for N hours` and `from TIME to TIME`.
func (p *parser) span(at token) Maintenance {
	m := Maintenance{Pos: p.position(at)}
	if !p.accept("from") {
		m.Cron = p.cron()
		length := p.peek()
		if m.For = p.wait(); !p.failed && m.For > longestMaintenance {
			p.warn(length, "", "a maintenance lasts at most 31 days")
		}
		return m
	}
	m.From = p.instant()
	end := p.peek()
	m.To = p.instant()
	switch length := m.To.Sub(m.From); {
	case p.failed || m.From.IsZero() || m.To.IsZero():
	case length <= 0:
		p.warn(end, "", "the maintenance ends before it begins")
	case length > longestMaintenance:
		p.warn(end, "", "a maintenance lasts at most 31 days")
	}
	return m
}

// instants are the forms of a time, local where they name no zone.
var instants = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02"}

func (p *parser) instant() time.Time {
	s, t := p.value("a time")
	if p.failed {
		return time.Time{}
	}
	for _, form := range instants {
		if at, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return at
		}
	}
	p.warn(t, "write it as 2026-12-01T02:00", "%s is no date and time", quote(s))
	return time.Time{}
}
