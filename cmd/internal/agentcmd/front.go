package agentcmd

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/httpd"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/control"
)

// statusPage is `set httpd`: the status page of an agent.
func statusPage(a *agent.Agent, version string, log *slog.Logger) *door[control.HTTPServer] {
	return &door[control.HTTPServer]{name: "the status page", log: log, listen: func(ctx context.Context, want *control.HTTPServer) (server, error) {
		return httpd.Listen(ctx, httpd.Config{
			Settings: want, Doc: func() statusdoc.Doc { return statusdoc.Of(a) }, Do: a.Do, Version: version, Log: log,
			Write: httpd.Texts{
				Status:  func(w io.Writer, s dialtone.NodeStatus) { printStatus(w, s, time.Now()) },
				Summary: func(w io.Writer, s dialtone.NodeStatus) { printSummary(w, s, time.Now()) },
				Report:  func(w io.Writer, s dialtone.NodeStatus) { printReport(w, s.Services) },
			},
		})
	}}
}
