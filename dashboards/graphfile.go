package dashboards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// graphFile answers /g/NAME.png, .svg or .json: one graph, for messages, for other programs and for the islands.
func (p *Pages) graphFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		http.Error(w, "ask for NAME.png, NAME.svg or NAME.json", http.StatusNotFound)
		return
	}
	format, ok := formats[name[dot+1:]]
	if !ok {
		http.Error(w, "graphs come as png, svg and json", http.StatusNotFound)
		return
	}
	ctx, cancel := p.reading(r)
	defer cancel()
	pl, err := p.plotNamed(ctx, name[:dot], r.URL.Query())
	switch {
	case errors.Is(err, ErrNotFound):
		http.Error(w, "no such graph, host or incident", http.StatusNotFound)
		return
	case errors.Is(err, errWindow):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		p.log.Warn("a graph could not be drawn", "graph", name, "error", err)
		http.Error(w, fmt.Sprintf("this graph could not be drawn: %v", err), http.StatusServiceUnavailable)
		return
	}
	var b bytes.Buffer
	if err := format.write(pl, &b); err != nil {
		http.Error(w, fmt.Sprintf("this graph could not be written: %v", err), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", format.kind)
	h.Set("Cache-Control", "no-store")
	if format.plain {
		p.send(w, r, http.StatusOK, b.Bytes())
		return
	}
	p.sent(w.Write(b.Bytes()))
}

var formats = map[string]struct {
	kind  string
	write func(*plot.Plot, io.Writer) error
	plain bool // worth packing
}{
	"png":  {"image/png", (*plot.Plot).PNG, false},
	"svg":  {"image/svg+xml", (*plot.Plot).SVGFile, true},
	"json": {"application/json", writeJSON, true},
}

// plotNamed describes a graph of the catalog, of a stored series, or of an incident, as its address says.
func (p *Pages) plotNamed(ctx context.Context, name string, q url.Values) (*plot.Plot, error) {
	if name == "incident" {
		in, err := p.source.Incident(ctx, q.Get("id"))
		if err != nil {
			return nil, err
		}
		return themed(q, 600, 260)(p.incidentPlot(ctx, in))
	}
	w, err := p.windowOf(q)
	if err != nil {
		return nil, err
	}
	if q.Get("host") != "" {
		g, ok := graphByID(name)
		if !ok {
			return nil, ErrNotFound
		}
		told, err := p.storyOf(ctx, q.Get("host"), w)
		if err != nil {
			return nil, err
		}
		return themed(q, 600, 260)(p.draw(ctx, g, selection{Host: q.Get("host"), Service: q.Get("service")}, w, told))
	}
	g, err := p.graphNamed(ctx, name, q.Get("how"))
	if err != nil {
		return nil, err
	}
	if g.ID == "" {
		return nil, ErrNotFound
	}
	found, w, err := p.allHosts(ctx, g, w)
	return themed(q, 720, 280)(p.comparisonPlot(g, found, w), err)
}

// themed gives a plot its size and the theme asked for by ?theme=dark.
func themed(q url.Values, width, height int) func(*plot.Plot, error) (*plot.Plot, error) {
	return func(pl *plot.Plot, err error) (*plot.Plot, error) {
		if err != nil {
			return nil, err
		}
		pl.Width, pl.Height = width, height
		if q.Get("theme") == "dark" {
			pl.Theme = plot.Dark
		}
		return pl, nil
	}
}

// graphJSON is a graph in the shape that the island draws: one row of times, one row of values for each line, null for gaps.
// Times are seconds since 1970.
type graphJSON struct {
	Title  string       `json:"title"`
	Why    string       `json:"why"`
	Unit   plot.Unit    `json:"unit"`
	From   float64      `json:"from"`
	To     float64      `json:"to"`
	Step   float64      `json:"step"`
	Offset int          `json:"offset"` // of the site's clock from UTC, in seconds
	Series []lineJSON   `json:"series"`
	Times  []float64    `json:"times"`
	Values [][]*float64 `json:"values"`
	Ticks  []float64    `json:"ticks"` // of the value axis; first and last are its ends
	Bands  []bandJSON   `json:"bands"`
	Marks  []markJSON   `json:"marks"`
}

type lineJSON struct {
	Name  string `json:"name"`
	Style string `json:"style"`
}

type bandJSON struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Label string  `json:"label"`
}

type markJSON struct {
	At    float64 `json:"at"`
	Label string  `json:"label"`
}

func writeJSON(pl *plot.Plot, w io.Writer) error {
	out := graphJSON{
		Title: pl.Title, Why: pl.Why, Unit: pl.Unit, From: seconds(pl.From), To: seconds(pl.To), Step: pl.Step.Seconds(), Offset: offset(pl),
		Series: []lineJSON{}, Times: []float64{}, Values: [][]*float64{}, Ticks: pl.Ticks(), Bands: []bandJSON{}, Marks: []markJSON{},
	}
	places := int(pl.To.Sub(pl.From)/pl.Step) + 1
	for i := range places {
		out.Times = append(out.Times, seconds(pl.From.Add(time.Duration(i)*pl.Step)))
	}
	for _, s := range pl.Series {
		out.Series = append(out.Series, lineJSON{s.Name, s.Style.String()})
		out.Values = append(out.Values, onGrid(pl, s, places))
	}
	for _, b := range pl.Bands {
		to := b.To
		if to.IsZero() {
			to = pl.To
		}
		out.Bands = append(out.Bands, bandJSON{seconds(b.From), seconds(to), b.Label})
	}
	for _, m := range pl.Marks {
		out.Marks = append(out.Marks, markJSON{seconds(m.At), m.Label})
	}
	return json.NewEncoder(w).Encode(out)
}

// onGrid lays a line on the places of the time axis; a place without a point stays null.
func onGrid(pl *plot.Plot, s plot.Series, places int) []*float64 {
	row := make([]*float64, places)
	for _, pt := range s.Points {
		place := int(pt.At.Sub(pl.From) / pl.Step)
		if place < 0 || place >= places || math.IsNaN(pt.Value) || math.IsInf(pt.Value, 0) {
			continue
		}
		v := pt.Value
		row[place] = &v
	}
	return row
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// offset is how far the site's clock is ahead of UTC at the end of the window, in seconds.
func offset(pl *plot.Plot) int {
	_, ahead := pl.To.In(pl.Zone).Zone()
	return ahead
}
