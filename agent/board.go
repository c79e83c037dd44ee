package agent

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dialtone/dialtone/control"
)

// board is what services know of one another: who depends on whom, who is down, and who is being healed.
//
// A heal claims its service and everything that depends on it, so that no two heals ever meet on one chain of dependencies.
type board struct {
	mu      sync.Mutex
	order   []string            // as written
	parents map[string][]string // what a service depends on, directly
	down    map[string]bool
	running map[string]bool
	claims  map[string]string // service → the service whose heal claims it
}

func newBoard() *board {
	return &board{down: map[string]bool{}, running: map[string]bool{}, claims: map[string]string{}}
}

// rule takes over the dependencies of a control file; what is known of the services stays.
func (b *board) rule(f *control.File) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.order = b.order[:0]
	b.parents = make(map[string][]string, len(f.Services))
	for _, s := range f.Services {
		b.order = append(b.order, s.Name)
		for _, ref := range s.DependsOn {
			b.parents[s.Name] = append(b.parents[s.Name], ref.Name)
		}
	}
}

// set notes how a service is.
func (b *board) set(name string, down, running bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down[name], b.running[name] = down, running
}

// errUnseen holds a heal back for a moment: whether it is due is known when what the service depends on was looked at for the first time.
var errUnseen = errors.New("nobody has looked yet at what it depends on")

// claim reserves a service for a heal and returns the services that run and depend on it, the farthest first. The error says what
// holds the heal back. A stop needs nothing that the service depends on: that may be down, or gone already in the same order.
func (b *board) claim(name string, want control.ActionKind) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if by := b.claims[name]; by != "" {
		return nil, fmt.Errorf("%s is being healed", by)
	}
	for _, parent := range b.ancestors(name) {
		if by := b.claims[parent]; by != "" {
			return nil, fmt.Errorf("it depends on %s, which is being healed", parent)
		}
		down, known := b.down[parent]
		switch {
		case want == control.Stop:
		case down:
			return nil, fmt.Errorf("it depends on %s, which is down", parent)
		case !known:
			return nil, errUnseen
		}
	}
	dependents := b.dependents(name)
	for _, child := range dependents {
		if b.claims[child] != "" {
			return nil, fmt.Errorf("%s, which depends on it, is being healed", child)
		}
	}
	b.claims[name] = name
	for _, child := range dependents {
		b.claims[child] = name
	}
	return slices.DeleteFunc(dependents, func(child string) bool { return !b.running[child] }), nil
}

// release ends the claims of a heal and returns the services that it had claimed beside its own.
func (b *board) release(name string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var freed []string
	for service, by := range b.claims {
		if by != name {
			continue
		}
		delete(b.claims, service)
		if service != name {
			freed = append(freed, service)
		}
	}
	return freed
}

// held reports whether somebody else's heal has a service in hand: what is seen of it now says nothing.
func (b *board) held(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	by := b.claims[name]
	return by != "" && by != name
}

// ancestors are all that a service depends on, the farthest first.
func (b *board) ancestors(name string) []string {
	var found []string
	var walk func(string)
	walk = func(of string) {
		for _, parent := range b.parents[of] {
			if parent != name && !slices.Contains(found, parent) {
				walk(parent)
				if !slices.Contains(found, parent) {
					found = append(found, parent)
				}
			}
		}
	}
	walk(name)
	return found
}

// dependents are all that depend on a service, the farthest first.
func (b *board) dependents(name string) []string {
	var found []string
	for _, other := range b.order {
		if other != name && slices.Contains(b.ancestors(other), name) {
			found = append(found, other)
		}
	}
	slices.SortStableFunc(found, func(x, y string) int { return len(b.ancestors(y)) - len(b.ancestors(x)) })
	return found
}

// around returns the services of an order and those that must go with them, each once, in the order to act: a start takes along what is
// needed and down, a stop what would lose its ground; a start begins with what is needed by others, a stop ends with it.
func (b *board) around(names []string, verb Verb) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	targets := slices.Clone(names)
	for _, name := range names {
		switch verb {
		case Start:
			targets = append(targets, slices.DeleteFunc(b.ancestors(name), func(parent string) bool { return !b.down[parent] })...)
		case Stop:
			targets = append(targets, slices.DeleteFunc(b.dependents(name), func(child string) bool { return !b.running[child] })...)
		case Restart, Monitor, Unmonitor, validate:
		}
	}
	slices.SortStableFunc(targets, func(x, y string) int {
		if verb == Stop {
			x, y = y, x
		}
		return len(b.ancestors(x)) - len(b.ancestors(y))
	})
	return unique(targets)
}

func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}
