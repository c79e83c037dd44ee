package dashboards

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
)

// nowView is the first page: is everything working, and if not, what is wrong, who has it, and what heals.
type nowView struct {
	Verdict   verdict
	Incidents part[[]dialtone.Incident]
	Heals     part[[]dialtone.Event]
	Nodes     part[[]dialtone.NodeStatus]
	Busy      part[map[string]*figure] // by the name of the host; only the first hosts have one
}

// verdict is the answer in one line, and one line more.
type verdict struct {
	badge
	Line, More string
}

const (
	recently    = 24 * time.Hour // how far back the first page tells of heals
	recentHeals = 8
)

func (p *Pages) nowPage(ctx context.Context, r *http.Request) (*page, error) {
	v := nowView{
		Incidents: read(p, "the incidents", func() ([]dialtone.Incident, error) {
			return p.source.Incidents(ctx, IncidentFilter{Open: true, Limit: 200})
		}),
		Heals: read(p, "the heals", func() ([]dialtone.Event, error) {
			return p.source.Events(ctx, EventFilter{Kind: dialtone.EventHeal, Since: p.now().Add(-recently), Limit: 10 * recentHeals})
		}),
		Nodes: read(p, "the hosts", func() ([]dialtone.NodeStatus, error) { return p.source.Nodes(ctx) }),
	}
	worstFirst(v.Incidents.Data)
	v.Heals.Data = lastOfEach(v.Heals.Data, recentHeals)
	for i := range v.Nodes.Data {
		v.Nodes.Data[i].Services = servicesWorstFirst(v.Nodes.Data[i].Services)
	}
	slices.SortStableFunc(v.Nodes.Data, func(a, b dialtone.NodeStatus) int { return cmp.Compare(weight(a), weight(b)) })
	if part := r.URL.Query().Get("part"); part == "" || part == "hosts" {
		v.Busy = read(p, "how busy the hosts are", func() (map[string]*figure, error) { return p.busy(ctx, v.Nodes.Data) })
	}
	v.Verdict = p.verdict(v)
	return &page{Name: "now", Title: v.Verdict.Line, Nav: "now", Live: "incidents hosts", Body: v}, nil
}

// worstFirst orders incidents as a person should take them: critical before warning, nobody's before somebody's, old before new.
func worstFirst(all []dialtone.Incident) {
	slices.SortStableFunc(all, func(a, b dialtone.Incident) int {
		return cmp.Or(
			cmp.Compare(urgency(a), urgency(b)),
			a.Began.Compare(b.Began),
		)
	})
}

func urgency(in dialtone.Incident) int {
	rank := 0
	if in.Severity != dialtone.Critical {
		rank++
	}
	switch in.State {
	case dialtone.IncidentTriggered:
	case dialtone.IncidentAcked:
		rank += 2
	case dialtone.IncidentHealing:
		rank += 4
	case dialtone.IncidentResolved:
		rank += 6
	}
	return rank
}

// lastOfEach keeps the newest event of each heal: the one that says how it ended.
func lastOfEach(events []dialtone.Event, most int) []dialtone.Event {
	seen := map[string]bool{}
	var kept []dialtone.Event
	for _, e := range events {
		if e.Heal == nil || seen[e.Node+"\x00"+e.Heal.ID] || len(kept) == most {
			continue
		}
		seen[e.Node+"\x00"+e.Heal.ID] = true
		kept = append(kept, e)
	}
	return kept
}

func servicesWorstFirst(all []dialtone.ServiceStatus) []dialtone.ServiceStatus {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b dialtone.ServiceStatus) int {
		switch {
		case a.Monitored != b.Monitored && !a.Monitored:
			return 1
		case a.Monitored != b.Monitored:
			return -1
		case a.State.Worse(b.State):
			return -1
		case b.State.Worse(a.State):
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return all
}

// verdict says the worst thing that is known. What could not be read is never good news.
func (p *Pages) verdict(v nowView) verdict {
	if v.Incidents.Fault != "" || v.Nodes.Fault != "" {
		return verdict{badge{"none", "No data"}, "What is going on could not be read.", "The parts below say what failed."}
	}
	if len(v.Nodes.Data) == 0 && len(v.Incidents.Data) == 0 {
		return verdict{badge{"none", "No data"}, "No node has reported yet.", "Start an agent on a machine, and it appears here within seconds."}
	}
	more := p.tally(v.Nodes.Data)
	if line, b, ok := openVerdict(v.Incidents.Data); ok {
		return verdict{b, line, more}
	}
	for _, n := range v.Nodes.Data {
		if !n.Connected {
			return verdict{badge{"crit", "Silent"}, fmt.Sprintf("%s has stopped reporting.", n.Name), more}
		}
	}
	if line, b, ok := serviceVerdict(v.Nodes.Data); ok {
		return verdict{b, line, more}
	}
	return verdict{badge{"ok", "OK"}, "Everything works.", more}
}

func openVerdict(open []dialtone.Incident) (string, badge, bool) {
	var nobodys, somebodys, healing []dialtone.Incident
	for _, in := range open {
		switch in.State {
		case dialtone.IncidentTriggered:
			nobodys = append(nobodys, in)
		case dialtone.IncidentAcked:
			somebodys = append(somebodys, in)
		case dialtone.IncidentHealing:
			healing = append(healing, in)
		case dialtone.IncidentResolved:
		}
	}
	broken := len(nobodys) + len(somebodys)
	switch {
	case broken == 1 && len(nobodys) == 1:
		return nobodys[0].Title + ", and nobody has it.", incidentBadge(nobodys[0]), true
	case broken == 1:
		return fmt.Sprintf("%s; %s has it.", somebodys[0].Title, somebodys[0].Owner), incidentBadge(somebodys[0]), true
	case len(nobodys) == broken && broken > 0:
		return fmt.Sprintf("%d things are broken, and nobody has them.", broken), incidentBadge(nobodys[0]), true
	case len(nobodys) > 0:
		return fmt.Sprintf("%d things are broken; nobody has %d of them.", broken, len(nobodys)), incidentBadge(nobodys[0]), true
	case broken > 0:
		return fmt.Sprintf("%d things are broken; somebody has each of them.", broken), incidentBadge(somebodys[0]), true
	case len(healing) > 0:
		return fmt.Sprintf("A healer is at work: %s.", healing[0].Title), badge{"heal", "Healing"}, true
	}
	return "", badge{}, false
}

func serviceVerdict(nodes []dialtone.NodeStatus) (string, badge, bool) {
	count, name, worst := 0, "", dialtone.OK
	for _, n := range nodes {
		for _, s := range n.Services {
			if !s.Monitored || s.State == dialtone.OK {
				continue
			}
			count++
			if s.State.Worse(worst) {
				worst, name = s.State, s.Name+" on "+n.Name
			}
		}
	}
	switch count {
	case 0:
		return "", badge{}, false
	case 1:
		return fmt.Sprintf("%s is %s; nobody needs to act yet.", name, wordFor(worst)), stateBadge(worst), true
	}
	return fmt.Sprintf("%d services are not well; nobody needs to act yet.", count), stateBadge(worst), true
}

func wordFor(s dialtone.State) string {
	if s == dialtone.Unknown {
		return "without data"
	}
	return "in state " + s.String()
}

// tally counts hosts and services in one sentence.
func (p *Pages) tally(nodes []dialtone.NodeStatus) string {
	reporting, services, well := 0, 0, 0
	for _, n := range nodes {
		if n.Connected {
			reporting++
		}
		for _, s := range n.Services {
			if !s.Monitored {
				continue
			}
			services++
			if n.Connected && s.State == dialtone.OK {
				well++
			}
		}
	}
	return fmt.Sprintf("%d of %s, %d of %s well.", reporting, plural(len(nodes), "host")+" reporting", well, plural(services, "service"))
}
