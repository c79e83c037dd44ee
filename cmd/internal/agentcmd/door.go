package agentcmd

import (
	"context"
	"log/slog"
	"sync"

	"github.com/dialtone/dialtone/control"
)

// server is what listens already and serves until ctx ends.
type server interface {
	Run(ctx context.Context) error
}

// door is something that listens as a statement of the control file says. A reload that changes the statement closes the old one and
// opens the new one. One that cannot be opened is told in the log and keeps nothing else from working.
type door[T any] struct {
	name   string // in the log: "the status page"
	listen func(ctx context.Context, want *T) (server, error)
	log    *slog.Logger

	mu      sync.Mutex
	ended   bool
	serves  *T // what the open one was made of; nil: none is open
	closing func()
}

// apply opens what a control file asks for, and closes what it does not; want is nil where it asks for none.
func (d *door[T]) apply(ctx context.Context, want *T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || control.Alike(d.serves, want) {
		return
	}
	d.shut()
	if want == nil {
		return
	}
	s, err := d.listen(ctx, want)
	if err != nil {
		d.log.Error("a port of the control file is not served", "what", d.name, "error", err)
		return
	}
	d.serves = want
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(serving); err != nil {
			d.log.Error("a port of the control file is no longer served", "what", d.name, "error", err)
		}
	}()
	d.closing = func() { stop(); <-done }
}

func (d *door[T]) shut() {
	if d.closing != nil {
		d.closing()
	}
	d.closing, d.serves = nil, nil
}

// close closes it for good.
func (d *door[T]) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.shut()
	return nil
}
