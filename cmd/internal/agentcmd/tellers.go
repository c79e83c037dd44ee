package agentcmd

import (
	"context"
	"os"
	"sync/atomic"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/mail"
	"github.com/dialtone/dialtone/agent/mmonit"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/agent/uplink"
	"github.com/dialtone/dialtone/control"
)

// tellers are all who hear what the agent has to say: its collector, and those whom it tells by itself.
type tellers struct {
	file   atomic.Pointer[control.File] // the one that holds
	agent  *agent.Agent                 // set by run
	uplink *uplink.Uplink               // nil: no collector
	mail   *mail.Mailer
	mmonit *mmonit.Poster
}

// newTellers opens the queues of mail and of M/Monit. They are where the spool is: mail leaves even where nothing can be kept.
func newTellers(c *agent.Config, up *uplink.Uplink, spool *bbolt.DB) (*tellers, error) {
	t := &tellers{uplink: up}
	t.file.Store(c.File)
	to := mail.Config{File: t.file.Load, DB: spool, Log: c.Log}
	if up != nil {
		to.Collector = t.reach
	}
	var err error
	if to.Hostname, err = os.Hostname(); err != nil {
		c.Log.Warn("this machine does not say its name", "error", err)
	}
	if t.mail, err = mail.New(to); err != nil {
		return nil, err
	}
	t.mmonit, err = mmonit.New(mmonit.Config{
		File: t.file.Load, DB: spool, Version: c.Version, Log: c.Log,
		Doc: func() statusdoc.Doc { return statusdoc.Of(t.agent) },
	})
	return t, err
}

// reach is how the collector stands, for who stands in for it.
func (t *tellers) reach() mail.Reach {
	s := t.uplink.Stats()
	return mail.Reach{Connected: s.Connected, Since: s.Since, Unacked: s.SpooledEvents + s.PendingEvents, URL: s.URL}
}

// Events go to the collector first: mail asks it what it has acknowledged, and it must have been given all.
func (t *tellers) Events(events ...dialtone.Event) {
	if t.uplink != nil {
		t.uplink.Events(events...)
	}
	t.mail.Events(events...)
	t.mmonit.Events(events...)
}

// Samples are the collector's alone.
func (t *tellers) Samples(samples []dialtone.Sample) {
	if t.uplink != nil {
		t.uplink.Samples(samples)
	}
}

// Status is the collector's alone.
func (t *tellers) Status(s dialtone.NodeStatus) {
	if t.uplink != nil {
		t.uplink.Status(s)
	}
}

// run tells what an agent has to say until ctx ends.
func (t *tellers) run(ctx context.Context, g *errgroup.Group, a *agent.Agent) {
	t.agent = a
	if t.uplink != nil {
		g.Go(func() error { return t.uplink.Run(ctx) })
	}
	g.Go(func() error { return t.mail.Run(ctx) })
	g.Go(func() error { return t.mmonit.Run(ctx) })
}
