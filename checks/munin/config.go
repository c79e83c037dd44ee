// Package munin runs Munin plugins as munin-node does, and makes of what they say what Munin's master would: graphs with fields, and
// for each field a value at a time.
//
//	plugin config ─► ParseConfig ─► graphs ──────────────┐
//	plugin        ─► ParseValues ─► readings ─► Recorder ─┴─► values: rates, cdef, limits
//
// The formats are those of Munin's guide (plugin/protocol and reference/plugin); what it leaves open was tried on munin-node 2.0.73.
package munin

import (
	"slices"
	"strconv"
	"strings"
)

// What plugins say is other people's text: these bound what is kept of it.
const (
	mostGraphs = 200
	mostFields = 1000 // of all graphs of one plugin
	mostText   = 1000 // bytes of one attribute
)

// Graph is one graph that a plugin describes. Texts that a plugin does not give are empty.
type Graph struct {
	Name       string // as `multigraph` gives it; empty for a plugin's only graph
	Title      string
	VLabel     string // ${graph_period} is already replaced
	Category   string
	Info       string
	Args       string // for rrdtool
	Order      string // fields in the order of drawing; it can hold loans from other plugins, NAME=HOST:PLUGIN.FIELD
	Period     string // second, minute or hour; empty: second
	Printf     string
	Total      string // the label of a line that is the sum of all
	Scale      bool   // units are abbreviated (k, M); a plugin has to say no
	Hidden     bool   // graph no
	Width      int    // 0: Munin's own
	Height     int
	UpdateRate int    // seconds between values; 0: 300
	HostName   string // the host that it is about, where that is another
	Fields     []*Field
}

// FieldType is how a field's readings become values.
type FieldType string

// The types of fields, which are rrdtool's.
const (
	Gauge    FieldType = "GAUGE"
	Counter  FieldType = "COUNTER"  // grows; one that shrinks has wrapped at 32 or 64 bit
	Derive   FieldType = "DERIVE"   // grows or shrinks
	Absolute FieldType = "ABSOLUTE" // counts from zero since it was last read
)

// Field is one line of a graph.
type Field struct {
	Name         string
	Label        string
	Type         FieldType // empty: GAUGE
	Draw         string    // LINE, LINE1 …, AREA, STACK, AREASTACK, LINESTACK1 …; empty: LINE1
	CDEF         string
	Negative     string // the field that is drawn downwards opposite to this one
	Min, Max     string // values outside are dropped; empty: no bound
	Warning      string // MIN:MAX
	Critical     string
	Colour       string // six hexadecimal digits, or COLOURn
	Info         string
	ExtInfo      string
	Line         string // VALUE:COLOUR:LABEL, a line across the graph
	Sum          string // fields that this one is the sum of, or NAME=FIELD
	Stack        string // fields of other plugins, NAME=PLUGIN.FIELD, that stand on one another in its place
	Source       string // where another field or plugin gives its values: FIELD, PLUGIN.FIELD or HOST:PLUGIN.FIELD
	Hidden       bool   // graph no
	UnknownLimit int    // unknown values in a row that make the field unknown; 0: 3
}

// Config is what a plugin answered to `config`.
type Config struct {
	Graphs   []*Graph
	Multi    bool      // it names its graphs itself
	Readings []Reading // values that came with it (dirtyconfig): the plugin need not be asked again
	HostName string    // of the whole plugin
}

// ParseConfig reads an answer to `config`. Lines that are none are left out, as munin's master leaves them out; what is more than can
// be kept is dropped.
func ParseConfig(text string) Config {
	p := configParser{graph: &Graph{Scale: true}}
	for line := range strings.Lines(text) {
		p.line(strings.TrimSpace(line))
	}
	p.finish()
	return p.config
}

type configParser struct {
	config Config
	graph  *Graph
	fields int
}

func (p *configParser) line(line string) {
	key, value, _ := strings.Cut(line, " ")
	value = bounded(strings.TrimSpace(value))
	if key == "multigraph" {
		p.multigraph(value)
		return
	}
	if name, isGraph := strings.CutPrefix(key, "graph_"); isGraph && !strings.Contains(key, ".") {
		p.graph.set(name, value)
		return
	}
	field, attribute, dotted := strings.Cut(key, ".")
	switch {
	case dotted && attribute == "value":
		if r, ok := readingOf(p.graph.Name, field, value); ok && len(p.config.Readings) < mostReadings {
			p.config.Readings = append(p.config.Readings, r)
		}
	case dotted && validName(field):
		p.set(field, attribute, value)
	case key == "graph":
		p.graph.Hidden = isNo(value)
	case key == "update_rate":
		p.graph.UpdateRate = number(value)
	case key == "host_name":
		p.graph.HostName = value
	}
}

func (p *configParser) multigraph(name string) {
	p.config.Multi = true
	p.keep()
	p.graph = &Graph{Name: name, Scale: true}
}

// keep adds the graph read so far, unless it is only what stands before the first `multigraph`.
func (p *configParser) keep() {
	empty := p.graph.Title == "" && len(p.graph.Fields) == 0
	if !empty && len(p.config.Graphs) < mostGraphs {
		p.config.Graphs = append(p.config.Graphs, p.graph)
	}
	if p.config.HostName == "" {
		p.config.HostName = p.graph.HostName
	}
}

func (p *configParser) finish() {
	p.keep()
	for _, g := range p.config.Graphs {
		period := g.Period
		if period == "" {
			period = "second"
		}
		fill := strings.NewReplacer("${graph_period}", period)
		g.Title, g.VLabel = fill.Replace(g.Title), fill.Replace(g.VLabel)
		for _, f := range g.Fields {
			f.Label = fill.Replace(f.Label)
		}
		p.borrow(g)
		g.sort()
	}
}

// set takes one attribute of the graph; one that nobody knows is left out.
func (g *Graph) set(name, value string) {
	texts := map[string]*string{
		"title": &g.Title, "vlabel": &g.VLabel, "category": &g.Category, "info": &g.Info, "args": &g.Args, "order": &g.Order,
		"period": &g.Period, "printf": &g.Printf, "total": &g.Total,
	}
	if into, is := texts[name]; is {
		*into = value
		return
	}
	switch name {
	case "scale":
		g.Scale = !isNo(value)
	case "width":
		g.Width = number(value)
	case "height":
		g.Height = number(value)
	}
}

// set takes one attribute of a field, which is there from its first attribute on.
func (p *configParser) set(name, attribute, value string) {
	f := p.graph.Field(name)
	if f == nil {
		if p.fields == mostFields {
			return
		}
		p.fields++
		f = &Field{Name: name}
		p.graph.Fields = append(p.graph.Fields, f)
	}
	switch attribute {
	case "type":
		f.Type = FieldType(strings.ToUpper(value))
	case "graph":
		f.Hidden = isNo(value)
	case "unknown_limit":
		f.UnknownLimit = number(value)
	default:
		f.setText(attribute, value)
	}
}

func (f *Field) setText(attribute, value string) {
	texts := map[string]*string{
		"label": &f.Label, "draw": &f.Draw, "cdef": &f.CDEF, "negative": &f.Negative, "min": &f.Min, "max": &f.Max,
		"warning": &f.Warning, "critical": &f.Critical, "colour": &f.Colour, "info": &f.Info, "extinfo": &f.ExtInfo,
		"line": &f.Line, "sum": &f.Sum, "stack": &f.Stack,
	}
	if into, is := texts[attribute]; is {
		*into = value
	}
}

// Field returns the field of a name; nil when the graph has none.
func (g *Graph) Field(name string) *Field {
	i := slices.IndexFunc(g.Fields, func(f *Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return g.Fields[i]
}

// sort puts the fields that graph_order names first, in its order.
func (g *Graph) sort() {
	place := map[string]int{}
	for i, name := range strings.Fields(g.Order) {
		name, _, _ = strings.Cut(name, "=")
		if _, named := place[name]; !named {
			place[name] = i - mostFields - len(g.Order)
		}
	}
	slices.SortStableFunc(g.Fields, func(a, b *Field) int { return place[a.Name] - place[b.Name] })
}

// FullName is a field's name among all of its plugin: GRAPH.FIELD where the plugin names its graphs.
func (g *Graph) FullName(f *Field) string {
	if g.Name == "" {
		return f.Name
	}
	return g.Name + "." + f.Name
}

// validName says whether a word can name a field: letters, digits and underscores, and what old plugins use besides.
func validName(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '_' && r != '-' {
			return false
		}
	}
	return true
}

// bounded makes a text fit to be kept: valid, and not endless.
func bounded(s string) string {
	if len(s) > mostText {
		s = s[:mostText]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func isNo(value string) bool {
	switch strings.ToLower(value) {
	case "no", "off", "false", "0":
		return true
	}
	return false
}

// number reads a count; what is none, or not positive, is 0.
func number(value string) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
