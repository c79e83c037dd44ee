package control

import "strings"

// dependency is one name in a `depends on`.
type dependency struct {
	from *Service
	to   string
	at   mark
}

// resolve ties services to those that they depend on, and checks that none depends on itself. A service that depends on one which is
// not in the file has a problem: nobody knows whether it may run.
func (p *parser) resolve() {
	names := sortedKeys(p.named)
	edges := map[*Service][]dependency{}
	for _, d := range p.depends {
		if _, known := p.named[d.to]; !known {
			p.lacks(d, names)
			continue
		}
		edges[d.from] = append(edges[d.from], d)
		d.from.DependsOn = append(d.from.DependsOn, Reference{Name: d.to, Pos: d.at.pos})
	}
	walk := cycleWalk{p: p, edges: edges, done: map[*Service]bool{}, onPath: map[*Service]int{}}
	for _, s := range p.file.Services {
		walk.visit(s)
	}
}

// lacks notes the problem of a service that depends on one which is not in the file.
func (p *parser) lacks(d dependency, names []string) {
	problem := &Problem{
		Pos: d.at.pos, Service: d.from.Name, Why: "it depends on " + quote(d.to) + ", which is not in this file",
		Mend: hints(didYouMean(d.to, names), "write a check of that name, or take it out of depends"),
	}
	p.file.Problems = append(p.file.Problems, problem)
	if d.from.Problem == nil {
		d.from.Problem = problem
	}
}

// cycleWalk goes along dependencies, depth first, and reports every edge that leads back to the path it came by.
type cycleWalk struct {
	p      *parser
	edges  map[*Service][]dependency
	done   map[*Service]bool
	onPath map[*Service]int // place in path
	path   []*Service
}

func (w *cycleWalk) visit(s *Service) {
	if w.done[s] {
		return
	}
	w.done[s] = true
	w.onPath[s] = len(w.path)
	w.path = append(w.path, s)
	for _, d := range w.edges[s] {
		next := w.p.named[d.to]
		if start, loops := w.onPath[next]; loops {
			w.report(d, w.path[start:])
		}
		w.visit(next)
	}
	w.path = w.path[:len(w.path)-1]
	delete(w.onPath, s)
}

// longestWay is how many services of a loop are named.
const longestWay = 10

func (w *cycleWalk) report(d dependency, loop []*Service) {
	var way strings.Builder
	for _, s := range loop[:min(len(loop), longestWay)] {
		way.WriteString(s.Name + " (" + s.Pos.Place() + ") → ")
	}
	if len(loop) > longestWay {
		way.WriteString("… → ")
	}
	w.p.report(d.at, "take one of these dependencies out", "service %s depends on itself: %s%s", quote(d.to), printable(way.String()), printable(d.to))
}
