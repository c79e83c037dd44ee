package munin

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Value is what one field of a graph shows at one time.
type Value struct {
	Graph *Graph
	Field *Field
	At    time.Time
	Value float64 // as the graph shows it: a rate where the field counts, after cdef; never NaN
	Raw   float64 // before cdef and graph_period, which is what Munin compares with limits
}

// Recorder makes values of the readings of one plugin. It remembers the last reading of each field that counts, and how often fields
// were unknown. Its zero value is ready and borrows nothing; it belongs to one goroutine.
type Recorder struct {
	Loans *Loans // of this machine
	Host  string // the name of this machine, as far as fields are asked for by it

	last     map[string]Reading
	unknowns map[string]int
}

// Take turns readings into values: rates of fields that count, which have one from their second reading on, without values outside of
// their field's min and max, and by cdef. now is when readings without a time were made. The values are in the order of time.
func (r *Recorder) Take(c Config, readings []Reading, now time.Time) []Value {
	if r.last == nil {
		r.last, r.unknowns = make(map[string]Reading), make(map[string]int)
	}
	var values []Value
	all := instants(readings, now)
	if len(all) == 0 || !all[len(all)-1].time.Equal(now) {
		all = append(all, instant{time: now}) // for what is borrowed, which is known of now alone
	}
	for _, at := range all {
		for _, g := range c.Graphs {
			borrows := at.time.Equal(now) && g.borrows()
			if len(at.readings) > 0 || borrows {
				values = append(values, r.graph(g, at.readings, at.time, borrows)...)
			}
		}
	}
	return values
}

type instant struct {
	time     time.Time
	readings []Reading
}

// instants groups readings by their time, the oldest first.
func instants(readings []Reading, now time.Time) []instant {
	byTime := map[time.Time]*instant{}
	var all []*instant
	for _, reading := range readings {
		if reading.At.IsZero() {
			reading.At = now
		}
		at := byTime[reading.At]
		if at == nil {
			at = &instant{time: reading.At}
			byTime[reading.At] = at
			all = append(all, at)
		}
		at.readings = append(at.readings, reading)
	}
	slices.SortFunc(all, func(a, b *instant) int { return a.time.Compare(b.time) })
	sorted := make([]instant, len(all))
	for i, at := range all {
		sorted[i] = *at
	}
	return sorted
}

// graph computes the fields of one graph at one time: first what was read, then what is computed of it.
func (r *Recorder) graph(g *Graph, readings []Reading, at time.Time, borrows bool) []Value {
	raw := map[string]float64{}
	for _, reading := range readings {
		f := g.Field(reading.Field)
		if f == nil || reading.Graph != g.Name {
			continue
		}
		raw[f.Name] = within(f, r.rate(g.FullName(f), f, reading))
	}
	lent := map[string]float64{}
	if borrows {
		lent = r.borrow(g, raw, at)
	}
	for _, f := range g.Fields {
		if f.Sum != "" {
			raw[f.Name] = r.sum(g, f, raw, at)
		}
	}
	var values []Value
	for _, f := range g.Fields {
		v, given := raw[f.Name]
		if !given && f.CDEF == "" {
			continue
		}
		shown, asLent := lent[f.Name]
		if !asLent {
			shown = g.shown(f, raw, at)
		}
		if given {
			r.count(g.FullName(f), v)
		}
		if math.IsNaN(shown) || math.IsInf(shown, 0) {
			continue
		}
		if !given {
			v = math.NaN()
		}
		values = append(values, Value{Graph: g, Field: f, At: at, Value: shown, Raw: v})
	}
	return values
}

// count keeps how often a field was unknown in a row.
func (r *Recorder) count(name string, v float64) {
	if !math.IsNaN(v) {
		delete(r.unknowns, name)
		return
	}
	r.unknowns[name]++
}

// rate is a reading per second where its field counts, unknown for the first.
func (r *Recorder) rate(name string, f *Field, now Reading) float64 {
	switch f.Type {
	case Counter, Derive, Absolute:
	default:
		return now.Value
	}
	before, had := r.last[name]
	if had && !now.At.After(before.At) {
		return math.NaN()
	}
	r.last[name] = now
	if !had {
		return math.NaN()
	}
	grown := now.Value - before.Value
	switch {
	case f.Type == Absolute:
		grown = now.Value
	case f.Type == Counter && grown < 0:
		grown = wrapped(grown)
	}
	return grown / now.At.Sub(before.At).Seconds()
}

// wrapped is how far a counter went that passed its end: that of 32 bit where that explains it, else that of 64 bit, as rrdtool has it.
func wrapped(grown float64) float64 {
	grown += 1 << 32
	if grown < 0 {
		grown += (1 << 64) - (1 << 32)
	}
	return grown
}

// within drops a value outside of its field's min and max.
func within(f *Field, v float64) float64 {
	if least, has := bound(f.Min); has && v < least {
		return math.NaN()
	}
	if most, has := bound(f.Max); has && v > most {
		return math.NaN()
	}
	return v
}

// sum adds the fields that a field names, which can be those of other plugins.
func (r *Recorder) sum(g *Graph, f *Field, raw map[string]float64, at time.Time) float64 {
	total, found := 0.0, false
	for word := range strings.FieldsSeq(f.Sum) {
		if v, has := r.borrowed(g, word, raw, at); has && !math.IsNaN(v.Raw) {
			total, found = total+v.Raw, true
			if f.Type == "" && v.Graph != g {
				f.Type = v.Field.Type
			}
		}
	}
	if !found {
		return math.NaN()
	}
	return total
}

// shown is a field's value as the graph shows it: by its period, then by its cdef.
func (g *Graph) shown(f *Field, raw map[string]float64, at time.Time) float64 {
	scaled := func(name string) (float64, bool) {
		other := g.Field(name)
		if other == nil {
			return 0, false
		}
		v, has := raw[name]
		if !has {
			return math.NaN(), true
		}
		return v * other.factor(g.Period), true
	}
	if f.CDEF == "" {
		v, _ := scaled(f.Name)
		return v
	}
	v, err := Evaluate(f.CDEF, at, scaled)
	if err != nil {
		return math.NaN()
	}
	return v
}

// factor turns what is per second into what is per period of the graph.
func (f *Field) factor(period string) float64 {
	if f.Type == "" || f.Type == Gauge {
		return 1
	}
	switch period {
	case "minute":
		return 60
	case "hour":
		return 3600
	}
	return 1
}
