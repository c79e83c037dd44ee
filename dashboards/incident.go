package dashboards

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dialtone/dialtone"
)

// incidentView is the 3 am page, in the order in which a tired person needs it.
type incidentView struct {
	In       dialtone.Incident
	Place    string // "1 of 3 open"
	NextOpen string // address of the next open incident; empty when there is none
	Effect   string
	Next     string // what to do now
	Figure   part[figure]
	Events   part[[]dialtone.Event]
	Notices  part[[]dialtone.Notice]
	Held     *dialtone.Incident
}

func (p *Pages) incidentPage(ctx context.Context, r *http.Request) (*page, error) {
	in, err := p.source.Incident(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := incidentView{In: in, Next: p.nextStep(in)}
	v.Events = read(p, "the timeline", func() ([]dialtone.Event, error) {
		return p.source.Events(ctx, EventFilter{Incident: in.ID, Limit: 200})
	})
	v.Notices = read(p, "the notices", func() ([]dialtone.Notice, error) { return p.source.Notices(ctx, in.ID) })
	v.Figure = read(p, "the graph", func() (figure, error) { return p.incidentFigure(ctx, in) })
	if in.HeldBy != "" {
		if holder, err := p.source.Incident(ctx, in.HeldBy); err == nil {
			v.Held = &holder
		}
	}
	v.Effect = p.effect(ctx, in)
	v.Place, v.NextOpen = p.place(ctx, in)
	return &page{Name: "incident", Title: in.Title, Nav: "incidents", Live: "incident/" + in.ID, Body: v}, nil
}

func (p *Pages) incidentFigure(ctx context.Context, in dialtone.Incident) (figure, error) {
	pl, err := p.incidentPlot(ctx, in)
	if err != nil {
		return figure{}, err
	}
	f := figureOf(graph{ID: "incident"}, selection{}, p.incidentWindow(in), pl)
	f.Source, f.Picture = "/g/incident.json?id="+in.ID, "/g/incident.png?id="+in.ID
	return f, nil
}

// effect says how far the problem reaches: how bad, and what else stands on the broken service.
func (p *Pages) effect(ctx context.Context, in dialtone.Incident) string {
	if in.Service == "" {
		return fmt.Sprintf("Nothing is known about %s while it is silent; it cannot be told whether its services work.", in.Node)
	}
	text := "A rule is broken; no caller should notice yet."
	if in.Severity == dialtone.Critical {
		text = fmt.Sprintf("%s on %s does not work.", in.Service, in.Node)
	}
	if in.State == dialtone.IncidentResolved {
		text = fmt.Sprintf("None any more; it lasted %s.", length(in.Resolved.Sub(in.Began)))
	}
	nodes, err := p.source.Nodes(ctx)
	if err != nil {
		return text
	}
	if leaning := dependents(nodes, in); len(leaning) > 0 {
		text += " " + strings.Join(leaning, ", ") + dependWord(len(leaning)) + " on it."
	}
	return text
}

func dependWord(n int) string {
	if n == 1 {
		return " depends"
	}
	return " depend"
}

func dependents(nodes []dialtone.NodeStatus, in dialtone.Incident) []string {
	var names []string
	for _, n := range nodes {
		if n.Name != in.Node {
			continue
		}
		for _, s := range n.Services {
			if slices.Contains(s.DependsOn, in.Service) {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// nextStep says what a person should do now, or that nothing needs doing.
func (p *Pages) nextStep(in dialtone.Incident) string {
	heal := in.LastHeal
	switch {
	case in.State == dialtone.IncidentResolved && heal != nil && heal.Outcome == dialtone.Healed:
		return "Nothing. The healer repaired it."
	case in.State == dialtone.IncidentResolved:
		return "Nothing. It is over."
	case in.HeldBy != "":
		return "Look at the host first: this is not paged while the host's own incident is open."
	case in.State == dialtone.IncidentHealing && !in.HoldUntil.IsZero():
		return fmt.Sprintf("Wait: a healer has until %s. If it fails, people are paged.", p.clock(in.HoldUntil))
	case in.State == dialtone.IncidentHealing:
		return "Wait: a healer is at work."
	case in.Service == "":
		return fmt.Sprintf("Find out whether %s is up: its console, its network, then its agent.", in.Node)
	case heal != nil && heal.Outcome == dialtone.HealParked:
		return fmt.Sprintf("Healing has been given up. Mend the cause shown in the output, then run: dialtone-agent start %s", in.Service)
	case heal != nil:
		return "The healer has not succeeded. Read its output below and mend the cause."
	}
	return fmt.Sprintf("No healer acted. Look at %s on %s.", in.Service, in.Node)
}

// place says which of the open incidents this is, and leads to the next one.
func (p *Pages) place(ctx context.Context, in dialtone.Incident) (text, next string) {
	open, err := p.source.Incidents(ctx, IncidentFilter{Open: true, Limit: 200})
	if err != nil || !in.State.Open() {
		return "", ""
	}
	worstFirst(open)
	at := slices.IndexFunc(open, func(other dialtone.Incident) bool { return other.ID == in.ID })
	if at < 0 || len(open) < 2 {
		return "", ""
	}
	return fmt.Sprintf("%d of %d open", at+1, len(open)), "/i/" + open[(at+1)%len(open)].ID
}

// incidentsView lists what happened.
type incidentsView struct {
	Incidents part[[]dialtone.Incident]
	Line      string
	More      string
}

func (p *Pages) incidentsPage(ctx context.Context, _ *http.Request) (*page, error) {
	v := incidentsView{Incidents: read(p, "the incidents", func() ([]dialtone.Incident, error) {
		return p.source.Incidents(ctx, IncidentFilter{Limit: 500})
	})}
	v.Line, v.More = incidentsLine(v.Incidents)
	return &page{Name: "incidents", Title: "Incidents", Nav: "incidents", Live: "incidents", Body: v}, nil
}

func incidentsLine(all part[[]dialtone.Incident]) (line, more string) {
	if all.Fault != "" {
		return "The incidents could not be read.", ""
	}
	if len(all.Data) == 0 {
		return "Nothing has broken yet.", ""
	}
	open, unpaged := 0, 0
	for _, in := range all.Data {
		switch {
		case in.State.Open():
			open++
		case !in.Paged:
			unpaged++
		}
	}
	more = fmt.Sprintf("Of the last %s, %d ended without anybody being paged.", plural(len(all.Data), "incident"), unpaged)
	if open == 0 {
		return "Nothing is open.", more
	}
	return isAre(open) + " open.", more
}

func isAre(n int) string {
	if n == 1 {
		return "1 incident is"
	}
	return fmt.Sprintf("%d incidents are", n)
}
