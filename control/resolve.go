package control

import "strings"

// dependency is one name in a `depends on`.
type dependency struct {
	from *Service
	to   string
	at   mark
}

// resolve checks what only the whole file can tell: that the services which others depend on exist, and that none depends on itself.
func (p *parser) resolve() {
	names := sortedKeys(p.named)
	edges := map[*Service][]dependency{}
	for _, d := range p.depends {
		switch _, known := p.named[d.to]; {
		case known:
			edges[d.from] = append(edges[d.from], d)
		case !p.lostName:
			p.report(d.at, hints(didYouMean(d.to, names)), "service %s (%s) depends on %s, which is not in this file",
				quote(d.from.Name), d.from.Pos.Place(), quote(d.to))
		}
	}
	walk := cycleWalk{p: p, edges: edges, done: map[*Service]bool{}, onPath: map[*Service]int{}}
	for _, s := range p.file.Services {
		walk.visit(s)
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
