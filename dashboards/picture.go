package dashboards

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

// incidentSpan is how much time the graph of an incident shows.
const incidentSpan = 3 * time.Hour

// IncidentPNG draws the graph that tells most about an incident, for a notice: its last hours, with the incident as a band.
func (p *Pages) IncidentPNG(ctx context.Context, in dialtone.Incident) ([]byte, error) {
	pl, err := p.incidentPlot(ctx, in)
	if err != nil {
		return nil, err
	}
	pl.Title, pl.Why = in.Title, in.Why
	pl.Width, pl.Height = 600, 260
	var b bytes.Buffer
	if err := pl.PNG(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// incidentPlot takes the first graph that has figures: the one the rule is about, else the state of the service.
func (p *Pages) incidentPlot(ctx context.Context, in dialtone.Incident) (*plot.Plot, error) {
	w := p.incidentWindow(in)
	told := story{bands: bandsOf(in, "incident")}
	heals, err := p.source.Events(ctx, EventFilter{Incident: in.ID, Kind: dialtone.EventHeal, Limit: 100})
	if err != nil {
		return nil, err
	}
	for _, e := range lastOfEach(heals, 50) {
		told.marks = append(told.marks, plot.Mark{At: e.Heal.Started, Label: e.Heal.Action})
	}
	var pl *plot.Plot
	for _, id := range telling(in) {
		g, _ := graphByID(id)
		s := selection{Host: in.Node}
		if g.Group == "Services" {
			s.Service = in.Service
		}
		if pl, err = p.draw(ctx, g, s, w, told); err != nil {
			return nil, err
		}
		if !pl.Empty() {
			break
		}
	}
	if pl.Unit == plot.State || pl.Empty() {
		pl.Title = p.courseOf(in, pl)
	}
	return pl, nil
}

// courseOf says from when to when an incident was. The newest sample may be older than it, and never says more than the desk knows.
func (p *Pages) courseOf(in dialtone.Incident, pl *plot.Plot) string {
	who, how := in.Service, in.Severity.String()
	if who == "" {
		who, how = in.Node, "silent"
	}
	span := pl.To.Sub(pl.From)
	if in.Resolved.IsZero() {
		return fmt.Sprintf("%s has been %s since %s.", who, how, p.minute(in.Began, span))
	}
	return fmt.Sprintf("%s was %s for %s, from %s.", who, how, length(in.Resolved.Sub(in.Began)), p.minute(in.Began, span))
}

// incidentWindow ends now, or soon after the incident did.
func (p *Pages) incidentWindow(in dialtone.Incident) window {
	end := p.now()
	if after := in.Resolved.Add(30 * time.Minute); !in.Resolved.IsZero() && after.Before(end) {
		end = after
	}
	span := incidentSpan
	if needed := end.Sub(in.Opened) + 30*time.Minute; needed > span {
		span = min(needed, week)
	}
	w := newWindow("incident", end, span)
	w.Holds = in.Opened
	return w
}

// telling names graphs by what the rule speaks of, best first. The state of the service always comes last: it exists for all.
func telling(in dialtone.Incident) []string {
	if in.Service == "" {
		return []string{"cpu", "load", "service-state"}
	}
	rule := strings.ToLower(in.RuleText)
	for _, topic := range []struct{ word, graph string }{
		{"loadavg", "load"}, {"load", "load"}, {"swap", "memory"}, {"space", "disk-space"}, {"inode", "disk-space"}, {"response", "service-check"},
	} {
		if strings.Contains(rule, topic.word) {
			return []string{topic.graph, "service-state"}
		}
	}
	whole := in.ServiceKind == "system"
	switch {
	case strings.Contains(rule, "cpu") && whole:
		return []string{"cpu", "service-state"}
	case strings.Contains(rule, "cpu"):
		return []string{"service-cpu", "service-state"}
	case strings.Contains(rule, "mem") && whole:
		return []string{"memory", "service-state"}
	case strings.Contains(rule, "mem"):
		return []string{"service-memory", "service-state"}
	}
	return []string{"service-state"}
}
