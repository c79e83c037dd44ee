package dashboards

import (
	"context"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

const (
	mostBusy   = 12 // hosts with a small graph on the first page
	busyWidth  = 340
	busyHeight = 110 // CSS pixels, of which half is the time axis
)

// busy draws how busy the processors of the first hosts were in the last minutes, by the name of the host. One query asks for all.
func (p *Pages) busy(ctx context.Context, nodes []dialtone.NodeStatus) (map[string]*figure, error) {
	drawn := map[string]*figure{}
	if len(nodes) == 0 {
		return drawn, nil
	}
	var s selection
	for _, n := range nodes[:min(len(nodes), mostBusy)] {
		s.Hosts = append(s.Hosts, n.Name)
	}
	g, _ := graphByID("cpu")
	w := newWindow("now", p.now(), fits[0])
	found, err := p.source.Range(ctx, g.Lines[0].promql(s, w.Rate), w.From, w.To, w.Step)
	if err != nil {
		return nil, err
	}
	of := map[string][]Series{}
	for _, line := range found {
		host := line.Labels["instance"]
		of[host] = append(of[host], line)
	}
	for _, host := range s.Hosts {
		pl := &plot.Plot{From: w.From, To: w.To, Step: w.Step, Unit: g.Unit, Zone: p.zone, Width: busyWidth, Height: busyHeight}
		pl.Series, _ = linesOf(g.Lines[0], of[host])
		p.headline(pl, g, selection{Host: host}, 0)
		f := figureOf(g, selection{Host: host}, w, pl)
		drawn[host] = &f
	}
	return drawn, nil
}
