package plot

import (
	"strings"
	"time"
)

// spot is a place on the page in CSS pixels, y downwards.
type spot struct{ x, y float64 }

// paint names a color. In a page it is a class of the style sheet, in a picture a color of the palette.
type paint string

const (
	paper    paint = "p-paper"
	ink      paint = "p-ink"
	muted    paint = "p-muted"
	grid     paint = "p-grid"
	axis     paint = "p-axis"
	dataLine paint = "p-data"
	moreLine paint = "p-more" // further lines of measured data
	areaFill paint = "p-area"
	pastLine paint = "p-past"
	capLine  paint = "p-cap"
	bandFill paint = "p-band"
	bandText paint = "p-crit"
	healTick paint = "p-heal"
	depTick  paint = "p-deploy"
)

// shape is one thing to draw: a filled polygon, a line, or text.
type shape interface{ isShape() }

type fill struct {
	paint paint
	spots []spot
}

type line struct {
	paint paint
	spots []spot
	width float64
	dash  float64 // length of dashes and of the space between; 0: solid
}

type text struct {
	paint  paint
	at     spot // left end of the base line, unless anchor says otherwise
	anchor string
	size   float64
	bold   bool
	words  string
}

func (fill) isShape() {}
func (line) isShape() {}
func (text) isShape() {}

// drawing is a plot turned into shapes, back to front.
type drawing struct {
	width, height float64
	shapes        []shape
}

func (d *drawing) add(s ...shape) { d.shapes = append(d.shapes, s...) }

// graph draws the graph alone, as it stands in a page below its headline.
func (p *Plot) graph() *drawing {
	d := &drawing{}
	d.width, d.height = p.size()
	f := p.frame()
	d.bands(p, f)
	d.axes(p, f)
	d.lines(p, f)
	d.rules(p, f)
	d.marks(p, f)
	d.names(f)
	if p.Empty() {
		d.add(text{paint: muted, at: spot{(f.left + f.right) / 2, (f.top + f.bottom) / 2}, anchor: "middle", size: textSize, words: "no data in this window"})
	}
	return d
}

func (d *drawing) bands(p *Plot, f *frame) {
	for _, b := range p.Bands {
		to := b.To
		if to.IsZero() || to.After(p.To) {
			to = p.To
		}
		if !to.After(p.From) || !b.From.Before(p.To) {
			continue
		}
		left, right := f.x(b.From), f.x(to)
		right = max(right, left+1)
		d.add(fill{bandFill, []spot{{left, f.top}, {right, f.top}, {right, f.bottom}, {left, f.bottom}}})
		d.bandLabel(f, b.Label, left)
	}
}

// bandLabel writes the label above the band, moved left where it would leave the graph.
func (d *drawing) bandLabel(f *frame, words string, left float64) {
	if words == "" {
		return
	}
	at := max(f.left, min(left, f.right-advance(words, textSize, false)))
	d.add(text{paint: bandText, at: spot{at, f.top - 4}, size: textSize, words: words})
}

func (d *drawing) axes(p *Plot, f *frame) {
	for i, v := range f.values {
		y := f.y(v)
		which := grid
		if i == 0 {
			which = axis
		}
		d.add(line{paint: which, spots: []spot{{f.left, y}, {f.right, y}}, width: 1})
		d.add(text{paint: muted, at: spot{f.left - 6, y + 4}, anchor: "end", size: textSize, words: p.Unit.Format(v)})
	}
	d.timeAxis(f)
}

// timeAxis writes clock times under the graph, and the date under the first of them and under each midnight.
func (d *drawing) timeAxis(f *frame) {
	free := 0.0
	for i, at := range f.times {
		x := f.x(at)
		d.add(line{paint: axis, spots: []spot{{x, f.bottom}, {x, f.bottom + 4}}, width: 1})
		d.centered(tickLabel(at, f.step), x, f.bottom+17, &free, 0)
		if f.step < day && i == 0 {
			end := 0.0
			d.centered(date(at), x, f.bottom+31, &end, f.left)
		}
	}
	if f.step >= day {
		return
	}
	free = f.left
	if len(f.times) > 0 {
		free = max(f.left, f.x(f.times[0])-advance(date(f.times[0]), textSize, false)/2) + advance(date(f.times[0]), textSize, false) + edge
	}
	for _, at := range f.times[min(1, len(f.times)):] {
		if at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 {
			d.centered(date(at), f.x(at), f.bottom+31, &free, 0)
		}
	}
}

func date(at time.Time) string { return at.Format("Mon 2 Jan") }

// centered writes words around x, kept inside the drawing, and leaves them out where they would touch the words before.
func (d *drawing) centered(words string, x, y float64, free *float64, least float64) {
	w := advance(words, textSize, false)
	left := max(least, min(x-w/2, d.width-w-1))
	if left < *free {
		return
	}
	*free = left + w + edge
	if left == x-w/2 {
		d.add(text{paint: muted, at: spot{x, y}, anchor: "middle", size: textSize, words: words})
		return
	}
	d.add(text{paint: muted, at: spot{left, y}, size: textSize, words: words})
}

// lines draws capacity and last week first, so that measured data lies on top; the first measured line is filled to the axis.
func (d *drawing) lines(p *Plot, f *frame) {
	for _, style := range []Style{Capacity, LastWeek, Data} {
		first := true
		for _, s := range p.Series {
			if s.Style != style {
				continue
			}
			for _, spots := range f.stretches(s, p.Step) {
				if s.Color > 0 {
					d.colored(f, s, spots)
					continue
				}
				d.stretch(p, f, spots, style, first)
			}
			first = first && s.Color > 0
		}
	}
}

func (d *drawing) stretch(p *Plot, f *frame, spots []spot, style Style, first bool) {
	switch {
	case style == Capacity:
		d.add(line{paint: capLine, spots: spots, width: 1.5})
	case style == LastWeek:
		d.add(line{paint: pastLine, spots: spots, width: 1.25, dash: 4})
	case first:
		if p.Unit != State {
			area := append([]spot{{spots[0].x, f.y(0)}}, spots...)
			d.add(fill{areaFill, append(area, spot{spots[len(spots)-1].x, f.y(0)})})
		}
		d.add(line{paint: dataLine, spots: spots, width: 1.75})
	default:
		d.add(line{paint: moreLine, spots: spots, width: 1.25})
	}
}

// colored draws a line that has a color of its own.
func (d *drawing) colored(f *frame, s Series, spots []spot) {
	stroke, area := colorOf(s.Color)
	width := 1.75
	if s.Filled {
		zero := f.y(0)
		edges := append([]spot{{spots[0].x, zero}}, spots...)
		d.add(fill{area, append(edges, spot{spots[len(spots)-1].x, zero})})
		width = 1
	}
	d.add(line{paint: stroke, spots: spots, width: width})
}

// rules lie on top of areas, which would hide them.
func (d *drawing) rules(p *Plot, f *frame) {
	for _, r := range p.rules(f) {
		stroke := capLine
		if r.Color > 0 {
			stroke, _ = colorOf(r.Color)
		}
		y := f.y(r.Value)
		d.add(line{paint: stroke, spots: []spot{{f.left, y}, {f.right, y}}, width: 1})
	}
}

func (d *drawing) marks(p *Plot, f *frame) {
	for _, m := range p.Marks {
		if m.At.Before(p.From) || m.At.After(p.To) {
			continue
		}
		which := healTick
		if m.Kind == Deploy {
			which = depTick
		}
		x := f.x(m.At)
		d.add(line{paint: which, spots: []spot{{x, f.bottom - 10}, {x, f.bottom + 4}}, width: 2.5})
	}
}

func (d *drawing) names(f *frame) {
	for _, l := range f.labels {
		which := dataLine
		switch {
		case l.color > 0:
			which, _ = colorOf(l.color)
		case l.style == LastWeek:
			which = pastLine
		case l.style == Capacity:
			which = capLine
		case l.extra:
			which = moreLine
		}
		if moved := l.y - l.end.y; moved > 5 || moved < -5 {
			d.add(line{paint: axis, spots: []spot{{max(l.end.x, f.right-2), l.end.y}, {f.right + leader - 2, l.y}}, width: 0.75})
		}
		d.add(text{paint: which, at: spot{f.right + leader, l.y + 4}, size: textSize, words: l.text})
	}
}

const (
	titleSize = 20
	margin    = 16 // around a picture with its headline
)

// poster draws the graph with its headline and its one sentence above, as it stands alone in Slack, in mail and in a file.
func (p *Plot) poster() *drawing {
	width, height := p.size()
	d := &drawing{width: width}
	y := float64(margin)
	for _, words := range wrap(p.Title, titleSize, true, width-2*margin, 2) {
		y += 24
		d.add(text{paint: ink, at: spot{margin, y - 6}, size: titleSize, bold: true, words: words})
	}
	for _, words := range wrap(p.Why, 14, false, width-2*margin, 2) {
		y += 20
		d.add(text{paint: muted, at: spot{margin, y - 4}, size: 14, words: words})
	}
	inner := *p
	inner.Width, inner.Height = int(width)-2*margin, int(height)
	for _, s := range inner.graph().shapes {
		d.add(moved(s, margin, y+edge))
	}
	d.height = y + edge + height + margin/2
	return d
}

func moved(s shape, dx, dy float64) shape {
	move := func(spots []spot) []spot {
		out := make([]spot, len(spots))
		for i, at := range spots {
			out[i] = spot{at.x + dx, at.y + dy}
		}
		return out
	}
	switch s := s.(type) {
	case fill:
		s.spots = move(s.spots)
		return s
	case line:
		s.spots = move(s.spots)
		return s
	case text:
		s.at = spot{s.at.x + dx, s.at.y + dy}
		return s
	}
	return s
}

// wrap breaks words into at most most lines of the width; what does not fit ends in an ellipsis.
func wrap(words string, size float64, bold bool, width float64, most int) []string {
	var lines []string
	now := ""
	for word := range strings.FieldsSeq(words) {
		longer := strings.TrimSpace(now + " " + word)
		if now == "" || advance(longer, size, bold) <= width {
			now = longer
			continue
		}
		lines = append(lines, now)
		now = word
	}
	if now != "" {
		lines = append(lines, now)
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] += " …"
	}
	for i := range lines {
		lines[i] = fit(lines[i], size, bold, width)
	}
	return lines
}

// fit cuts a line that is too wide, a single long word for example.
func fit(words string, size float64, bold bool, width float64) string {
	runes := []rune(words)
	for len(runes) > 1 && advance(string(runes), size, bold) > width {
		runes = append(runes[:len(runes)-2], '…')
	}
	return string(runes)
}
