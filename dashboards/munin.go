package dashboards

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

const (
	muninLines  = 12               // of one graph; more cannot be told apart
	muninGraphs = 120              // of one page
	muninHeight = 180              // of a graph; one with many lines has more, for their names
	muninPause  = 10 * time.Minute // between two looks of a plugin, at most; Munin's own is five
)

// muninView is a host's Munin graphs, by category as Munin has them.
type muninView struct {
	Host   string
	Spans  []spanLink
	Groups part[[]muninGroup]
	More   int // graphs that are left out
}

type muninGroup struct {
	Name    string
	Figures []muninFigure
}

// muninFigure is one graph, drawn once and for all: no script changes it.
type muninFigure struct {
	ID, Name, Axis, Info string
	SVG                  template.HTML
	Fault                string
	Rows                 []figureRow
}

// muninGraph is what a plugin said of one of its graphs.
type muninGraph struct {
	Service  string
	Labels   map[string]string
	Fields   []map[string]string // their labels, in the order of drawing
	Category string
}

func (p *Pages) muninPage(ctx context.Context, r *http.Request) (*page, error) {
	host := r.PathValue("host")
	nodes, err := p.source.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(nodes, func(n dialtone.NodeStatus) bool { return n.Name == host }) {
		return lost("No host has this name.", "No agent with this name has ever reported here. The list of hosts has all that did."), nil
	}
	w, err := p.windowOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	v := muninView{Host: host, Spans: spanLinks(r.URL, w.Name)}
	v.Groups = read(p, "the graphs of Munin's plugins", func() ([]muninGroup, error) {
		graphs, err := p.muninGraphs(ctx, host, w)
		if err != nil {
			return nil, err
		}
		if len(graphs) > muninGraphs {
			v.More = len(graphs) - muninGraphs
			graphs = graphs[:muninGraphs]
		}
		return p.muninGroups(ctx, host, graphs, w), nil
	})
	return &page{Name: "munin", Title: "Munin graphs of " + host, Nav: "hosts", Body: v}, nil
}

// hasMunin reports whether a host runs Munin's plugins.
func hasMunin(n dialtone.NodeStatus) bool {
	return slices.ContainsFunc(n.Services, func(s dialtone.ServiceStatus) bool { return s.Kind == "munin" })
}

// muninHref is the page of a host's Munin graphs.
func muninHref(host string) string { return "/hosts/" + url.PathEscape(host) + "/munin" }

// muninGraphs reads how the plugins of a host describe their graphs, the newest description of each.
func (p *Pages) muninGraphs(ctx context.Context, host string, w window) ([]muninGraph, error) {
	described, err := p.newestInfo(ctx, "dialtone_munin_graph_info", host, w, "graph")
	if err != nil {
		return nil, err
	}
	fields, err := p.newestInfo(ctx, "dialtone_munin_field_info", host, w, "graph", "field")
	if err != nil {
		return nil, err
	}
	graphs := make([]muninGraph, 0, len(described))
	for _, labels := range described {
		g := muninGraph{Service: labels["service"], Labels: labels, Category: cmp.Or(labels["category"], "other")}
		for _, field := range fields {
			if field["service"] == g.Service && field["graph"] == labels["graph"] {
				g.Fields = append(g.Fields, field)
			}
		}
		slices.SortFunc(g.Fields, func(a, b map[string]string) int {
			return cmp.Or(cmp.Compare(a["place"], b["place"]), cmp.Compare(a["field"], b["field"]))
		})
		graphs = append(graphs, g)
	}
	slices.SortFunc(graphs, func(a, b muninGraph) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Labels["graph"], b.Labels["graph"]))
	})
	return graphs, nil
}

// newestInfo asks for descriptions in the last hour of a window. Where a plugin changed one, the newest counts.
func (p *Pages) newestInfo(ctx context.Context, name, host string, w window, by ...string) ([]map[string]string, error) {
	query := fmt.Sprintf("last_over_time(%s{instance=%s}[%ds])", name, strconv.Quote(host), int(muninPause.Seconds()))
	found, err := p.source.Range(ctx, query, w.To.Add(-time.Hour), w.To, 5*time.Minute)
	if err != nil {
		return nil, err
	}
	newest := map[string]Series{}
	for _, s := range found {
		parts := []string{s.Labels["service"]}
		for _, label := range by {
			parts = append(parts, s.Labels[label])
		}
		key := strings.Join(parts, "\x00")
		if before, had := newest[key]; len(s.Points) > 0 && (!had || lastAt(before).Before(lastAt(s))) {
			newest[key] = s
		}
	}
	all := make([]map[string]string, 0, len(newest))
	for _, s := range newest {
		all = append(all, s.Labels)
	}
	return all, nil
}

func lastAt(s Series) time.Time { return s.Points[len(s.Points)-1].At }

// muninGroups draws graphs under their categories. All fields of a service are asked for at once.
func (p *Pages) muninGroups(ctx context.Context, host string, graphs []muninGraph, w window) []muninGroup {
	values := map[string]part[muninValues]{}
	var groups []muninGroup
	for _, g := range graphs {
		if _, asked := values[g.Service]; !asked {
			values[g.Service] = read(p, "the values of "+g.Service, func() (muninValues, error) {
				return p.muninValues(ctx, host, g.Service, w)
			})
		}
		if len(groups) == 0 || groups[len(groups)-1].Name != g.Category {
			groups = append(groups, muninGroup{Name: g.Category})
		}
		last := &groups[len(groups)-1]
		last.Figures = append(last.Figures, p.muninFigure(g, values[g.Service]))
	}
	return groups
}

// muninValues are the values of one service in a window, by field.
type muninValues struct {
	window window
	fields map[string][]plot.Point
}

// muninValues asks for them, in a shorter window where all of them are young.
func (p *Pages) muninValues(ctx context.Context, host, service string, w window) (values muninValues, err error) {
	err = fit(w, func(w window) ([]plot.Series, error) {
		function, span := "last_over_time", muninPause
		if w.Step > muninPause {
			function, span = "avg_over_time", w.Step
		}
		query := fmt.Sprintf("%s(dialtone_munin_field{instance=%s,service=%s}[%ds])", function, strconv.Quote(host), strconv.Quote(service), int(span.Seconds()))
		found, err := p.source.Range(ctx, query, w.From, w.To, w.Step)
		if err != nil {
			return nil, err
		}
		values = muninValues{w, make(map[string][]plot.Point, len(found))}
		lines := make([]plot.Series, len(found))
		for i, s := range found {
			values.fields[s.Labels["field"]] = s.Points
			lines[i].Points = s.Points
		}
		return lines, nil
	})
	return values, err
}

func (p *Pages) muninFigure(g muninGraph, values part[muninValues]) muninFigure {
	title := cmp.Or(g.Labels["title"], g.Labels["graph"], g.Service)
	if of := g.Labels["host_name"]; of != "" {
		title += " of " + of
	}
	f := muninFigure{
		ID: "munin-" + anchor(g.Service+"-"+g.Labels["graph"]), Name: title, Axis: g.Labels["vlabel"], Info: g.Labels["info"], Fault: values.Fault,
	}
	if f.Fault != "" {
		return f
	}
	measured, drawn := muninSeries(g, values.Data.fields)
	w, unit, rules := values.Data.window, muninUnit(g), muninRules(g)
	pl := &plot.Plot{
		Title: title, Height: max(muninHeight, 16*(len(drawn)+len(rules))+60), From: w.From, To: w.To, Step: w.Step, Unit: unit, Zone: p.zone,
		Series: drawn, Rules: rules, Axis: muninAxis(g.Labels["args"]),
	}
	f.Rows = rowsOf(measured, muninFormat(g.Labels["printf"], unit))
	var b bytes.Buffer
	if err := pl.SVG(&b); err != nil {
		f.Fault = err.Error()
		return f
	}
	f.SVG = template.HTML(b.String()) //nolint:gosec // plot escapes all text, which a fuzz test holds
	return f
}

// anchor makes a name fit to be an element's id.
func anchor(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, name), "-")
}

// muninUnit is in what a graph counts, as far as it says so in a way that can be read.
func muninUnit(g muninGraph) plot.Unit {
	axis := strings.ToLower(g.Labels["vlabel"])
	switch {
	case axis == "%", strings.HasPrefix(axis, "% "), strings.HasPrefix(axis, "percent"):
		return plot.Percent
	case strings.Contains(g.Labels["args"], "--base 1024") && strings.Contains(axis, "byte") && strings.Contains(axis, "per second"):
		return plot.BytesPerSecond
	case strings.Contains(g.Labels["args"], "--base 1024"):
		return plot.Bytes
	case axis == "seconds", strings.HasSuffix(axis, "(seconds)"):
		return plot.Seconds
	case g.Labels["scale"] == "no":
		return plot.Unscaled
	}
	return plot.Number
}
