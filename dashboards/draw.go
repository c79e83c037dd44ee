package dashboards

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

const week = 7 * 24 * time.Hour

// story is what happened while a graph was measured.
type story struct {
	bands []plot.Band
	marks []plot.Mark
}

// draw describes a graph in a window, or in a shorter one where all its figures are young.
func (p *Pages) draw(ctx context.Context, g graph, s selection, w window, told story) (*plot.Plot, error) {
	var pl *plot.Plot
	err := fit(w, func(w window) (lines []plot.Series, err error) {
		if pl, err = p.drawIn(ctx, g, s, w, told); err != nil {
			return nil, err
		}
		return pl.Series, nil
	})
	return pl, err
}

// fit asks for lines in a window, and as long as all of them are young, in a shorter one.
func fit(w window, ask func(window) ([]plot.Series, error)) error {
	lines, err := ask(w)
	if err != nil || !w.young(begin(lines, w)) {
		return err
	}
	for {
		shorter, ok := w.fitted(begin(lines, w))
		if !ok {
			return nil
		}
		w = shorter
		if lines, err = ask(w); err != nil {
			return err
		}
	}
}

// begin is when the first line of measured data begins; without any, what the window must hold.
func begin(lines []plot.Series, w window) time.Time {
	first := w.Holds
	found := false
	for _, line := range lines {
		if sum := line.Summary(); line.Style != plot.LastWeek && sum.Count > 0 && (!found || sum.FirstAt.Before(first)) {
			first, found = sum.FirstAt, true
		}
	}
	return first
}

// drawIn asks for the lines of a graph and describes it. Lines that do not exist on the host are left out.
func (p *Pages) drawIn(ctx context.Context, g graph, s selection, w window, told story) (*plot.Plot, error) {
	pl := &plot.Plot{From: w.From, To: w.To, Step: w.Step, Unit: g.Unit, Zone: p.zone, Bands: told.bands, Marks: told.marks}
	hidden := 0
	for i, l := range g.Lines {
		found, err := p.source.Range(ctx, l.promql(s, w.Rate), w.From, w.To, w.Step)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.Name, err)
		}
		lines, more := linesOf(l, found)
		hidden += more
		pl.Series = append(pl.Series, lines...)
		if i == 0 && g.Past && s.Host != "" && w.To.Sub(w.From) <= 2*24*time.Hour {
			past, err := p.lastWeek(ctx, l, s, w)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", g.Name, err)
			}
			pl.Series = append(pl.Series, past...)
		}
	}
	p.headline(pl, g, s, hidden)
	return pl, nil
}

// linesOf turns what a query found into lines, the greatest first and no more than can be told apart; hidden counts the rest.
func linesOf(l graphLine, found []Series) (lines []plot.Series, hidden int) {
	for _, f := range found {
		name := l.Name
		if l.By != "" {
			name = f.Labels[l.By]
		}
		lines = append(lines, plot.Series{Name: name, Points: f.Points, Style: l.Style})
	}
	slices.SortStableFunc(lines, func(a, b plot.Series) int {
		x, y := a.Summary(), b.Summary()
		return cmp.Or(cmp.Compare(y.Last, x.Last), cmp.Compare(y.Max, x.Max), cmp.Compare(a.Name, b.Name))
	})
	if len(lines) > mostLines {
		return lines[:mostLines], len(lines) - mostLines
	}
	return lines, 0
}

// lastWeek is the line a week before, moved under this week's.
func (p *Pages) lastWeek(ctx context.Context, l graphLine, s selection, w window) ([]plot.Series, error) {
	found, err := p.source.Range(ctx, l.promql(s, w.Rate), w.From.Add(-week), w.To.Add(-week), w.Step)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	moved := make([]plot.Point, len(found[0].Points))
	for i, pt := range found[0].Points {
		moved[i] = plot.Point{At: pt.At.Add(week), Value: pt.Value}
	}
	return []plot.Series{{Name: "last week", Style: plot.LastWeek, Points: moved}}, nil
}

// headline makes the sentence over the graph from its first line.
func (p *Pages) headline(pl *plot.Plot, g graph, s selection, hidden int) {
	pl.Why = g.Help
	if hidden > 0 {
		pl.Why = strings.TrimSpace(fmt.Sprintf("%s Drawn are the %d greatest of %d.", g.Help, mostLines, mostLines+hidden))
	}
	var first plot.Summary
	for _, line := range pl.Series {
		if sum := line.Summary(); line.Style == plot.Data && sum.Count > 0 {
			first = sum
			break
		}
	}
	if first.Count == 0 {
		pl.Title = "No figures for " + strings.ToLower(g.Name[:1]) + g.Name[1:] + " in this window."
		return
	}
	if pl.To.Sub(first.LastAt) > 2*pl.Step+pl.Step/2 {
		pl.Title = fmt.Sprintf("No figures since %s; the last was %s.", p.minute(first.LastAt, pl.To.Sub(pl.From)), pl.Unit.Format(first.Last))
		return
	}
	if pl.Unit == plot.State {
		pl.Title = p.stateLine(pl, s)
		return
	}
	pl.Title = fmt.Sprintf(g.Says, pl.Unit.Format(first.Last), pl.Unit.Format(first.Max), p.minute(first.MaxAt, pl.To.Sub(pl.From)))
	if s.Service != "" && g.Group == "Services" {
		_, rest, _ := strings.Cut(pl.Title, "; ")
		pl.Title = fmt.Sprintf("%s: %s now; %s", s.Service, pl.Unit.Format(first.Last), rest)
	}
	if says, _, ok := strings.Cut(pl.Title, "; "); ok && pl.Unit.Format(first.Last) == pl.Unit.Format(first.Max) {
		pl.Title = says + ", the most in this window."
	}
}

// stateLine says since when the worst service is as it is.
func (p *Pages) stateLine(pl *plot.Plot, s selection) string {
	line := pl.Series[0]
	for _, other := range pl.Series {
		if other.Summary().Last > line.Summary().Last {
			line = other
		}
	}
	now := line.Summary().Last
	since := line.Points[len(line.Points)-1].At
	for _, pt := range slices.Backward(line.Points) {
		if pt.Value != now {
			break
		}
		since = pt.At
	}
	name := cmp.Or(s.Service, line.Name)
	if since.Sub(pl.From) <= pl.Step {
		return fmt.Sprintf("%s has been %s in all of this window.", name, pl.Unit.Format(now))
	}
	return fmt.Sprintf("%s has been %s since %s.", name, pl.Unit.Format(now), p.minute(since, pl.To.Sub(pl.From)))
}

// minute writes an instant within a window.
func (p *Pages) minute(at time.Time, span time.Duration) string {
	if span > 25*time.Hour {
		return at.In(p.zone).Format("15:04 on Mon 2 Jan")
	}
	return at.In(p.zone).Format("15:04")
}

// storyOf reads incidents and heals of a host in a window, to be drawn behind its graphs.
func (p *Pages) storyOf(ctx context.Context, host string, w window) (story, error) {
	var told story
	incidents, err := p.source.Incidents(ctx, IncidentFilter{Node: host, Limit: 100})
	if err != nil {
		return told, err
	}
	for _, in := range incidents {
		if in.Paged || in.State != dialtone.IncidentResolved {
			told.bands = append(told.bands, bandsOf(in, "")...)
		}
	}
	told.bands = joined(told.bands, p.now())
	heals, err := p.source.Events(ctx, EventFilter{Node: host, Kind: dialtone.EventHeal, Since: w.From, Limit: 500})
	if err != nil {
		return told, err
	}
	for _, e := range lastOfEach(heals, 100) {
		told.marks = append(told.marks, plot.Mark{At: e.Heal.Started, Label: e.Heal.Action + " " + e.Service})
	}
	return told, nil
}

// joined makes one band of those that overlap: red on red would say that one time was worse than another.
func joined(bands []plot.Band, now time.Time) []plot.Band {
	end := func(b plot.Band) time.Time {
		if b.To.IsZero() {
			return now
		}
		return b.To
	}
	slices.SortFunc(bands, func(a, b plot.Band) int { return a.From.Compare(b.From) })
	var all []plot.Band
	for _, b := range bands {
		if n := len(all); n > 0 && !b.From.After(end(all[n-1])) {
			if end(b).After(end(all[n-1])) {
				all[n-1].To = b.To
			}
			continue
		}
		all = append(all, b)
	}
	return all
}

// bandsOf are the newest outage of an incident and the one before, if it was opened again.
func bandsOf(in dialtone.Incident, label string) []plot.Band {
	bands := []plot.Band{{From: in.Began, To: in.Resolved, Label: label}}
	if !in.Before.From.IsZero() {
		bands = append(bands, plot.Band{From: in.Before.From, To: in.Before.To})
	}
	return bands
}
