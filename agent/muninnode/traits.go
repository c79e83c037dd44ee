package muninnode

import (
	"context"
	"sync"
	"time"

	"github.com/dialtone/dialtone/checks/munin"
)

// traits are what must be known of plugins to list them. They are asked once; a plugin that failed is asked again after a while.
type traits struct {
	mu sync.Mutex
	of map[string]trait // by path
}

// trait is what one plugin said of itself.
type trait struct {
	multi bool      // it has several graphs
	host  string    // the node that it speaks for; empty: this one
	again time.Time // when to ask again; zero: never
}

const (
	askAtOnce = 4
	askAgain  = 5 * time.Minute
)

// learn returns the traits of the plugins, by name, and asks those that nobody asked yet. The first of two with one name counts.
func (s *Server) learn(ctx context.Context, plugins []munin.Plugin) map[string]trait {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	if s.known.of == nil {
		s.known.of = make(map[string]trait)
	}
	s.askUnknown(ctx, plugins)
	byName := make(map[string]trait, len(plugins))
	for _, p := range plugins {
		if _, had := byName[p.Name()]; !had {
			byName[p.Name()] = s.known.of[p.Path]
		}
	}
	return byName
}

// askUnknown runs the plugins that are not known, a few at once. The caller holds the lock: whoever comes meanwhile waits for the same.
func (s *Server) askUnknown(ctx context.Context, plugins []munin.Plugin) {
	var group sync.WaitGroup
	slots := make(chan struct{}, askAtOnce)
	answers := make([]trait, len(plugins))
	asked := make([]bool, len(plugins))
	for i, p := range plugins {
		known, had := s.known.of[p.Path]
		if had && (known.again.IsZero() || time.Now().Before(known.again)) {
			continue
		}
		asked[i] = true
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answers[i] = s.traitOf(ctx, p)
		})
	}
	group.Wait()
	for i, p := range plugins {
		if asked[i] && ctx.Err() == nil {
			s.known.of[p.Path] = answers[i]
		}
	}
}

func (s *Server) traitOf(ctx context.Context, p munin.Plugin) trait {
	p.Node = s.config.Host
	settings, _ := p.Settings() // what cannot be read fails again when the plugin is run
	config, err := p.Config(ctx)
	t := trait{multi: config.Multi, host: settings.HostName}
	if t.host == "" {
		t.host = config.HostName
	}
	if err != nil {
		t.again = time.Now().Add(askAgain)
	}
	return t
}
