package agentcmd

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/muninnode"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/checks/munin"
	"github.com/dialtone/dialtone/control"
)

// masters is `set munin`: the port at which Munin masters ask, as the control file that holds wants it. A port that cannot be had is
// told in the log and keeps nothing else from working.
type masters struct {
	agent   *agent.Agent
	node    string
	version string
	log     *slog.Logger

	mu      sync.Mutex
	ended   bool
	serves  *control.MuninServer // what the open port was made of; nil: none is open
	closing func()
}

// apply opens the port that a control file asks for, and closes one that it does not.
func (m *masters) apply(ctx context.Context, want *control.MuninServer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended || sameMasters(m.serves, want) {
		return
	}
	m.shut()
	if want == nil {
		return
	}
	server, err := muninnode.Listen(ctx, muninnode.Config{
		Settings: want, Host: m.node, Version: m.version, Log: m.log,
		Plugins: func() []munin.Plugin { return muninPlugins(m.agent.File()) },
	})
	if err != nil {
		m.log.Error("Munin masters are not answered", "error", err)
		return
	}
	m.serves = want
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Run(serving); err != nil {
			m.log.Error("Munin masters are no longer answered", "error", err)
		}
	}()
	m.closing = func() { stop(); <-done }
}

func sameMasters(a, b *control.MuninServer) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Address == b.Address && slices.Equal(a.Allow, b.Allow)
}

// muninPlugins are the plugins of a control file's services.
func muninPlugins(f *control.File) []munin.Plugin {
	var all []munin.Plugin
	for _, s := range f.Services {
		if s.Kind == "munin" {
			all = append(all, checks.MuninPlugin(s))
		}
	}
	return all
}

func (m *masters) shut() {
	if m.closing != nil {
		m.closing()
	}
	m.closing, m.serves = nil, nil
}

// close closes the port for good.
func (m *masters) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	m.shut()
	return nil
}
