package dashboards

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// seriesView lists everything that is stored.
type seriesView struct {
	Graphs []graph
	Groups part[[]nameGroup]
}

type nameGroup struct {
	Name  string
	Names []string
}

func (p *Pages) seriesPage(ctx context.Context, _ *http.Request) (*page, error) {
	v := seriesView{Graphs: catalog, Groups: read(p, "the names of series", func() ([]nameGroup, error) {
		names, err := p.source.SeriesNames(ctx)
		return byPrefix(names), err
	})}
	return &page{Name: "series", Title: "Series", Nav: "series", Body: v}, nil
}

// byPrefix groups sorted names by their first two words: node_cpu, node_disk, dialtone_process.
func byPrefix(names []string) []nameGroup {
	var groups []nameGroup
	for _, name := range names {
		words := strings.SplitN(name, "_", 3)
		prefix := strings.Join(words[:min(2, len(words))], "_")
		if len(groups) == 0 || groups[len(groups)-1].Name != prefix {
			groups = append(groups, nameGroup{Name: prefix})
		}
		last := &groups[len(groups)-1]
		last.Names = append(last.Names, name)
	}
	return groups
}

// metricView compares one graph over all hosts: drawn together, and in a table with the greatest first.
type metricView struct {
	Graph  graph
	Raw    bool // a stored series, not a graph of the catalog
	How    []spanLink
	Spans  []spanLink
	Window window
	Figure part[figure]
	Hosts  []compareRow
}

type compareRow struct {
	Host, HostHref     string
	Now, Min, Avg, Max string
	last               float64
}

var metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func (p *Pages) metricPage(ctx context.Context, r *http.Request) (*page, error) {
	q := r.URL.Query()
	w, err := p.windowOf(q)
	if err != nil {
		return nil, err
	}
	g, err := p.graphNamed(ctx, r.PathValue("series"), q.Get("how"))
	if err != nil {
		return nil, err
	}
	if g.ID == "" {
		return lost("No series has this name.", "Nothing is stored under it. The list of series has all that is."), nil
	}
	v := metricView{Graph: g, Raw: g.Group == "Series", Spans: spanLinks(r.URL, w.Name), Window: w}
	if v.Raw {
		v.How = howLinks(r.URL, how(g.ID, q.Get("how")))
	}
	v.Figure = read(p, "this graph", func() (figure, error) { return p.comparison(ctx, &v, w) })
	return &page{Name: "metric", Title: g.Name, Nav: "series", Body: v}, nil
}

// graphNamed finds a graph of the catalog, made to compare hosts, or makes one of a stored series. A zero graph means there is neither.
func (p *Pages) graphNamed(ctx context.Context, name, wanted string) (graph, error) {
	if g, ok := graphByID(name); ok {
		first := g.Lines[0]
		if first.By == "" {
			first.By = "instance"
		}
		first.Name = ""
		g.Lines = []graphLine{first}
		return g, nil
	}
	if !metricName.MatchString(name) {
		return graph{}, nil
	}
	names, err := p.source.SeriesNames(ctx)
	if err != nil {
		return graph{}, err
	}
	if !slices.Contains(names, name) {
		return graph{}, nil
	}
	return seriesGraph(name, how(name, wanted)), nil
}

var hows = []string{"avg", "sum", "max", "min"}

// how is the way in which the series of one host become one line: parts of a counter add up, gauges are averaged.
func how(name, wanted string) string {
	if slices.Contains(hows, wanted) {
		return wanted
	}
	if counter(name) {
		return "sum"
	}
	return "avg"
}

func howLinks(u *url.URL, current string) []spanLink {
	links := make([]spanLink, 0, len(hows))
	for _, h := range hows {
		q := u.Query()
		q.Set("how", h)
		links = append(links, spanLink{Name: h, Href: u.EscapedPath() + "?" + q.Encode(), Current: h == current})
	}
	return links
}

// comparison draws all hosts together and fills the table with every line, also those the graph leaves out.
func (p *Pages) comparison(ctx context.Context, v *metricView, w window) (figure, error) {
	found, w, err := p.allHosts(ctx, v.Graph, w)
	if err != nil {
		return figure{}, err
	}
	for _, s := range found {
		v.Hosts = append(v.Hosts, compareRowOf(v.Graph, s, w))
	}
	slices.SortStableFunc(v.Hosts, func(a, b compareRow) int {
		return cmp.Or(cmp.Compare(b.last, a.last), cmp.Compare(a.Host, b.Host))
	})
	pl := p.comparisonPlot(v.Graph, found, w)
	f := figureOf(v.Graph, selection{}, w, pl)
	if v.Raw {
		q := w.query()
		q.Set("how", how(v.Graph.ID, strings.SplitN(v.Graph.Lines[0].Query, " ", 2)[0]))
		f.Source, f.Picture = "/g/"+v.Graph.ID+".json?"+q.Encode(), "/g/"+v.Graph.ID+".png?"+q.Encode()
	}
	return f, nil
}

// allHosts asks for the line of all hosts in a window, or in a shorter one where all of them are young; it returns which.
func (p *Pages) allHosts(ctx context.Context, g graph, w window) (found []Series, in window, err error) {
	err = fit(w, func(w window) (lines []plot.Series, err error) {
		in = w
		found, err = p.source.Range(ctx, g.Lines[0].promql(selection{}, w.Rate), w.From, w.To, w.Step)
		for _, s := range found {
			lines = append(lines, plot.Series{Points: s.Points})
		}
		return lines, err
	})
	return found, in, err
}

func (p *Pages) comparisonPlot(g graph, found []Series, w window) *plot.Plot {
	pl := &plot.Plot{From: w.From, To: w.To, Step: w.Step, Unit: g.Unit, Zone: p.zone}
	lines, hidden := linesOf(graphLine{By: "label"}, named(g.Lines[0], found))
	pl.Series = lines
	p.headline(pl, g, selection{}, hidden)
	if len(lines) > 1 && !pl.Empty() && g.Unit != plot.State {
		pl.Title = highest(g, lines)
	}
	return pl
}

// highest says which line is highest; lines are the greatest first.
func highest(g graph, lines []plot.Series) string {
	most, least := lines[0].Summary(), lines[len(lines)-1].Summary()
	if most.Last == least.Last {
		return fmt.Sprintf("All are at %s.", g.Unit.Format(most.Last))
	}
	return fmt.Sprintf("%s is highest: %s.", lines[0].Name, g.Unit.Format(most.Last))
}

// named gives each line a name of host and, where the graph has one, of the thing on it.
func named(l graphLine, found []Series) []Series {
	out := make([]Series, len(found))
	for i, s := range found {
		out[i] = Series{Labels: map[string]string{"label": lineName(l, s)}, Points: s.Points}
	}
	return out
}

func lineName(l graphLine, s Series) string {
	name := s.Labels["instance"]
	if l.By != "instance" && s.Labels[l.By] != "" {
		name += " " + s.Labels[l.By]
	}
	return name
}

func compareRowOf(g graph, s Series, w window) compareRow {
	host := s.Labels["instance"]
	sum := plot.Series{Points: s.Points}.Summary()
	u := g.Unit
	return compareRow{
		Host: lineName(g.Lines[0], s), HostHref: "/hosts/" + url.PathEscape(host) + "?" + w.query().Encode(), last: sum.Last,
		Now: u.Format(sum.Last), Min: u.Format(sum.Min), Avg: u.Format(sum.Avg), Max: u.Format(sum.Max),
	}
}
