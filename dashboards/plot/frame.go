package plot

import (
	"math"
	"slices"
	"time"
)

// Sizes in CSS pixels.
const (
	textSize   = 12
	lineHeight = 14
	edge       = 8  // free space at the outer edges and between an axis and its labels
	maxLabel   = 18 // runes of a line's label
	axisDay    = 24 // height of a time axis that shows dates only
	axisClock  = 38 // and of one with the clock above the date
)

// frame is a plot's geometry: where time and value fall on the page.
type frame struct {
	left, top, right, bottom float64
	from, to                 time.Time
	low, high                float64
	axis                     Axis
	values                   []float64
	times                    []time.Time
	step                     time.Duration // between time ticks
	labels                   []label
}

// label is the name of a line beside its end.
type label struct {
	text  string
	style Style
	extra bool // not the first line of measured data
	color int  // of the line; 0: that of its style
	end   spot // of the line
	y     float64
}

// leader is the free space between the graph and a label, crossed by a thin line where the label had to move.
const leader = 10

func (p *Plot) frame() *frame {
	width, height := p.size()
	f := &frame{top: lineHeight + 2, from: p.From, to: p.To, axis: p.Axis, values: p.ticks(rows(height))}
	f.low, f.high = f.values[0], f.values[len(f.values)-1]
	for _, v := range f.values {
		f.left = math.Max(f.left, advance(p.Unit.Format(v), textSize, false))
	}
	f.left = math.Ceil(f.left) + edge
	f.labels = p.labels(f)
	f.right = width - edge
	for _, l := range f.labels {
		f.right = math.Min(f.right, width-math.Ceil(advance(l.text, textSize, false))-leader-2)
	}
	f.times, f.step = timeTicks(p.From, p.To, max(2, int((f.right-f.left)/58)), p.zone())
	f.bottom = height - axisClock
	if f.step >= day {
		f.bottom = height - axisDay
	}
	f.placeLabels(p)
	return f
}

// rows is how many steps a value axis has at least: four, or in a low graph as many as leave their labels apart.
func rows(height float64) int {
	return min(max(int((height-axisClock-lineHeight-2)/(2*lineHeight)), 1), 4)
}

// Ticks returns the values of the horizontal lines; the first and the last are the ends of the axis.
func (p *Plot) Ticks() []float64 { return p.frame().values }

// extent returns the least and the greatest value drawn.
func (p *Plot) extent() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for _, pt := range s.Points {
			if p.Axis.holds(pt.Value) {
				low, high = math.Min(low, pt.Value), math.Max(high, pt.Value)
			}
		}
	}
	if low > high {
		return 0, 1
	}
	return low, high
}

func (f *frame) x(at time.Time) float64 {
	span := f.to.Sub(f.from)
	if span <= 0 {
		return f.left
	}
	part := float64(at.Sub(f.from)) / float64(span)
	return f.left + math.Min(math.Max(part, 0), 1)*(f.right-f.left)
}

// y is the height of a value; one beyond the axis is at its edge.
func (f *frame) y(v float64) float64 {
	part := (v - f.low) / (f.high - f.low)
	if f.axis.Log {
		part = math.Log(math.Max(v, f.low)/f.low) / math.Log(f.high/f.low)
	}
	return f.bottom - math.Min(math.Max(part, 0), 1)*(f.bottom-f.top)
}

// labels names every line that has a value and a name, in the order of the series, and then the rules.
func (p *Plot) labels(f *frame) []label {
	var labels []label
	seen := false
	for _, s := range p.Series {
		extra := s.Style == Data && seen
		seen = seen || s.Style == Data
		if _, ok := last(s.Points); ok && s.Name != "" {
			labels = append(labels, label{text: shorten(s.Name, maxLabel), style: s.Style, extra: extra, color: s.Color})
		}
	}
	for _, r := range p.rules(f) {
		if r.Label != "" {
			labels = append(labels, label{text: shorten(r.Label, maxLabel), style: Capacity, color: r.Color})
		}
	}
	return labels
}

// rules are those that the axis holds.
func (p *Plot) rules(f *frame) []Rule {
	var held []Rule
	for _, r := range p.Rules {
		if r.Value >= f.low && r.Value <= f.high {
			held = append(held, r)
		}
	}
	return held
}

func last(points []Point) (Point, bool) {
	for _, pt := range slices.Backward(points) {
		if finite(pt.Value) {
			return pt, true
		}
	}
	return Point{}, false
}

func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// placeLabels puts each label at the end of its line and then pushes them apart, keeping their order from top to bottom.
func (f *frame) placeLabels(p *Plot) {
	i := 0
	for _, s := range p.Series {
		if end, ok := last(s.Points); ok && s.Name != "" {
			f.labels[i].end = spot{f.x(end.At), f.y(end.Value)}
			f.labels[i].y = f.labels[i].end.y
			i++
		}
	}
	for _, r := range p.rules(f) {
		if r.Label != "" {
			f.labels[i].end = spot{f.right, f.y(r.Value)}
			f.labels[i].y = f.labels[i].end.y
			i++
		}
	}
	slices.SortStableFunc(f.labels, func(a, b label) int {
		switch {
		case a.y < b.y:
			return -1
		case a.y > b.y:
			return 1
		}
		return 0
	})
	for i := 1; i < len(f.labels); i++ {
		f.labels[i].y = math.Max(f.labels[i].y, f.labels[i-1].y+lineHeight)
	}
	floor := f.bottom
	for i := range slices.Backward(f.labels) {
		f.labels[i].y = math.Min(f.labels[i].y, floor)
		floor = f.labels[i].y - lineHeight
	}
}

// stretches cuts a line into the parts between its gaps, as points on the page.
func (f *frame) stretches(s Series, step time.Duration) [][]spot {
	var all [][]spot
	var now []spot
	var before time.Time
	for _, pt := range s.Points {
		late := step > 0 && s.Style != Capacity && !before.IsZero() && pt.At.Sub(before) > 2*step+step/2
		drawn := f.axis.holds(pt.Value)
		if late || !drawn {
			all = keep(all, now)
			now = nil
		}
		if drawn && !pt.At.Before(f.from) && !pt.At.After(f.to) {
			now = append(now, spot{f.x(pt.At), f.y(pt.Value)})
			before = pt.At
		}
	}
	return keep(all, now)
}

// keep appends a stretch; one lonely point becomes a dash wide enough to be seen.
func keep(all [][]spot, stretch []spot) [][]spot {
	switch len(stretch) {
	case 0:
		return all
	case 1:
		stretch = []spot{{stretch[0].x - 1, stretch[0].y}, {stretch[0].x + 1, stretch[0].y}}
	}
	return append(all, stretch)
}
