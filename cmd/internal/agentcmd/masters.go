package agentcmd

import (
	"context"
	"log/slog"

	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/muninnode"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/checks/munin"
	"github.com/dialtone/dialtone/control"
)

// muninMasters is `set munin`: the port at which Munin masters ask an agent.
func muninMasters(a *agent.Agent, node, version string, log *slog.Logger) *door[control.MuninServer] {
	return &door[control.MuninServer]{name: "Munin masters", log: log, listen: func(ctx context.Context, want *control.MuninServer) (server, error) {
		return muninnode.Listen(ctx, muninnode.Config{
			Settings: want, Host: node, Version: version, Log: log,
			Plugins: func() []munin.Plugin { return muninPlugins(a.File()) },
		})
	}}
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
