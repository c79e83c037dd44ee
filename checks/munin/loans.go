package munin

import (
	"math"
	"strings"
	"sync"
	"time"
)

const (
	mostLoans = 10_000           // fields that are asked for, of all plugins
	loanAge   = 10 * time.Minute // a value that is older is not lent: the plugin that it is of has stopped
)

// Loans are the newest values of fields that plugins draw of one another, by the names that a Munin master has for them: PLUGIN.FIELD, or
// GRAPH.FIELD of a plugin with several graphs. Only what has been asked for is kept, so a field has its first value at the look after.
// The zero value is ready; many goroutines may use one.
type Loans struct {
	mu sync.Mutex
	of map[string]Value
}

// Give keeps the newest values of a plugin for those that asked for them.
func (l *Loans) Give(plugin string, newest []Value) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range newest {
		name := v.Graph.FullName(v.Field)
		if v.Graph.Name == "" {
			name = plugin + "." + name
		}
		if _, asked := l.of[name]; asked {
			field := *v.Field // the plugin goes on with its own
			l.of[name] = Value{Field: &field, At: v.At, Value: v.Value, Raw: v.Raw}
		}
	}
}

// take returns a field's value; false where there is none that is of now.
func (l *Loans) take(name string, now time.Time) (Value, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, asked := l.of[name]
	if !asked && len(l.of) < mostLoans {
		if l.of == nil {
			l.of = make(map[string]Value)
		}
		l.of[name] = Value{}
	}
	age := now.Sub(v.At)
	return v, v.Field != nil && age < loanAge && age > -time.Minute
}

// pathOf is the name of a field in what graph_order, sum and stack hold: FIELD, PLUGIN.FIELD or [GROUP;]HOST:PLUGIN.FIELD, each of which
// may be preceded by NAME=. The host is empty where none is written.
func pathOf(word string) (name, host, path string) {
	name, path, named := strings.Cut(word, "=")
	if !named {
		name, path = "", word
	}
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		host, path = path[:i], path[i+1:]
	}
	return name, host[strings.LastIndexByte(host, ';')+1:], path
}

// borrow marks the fields that graph_order and stack take from elsewhere, and adds those that the plugin does not describe.
func (p *configParser) borrow(g *Graph) {
	for word := range strings.FieldsSeq(g.Order) {
		p.lend(g, word, "")
	}
	for _, f := range append([]*Field(nil), g.Fields...) {
		for word := range strings.FieldsSeq(f.Stack) {
			f.Hidden = true
			p.lend(g, word, "AREASTACK")
		}
	}
}

func (p *configParser) lend(g *Graph, word, draw string) {
	name, _, path := pathOf(word)
	if !validName(name) || path == "" {
		return
	}
	f := g.Field(name)
	if f == nil {
		if p.fields == mostFields {
			return
		}
		p.fields++
		f = &Field{Name: name, Draw: draw}
		g.Fields = append(g.Fields, f)
	}
	f.Source = strings.TrimPrefix(word, name+"=")
}

// borrows reports whether a graph shows anything that is not its own.
func (g *Graph) borrows() bool {
	for _, f := range g.Fields {
		if f.Source != "" || strings.Contains(f.Sum, ".") {
			return true
		}
	}
	return false
}

// borrowed is the value of a field that is named by its path: of the same graph, else lent by another plugin of this machine.
func (r *Recorder) borrowed(g *Graph, word string, raw map[string]float64, at time.Time) (Value, bool) {
	_, host, path := pathOf(word)
	if v, own := raw[path]; own && host == "" {
		return Value{Graph: g, Field: g.Field(path), At: at, Value: math.NaN(), Raw: v}, true
	}
	if r.Loans == nil || host != "" && host != r.Host {
		return Value{}, false
	}
	return r.Loans.take(path, at)
}

// borrow fills in the fields of a graph that are of elsewhere, and returns what those show that have no cdef of their own. What a field
// does not say of itself is as its lender has it.
func (r *Recorder) borrow(g *Graph, raw map[string]float64, at time.Time) map[string]float64 {
	shown := map[string]float64{}
	for _, f := range g.Fields {
		if f.Source == "" {
			continue
		}
		v, has := r.borrowed(g, f.Source, raw, at)
		if !has {
			continue
		}
		raw[f.Name] = v.Raw
		if f.Label == "" {
			f.Label = v.Field.Label
		}
		if f.Draw == "" {
			f.Draw = v.Field.Draw
		}
		if f.Type == "" {
			f.Type = v.Field.Type
		}
		if f.CDEF == "" && !math.IsNaN(v.Value) {
			shown[f.Name] = v.Value
		}
	}
	return shown
}
