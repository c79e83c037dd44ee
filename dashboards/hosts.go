package dashboards

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
	"golang.org/x/sync/errgroup"
)

// hostsView is the table of hosts.
type hostsView struct {
	Line  string
	Hosts part[[]hostRow]
	Fault string // why the meters are missing
}

// hostRow is one host with its meters in percent; NaN is no data.
type hostRow struct {
	dialtone.NodeStatus
	CPU, Memory, Disk float64
	Well, Watched     int
}

func (p *Pages) hostsPage(ctx context.Context, _ *http.Request) (*page, error) {
	meters, fault := p.meters(ctx)
	v := hostsView{Fault: fault, Hosts: read(p, "the hosts", func() ([]hostRow, error) {
		nodes, err := p.source.Nodes(ctx)
		return hostRows(nodes, meters), err
	})}
	if v.Hosts.Fault == "" {
		v.Line = hostsLine(v.Hosts.Data)
	}
	return &page{Name: "hosts", Title: "Hosts", Nav: "hosts", Live: "hosts", Body: v}, nil
}

func hostsLine(rows []hostRow) string {
	silent := 0
	for _, row := range rows {
		if !row.Connected {
			silent++
		}
	}
	switch {
	case len(rows) == 0:
		return "No node has reported yet."
	case silent == 0 && len(rows) == 1:
		return "The host reports."
	case silent == 0:
		return "All " + plural(len(rows), "host") + " report."
	case silent == 1:
		return "1 of " + plural(len(rows), "host") + " is silent."
	}
	return plural(silent, "host") + " are silent."
}

// hostRows puts the hosts that need somebody first.
func hostRows(nodes []dialtone.NodeStatus, meters map[string]map[string]float64) []hostRow {
	rows := make([]hostRow, 0, len(nodes))
	for _, n := range nodes {
		n.Services = servicesWorstFirst(n.Services)
		row := hostRow{NodeStatus: n, CPU: meter(meters, "cpu", n.Name), Memory: meter(meters, "memory", n.Name), Disk: meter(meters, "disk", n.Name)}
		for _, s := range n.Services {
			if !s.Monitored {
				continue
			}
			row.Watched++
			if s.State == dialtone.OK {
				row.Well++
			}
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b hostRow) int {
		return cmp.Or(cmp.Compare(weight(a.NodeStatus), weight(b.NodeStatus)), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

// weight is smaller the more a host needs somebody.
func weight(n dialtone.NodeStatus) int {
	return slices.Index([]string{"crit", "warn", "none", "heal", "ok"}, nodeBadge(n).Class)
}

func meter(all map[string]map[string]float64, which, host string) float64 {
	if v, ok := all[which][host]; ok {
		return v
	}
	return math.NaN()
}

// meterQueries each return one value between 0 and 100 for each host.
var meterQueries = map[string]string{
	"cpu":    `100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m])))`,
	"memory": `100 * (1 - max by (instance) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes))`,
	"disk":   `100 * max by (instance) ` + fullness(onDisk),
}

// meters asks for the newest values of all hosts at once.
func (p *Pages) meters(ctx context.Context) (map[string]map[string]float64, string) {
	all := map[string]map[string]float64{}
	at := p.now()
	for which, query := range meterQueries {
		found := read(p, "the meters", func() ([]Series, error) { return p.source.Range(ctx, query, at, at, time.Minute) })
		if found.Fault != "" {
			return all, found.Fault
		}
		all[which] = map[string]float64{}
		for _, s := range found.Data {
			if n := len(s.Points); n > 0 {
				all[which][s.Labels["instance"]] = s.Points[n-1].Value
			}
		}
	}
	return all, ""
}

// hostView is one host: its services, then everything measured on it.
type hostView struct {
	Node      dialtone.NodeStatus
	Incidents part[[]dialtone.Incident]
	Spans     []spanLink
	Window    window
	Groups    []figureGroup
	Munin     string // address of its Munin graphs; empty: it runs none of Munin's plugins
}

// figureGroup is a heading with its graphs; each graph stands in the window asked for and in the next longer one.
type figureGroup struct {
	Name  string
	Pairs []figurePair
}

type figurePair struct {
	ID, Name, Compare string
	Figures           []figure
}

func (p *Pages) hostPage(ctx context.Context, r *http.Request) (*page, error) {
	host := r.PathValue("host")
	nodes, err := p.source.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(nodes, func(n dialtone.NodeStatus) bool { return n.Name == host })
	if i < 0 {
		return lost("No host has this name.", "No agent with this name has ever reported here. The list of hosts has all that did."), nil
	}
	w, err := p.windowOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	v := hostView{Node: nodes[i], Spans: spanLinks(r.URL, w.Name), Window: w}
	v.Node.Services = servicesWorstFirst(v.Node.Services)
	v.Incidents = read(p, "the incidents", func() ([]dialtone.Incident, error) {
		return p.source.Incidents(ctx, IncidentFilter{Open: true, Node: host, Limit: 50})
	})
	worstFirst(v.Incidents.Data)
	if hasMunin(v.Node) {
		v.Munin = muninHref(host)
	}
	if r.URL.Query().Get("part") == "" {
		v.Groups = p.hostFigures(ctx, host, w)
	}
	return &page{Name: "host", Title: host, Nav: "hosts", Live: "host/" + host + " incidents", Body: v}, nil
}

// atOnce is how many graphs of one page are asked for at a time: enough to use the machine, few enough to leave some of it.
const atOnce = 4

func (p *Pages) hostFigures(ctx context.Context, host string, w window) []figureGroup {
	windows := []window{w}
	if next, ok := w.longer(); ok {
		windows = append(windows, next)
	}
	told := make([]part[story], len(windows))
	for i, each := range windows {
		told[i] = read(p, "the incidents behind the graphs", func() (story, error) { return p.storyOf(ctx, host, each) })
	}
	drawn := make([][]figure, len(catalog))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, g := range catalog {
		drawn[i] = make([]figure, len(windows))
		for j, each := range windows {
			group.Go(func() error {
				drawn[i][j] = p.hostFigure(ctx, g, selection{Host: host}, each, told[j].Data)
				return nil
			})
		}
	}
	_ = group.Wait() // faults stand in the figures
	return grouped(drawn)
}

func (p *Pages) hostFigure(ctx context.Context, g graph, s selection, w window, told story) figure {
	drawn := read(p, "this graph", func() (figure, error) {
		pl, err := p.draw(ctx, g, s, w, told)
		if err != nil {
			return figure{}, err
		}
		return figureOf(g, s, w, pl), nil
	})
	if drawn.Fault != "" {
		return figure{ID: g.ID + "-" + w.Name, Name: g.Name, Fault: drawn.Fault, Window: w.Name}
	}
	return drawn.Data
}

// grouped puts graphs under their headings. A graph without a figure in any window is left out: not every machine has all.
func grouped(drawn [][]figure) []figureGroup {
	var groups []figureGroup
	for i, g := range catalog {
		if !slices.ContainsFunc(drawn[i], func(f figure) bool { return len(f.Rows) > 0 || f.Fault != "" }) {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Name != g.Group {
			groups = append(groups, figureGroup{Name: g.Group})
		}
		last := &groups[len(groups)-1]
		last.Pairs = append(last.Pairs, figurePair{ID: g.ID, Name: g.Name, Compare: "/metrics/" + g.ID, Figures: distinct(drawn[i])})
	}
	return groups
}

// distinct leaves out a figure that was fitted to the same window as the one before it.
func distinct(figures []figure) []figure {
	return slices.CompactFunc(figures, func(a, b figure) bool {
		return a.Fault == "" && b.Fault == "" && a.from.Equal(b.from) && a.to.Equal(b.to)
	})
}
