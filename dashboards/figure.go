package dashboards

import (
	"bytes"
	"html/template"
	"net/url"
	"time"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// figure is a graph on a page: headline, drawing, and the figures as a table.
type figure struct {
	ID         string
	Name       string // for the contents
	Compare    string // address of the same graph over all hosts
	Title, Why string
	SVG        template.HTML
	Source     string // address of its JSON, for the island
	Picture    string // address of its PNG
	Fault      string
	Rows       []figureRow
	Window     string
	from, to   time.Time
}

type figureRow struct{ Name, Now, Min, Avg, Max string }

// figureOf writes a described graph. The SVG is safe HTML: its writer escapes every name.
func figureOf(g graph, s selection, w window, pl *plot.Plot) figure {
	f := figure{ID: g.ID + "-" + w.Name, Name: g.Name, Title: pl.Title, Why: pl.Why, Window: w.Name, Rows: rowsOf(pl.Series, pl.Unit.Format), from: pl.From, to: pl.To}
	f.Source, f.Picture = graphLink(g.ID, "json", s, w), graphLink(g.ID, "png", s, w)
	var b bytes.Buffer
	if err := pl.SVG(&b); err != nil {
		f.Fault = err.Error()
		return f
	}
	f.SVG = template.HTML(b.String()) //nolint:gosec // plot escapes all text, which a fuzz test holds
	return f
}

// rowsOf tells lines in figures; format writes one.
func rowsOf(lines []plot.Series, format func(float64) string) []figureRow {
	var rows []figureRow
	for _, s := range lines {
		sum := s.Summary()
		if sum.Count == 0 {
			continue
		}
		rows = append(rows, figureRow{Name: s.Name, Now: format(sum.Last), Min: format(sum.Min), Avg: format(sum.Avg), Max: format(sum.Max)})
	}
	return rows
}

func graphLink(id, format string, s selection, w window) string {
	q := w.query()
	if s.Host != "" {
		q.Set("host", s.Host)
	}
	if s.Service != "" {
		q.Set("service", s.Service)
	}
	return "/g/" + url.PathEscape(id) + "." + format + "?" + q.Encode()
}
