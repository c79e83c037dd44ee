package agentcmd

import (
	"context"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/httpd"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/control"
)

// front is the status page of `set httpd`, as the control file that holds wants it. A reload that changes the statement closes the old
// page and opens the new one. A page that cannot be opened is told in the log and keeps nothing else from working.
type front struct {
	agent   *agent.Agent
	version string
	log     *slog.Logger

	mu      sync.Mutex
	ended   bool
	serves  *control.HTTPServer // what the page that is open was made of; nil: none is
	closing func()
}

// apply opens the page that a control file asks for.
func (f *front) apply(ctx context.Context, want *control.HTTPServer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended || alike(f.serves, want) {
		return
	}
	f.shut()
	if want == nil {
		return
	}
	server, err := httpd.Listen(ctx, httpd.Config{
		Settings: want, Doc: func() statusdoc.Doc { return statusdoc.Of(f.agent) }, Do: f.agent.Do, Version: f.version, Log: f.log,
		Write: httpd.Texts{
			Status:  func(w io.Writer, s dialtone.NodeStatus) { printStatus(w, s, time.Now()) },
			Summary: func(w io.Writer, s dialtone.NodeStatus) { printSummary(w, s, time.Now()) },
			Report:  func(w io.Writer, s dialtone.NodeStatus) { printReport(w, s.Services) },
		},
	})
	if err != nil {
		f.log.Error("the status page is not served", "error", err)
		return
	}
	f.serves = want
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Run(serving); err != nil {
			f.log.Error("the status page is no longer served", "error", err)
		}
	}()
	f.closing = func() { stop(); <-done }
}

// alike compares two statements, wherever they stand in the file.
func alike(a, b *control.HTTPServer) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Pos, y.Pos = control.Position{}, control.Position{}
	x.Allow, y.Allow = placeless(x.Allow), placeless(y.Allow)
	return reflect.DeepEqual(x, y)
}

func placeless(rules []control.Allow) []control.Allow {
	all := append([]control.Allow(nil), rules...)
	for i := range all {
		all[i].Pos = control.Position{}
	}
	return all
}

func (f *front) shut() {
	if f.closing != nil {
		f.closing()
	}
	f.closing, f.serves = nil, nil
}

// close shuts the page for good.
func (f *front) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.shut()
	return nil
}
