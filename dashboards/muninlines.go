package dashboards

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// muninSeries makes the lines of a graph: measured as they are in its table, drawn as Munin draws them. What is stacked lies on what
// came before it, and the negative of a field is drawn downwards in the field's color.
func muninSeries(g muninGraph, values map[string][]plot.Point) (measured, drawn []plot.Series) {
	colors := newColors(g.Fields)
	base := map[time.Time]float64{}
	var areas, lines []plot.Series
	for i, field := range g.Fields {
		points := values[field["field"]]
		name := cmp.Or(field["label"], field["field"])
		if field["hidden"] != "yes" && len(measured) < muninLines {
			measured = append(measured, plot.Series{Name: name, Points: points})
			s := plot.Series{Name: name, Points: points, Color: colors[i]}
			s.Points, s.Filled = stacked(field["draw"], points, base)
			if s.Filled {
				areas = append(areas, s)
			} else {
				lines = append(lines, s)
			}
		}
		if opposite := negativeOf(g, field); opposite != nil && field["hidden"] != "yes" {
			mirrored := values[opposite["field"]]
			measured = append(measured, plot.Series{Name: name + below, Points: mirrored})
			lines = append(lines, plot.Series{Name: name + below, Points: negated(mirrored), Color: colors[i]})
		}
	}
	slices.Reverse(areas) // the highest of a stack first: those below it are drawn over it
	for _, total := range totals(g, values) {
		measured = append(measured, total)
		if strings.HasSuffix(total.Name, below) {
			total.Points = negated(total.Points)
		}
		total.Color = plot.Ink
		areas = append(areas, total) // over the areas, and under the lines, one of which may be all there is
	}
	return measured, append(areas, lines...)
}

// below marks the name of what is drawn downwards.
const below = " (−)"

// totals are the sum of all fields that a graph shows, and of all that it shows downwards, where it wants them.
func totals(g muninGraph, values map[string][]plot.Point) []plot.Series {
	name := g.Labels["total"]
	if name == "" {
		return nil
	}
	var up, down [][]plot.Point
	for _, field := range g.Fields {
		if field["hidden"] == "yes" {
			continue
		}
		up = append(up, values[field["field"]])
		if opposite := negativeOf(g, field); opposite != nil {
			down = append(down, values[opposite["field"]])
		}
	}
	all := []plot.Series{{Name: name, Points: sumOf(up)}}
	if len(down) > 0 {
		all = append(all, plot.Series{Name: name + below, Points: sumOf(down)})
	}
	return all
}

// sumOf adds lines at each time that one of them has a point; what has none there counts nothing.
func sumOf(lines [][]plot.Point) []plot.Point {
	sums := map[time.Time]float64{}
	for _, points := range lines {
		for _, pt := range points {
			if !math.IsNaN(pt.Value) {
				sums[pt.At] += pt.Value
			}
		}
	}
	all := make([]plot.Point, 0, len(sums))
	for at, v := range sums {
		all = append(all, plot.Point{At: at, Value: v})
	}
	slices.SortFunc(all, func(a, b plot.Point) int { return a.At.Compare(b.At) })
	return all
}

// stacked lays points on those below them where a field is drawn so, and tells whether its area is filled. base is the top of the stack.
func stacked(draw string, points []plot.Point, base map[time.Time]float64) ([]plot.Point, bool) {
	onTop := strings.HasSuffix(draw, "STACK") || strings.HasPrefix(draw, "LINESTACK")
	filled := draw == "AREA" || draw == "STACK" || draw == "AREASTACK"
	if !onTop && !filled {
		return points, false
	}
	if draw == "AREA" {
		clear(base) // it begins a stack
	}
	sum := make([]plot.Point, len(points))
	for i, pt := range points {
		top := pt.Value
		if onTop {
			top += base[pt.At]
		}
		base[pt.At] = top
		sum[i] = plot.Point{At: pt.At, Value: top}
	}
	return sum, filled
}

// negativeOf is the field that is drawn opposite to another; nil when there is none. Within a plugin of several graphs, fields are named
// with their graph.
func negativeOf(g muninGraph, field map[string]string) map[string]string {
	if field["negative"] == "" {
		return nil
	}
	name := field["negative"]
	if g.Labels["graph"] != "" {
		name = g.Labels["graph"] + "." + name
	}
	for _, other := range g.Fields {
		if other["field"] == name {
			return other
		}
	}
	return nil
}

func negated(points []plot.Point) []plot.Point {
	down := make([]plot.Point, len(points))
	for i, pt := range points {
		down[i] = plot.Point{At: pt.At, Value: -pt.Value}
	}
	return down
}

// newColors gives each field a color: the one that it asks for, as near as there is one and as long as it is free, else the next.
func newColors(fields []map[string]string) []int {
	taken := map[int]bool{}
	colors := make([]int, len(fields))
	for i, field := range fields {
		wanted := wantedColor(field["colour"])
		if wanted == 0 {
			continue
		}
		if !taken[wanted] {
			colors[i], taken[wanted] = wanted, true
		}
	}
	next := 1
	for i, field := range fields {
		if colors[i] != 0 || field["hidden"] == "yes" {
			continue
		}
		for tries := 0; taken[next] && tries < plot.Colors; tries++ {
			next = next%plot.Colors + 1
		}
		colors[i], taken[next] = next, true
		next = next%plot.Colors + 1
	}
	return colors
}

// wantedColor reads COLOURn and six hexadecimal digits; 0 for anything else.
func wantedColor(text string) int {
	if number, is := strings.CutPrefix(strings.ToUpper(text), "COLOUR"); is {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return 0
		}
		return n%plot.Colors + 1
	}
	return plot.Nearest(text)
}
