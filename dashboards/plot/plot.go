// Package plot draws one description of a graph as SVG for pages and as PNG for Slack and mail, so that all three agree.
//
//	Plot ─► frame (scales, ticks, label places) ─► drawing (shapes with a paint) ─┬─► SVG: the paint is a class
//	                                                                             └─► PNG: the paint is a color
//
// The visual rules: one data color, last week grey and dashed, capacity in the warning color, lines labeled at their end
// instead of a legend, y from 0, gaps drawn as gaps, an incident as a red band, a heal as a violet tick, 24 hours, one zone.
package plot

import "time"

// Style says what a line is, which decides how it looks. The zero value is measured data.
type Style uint8

// The styles of lines.
const (
	Data     Style = iota // measured in the window
	LastWeek              // the same, a week before
	Capacity              // what it must not reach
)

// String returns the word that the JSON form of a graph uses.
func (s Style) String() string {
	switch s {
	case Data:
		return "data"
	case LastWeek:
		return "lastweek"
	case Capacity:
		return "capacity"
	}
	return "data"
}

// Point is one value of a line. A NaN or infinite value is a gap.
type Point struct {
	At    time.Time
	Value float64
}

// Series is one line. Name is its label, Points are in the order of time.
type Series struct {
	Name   string
	Points []Point
	Style  Style
	Color  int  // 1 to Colors: of a graph whose many lines are told apart by color; 0: the color of its style
	Filled bool // with a Color: the area between the line and 0 is filled; what comes later in the plot lies on top
}

// Colors is how many colors there are for lines that must be told apart.
const Colors = 8

// Ink is one color more, that of text: for a line that is the sum of the others.
const Ink = Colors + 1

// Rule is a line across the graph at one value. It does not widen the axis: one beyond the axis is left out.
type Rule struct {
	Value float64
	Label string // at its end; may be empty
	Color int    // 1 to Colors; 0: the color of what must not be reached
}

// Axis says where the axis of values ends. The zero value fits what is drawn and holds 0.
type Axis struct {
	Low, High *float64 // what it holds at least, instead of 0; nil: as the data is
	Rigid     bool     // it ends exactly there, and what is beyond is drawn at its edge
	Log       bool     // it is logarithmic; what is not above 0 is a gap
}

// Band is a stretch of time that was an incident. A zero To means that it still lasts.
type Band struct {
	From, To time.Time
	Label    string
}

// MarkKind says what happened at a mark.
type MarkKind uint8

// The kinds of marks.
const (
	Heal MarkKind = iota
	Deploy
)

// Mark is an instant at which something was done.
type Mark struct {
	At    time.Time
	Kind  MarkKind
	Label string
}

// Theme is the background that a picture is made for. SVG in a page ignores it: the page's own colors apply.
type Theme uint8

// The themes.
const (
	Light Theme = iota
	Dark
)

// Plot describes one graph. The zero value draws an empty frame that says so.
type Plot struct {
	Title  string // a sentence with a verdict, not a noun
	Why    string // one sentence that helps to read it; may be empty
	Series []Series
	Rules  []Rule
	Axis   Axis
	Bands  []Band
	Marks  []Mark
	From   time.Time
	To     time.Time
	Step   time.Duration // distance of points; more than two of them without a point is a gap; 0: only NaN is
	Unit   Unit
	Zone   *time.Location // of the time axis; nil: UTC
	Theme  Theme
	Width  int // CSS pixels; 0: 400
	Height int // CSS pixels without headline; 0: 180
}

const (
	defaultWidth  = 400
	defaultHeight = 180
)

func (p *Plot) size() (width, height float64) {
	width, height = defaultWidth, defaultHeight
	if p.Width > 0 {
		width = float64(p.Width)
	}
	if p.Height > 0 {
		height = float64(p.Height)
	}
	return width, height
}

func (p *Plot) zone() *time.Location {
	if p.Zone == nil {
		return time.UTC
	}
	return p.Zone
}

// Empty reports whether no line has a value in the window.
func (p *Plot) Empty() bool {
	for _, s := range p.Series {
		for _, pt := range s.Points {
			if finite(pt.Value) {
				return false
			}
		}
	}
	return true
}
