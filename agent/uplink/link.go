package uplink

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// link keeps a session alive until ctx ends.
func (u *Uplink) link(ctx context.Context) {
	var out outage
	for ctx.Err() == nil {
		welcomed, err := u.session(ctx, &out)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			continue // it asked for a new connection
		}
		u.failed(err)
		out.log(u, err, welcomed)
		select {
		case <-ctx.Done():
		case <-time.After(u.pause(out.tries, err)):
		}
		out.tries++
	}
}

// session makes one connection and serves it until it ends. welcomed says whether the collector took it.
func (u *Uplink) session(ctx context.Context, out *outage) (welcomed bool, err error) {
	conn, r, err := u.dial(ctx)
	if err != nil {
		return false, err
	}
	s := newSession(u, conn, r, out)
	defer s.close()
	if err := s.greet(); err != nil {
		return false, err
	}
	u.connected(out)
	defer u.disconnected()
	return true, s.serve(ctx)
}

func (u *Uplink) connected(out *outage) {
	u.mu.Lock()
	u.stats.Connected, u.stats.Since = true, time.Now().UTC()
	u.stats.Connects++
	u.fresh = u.status != nil
	again := u.stats.Connects > 1
	u.mu.Unlock()
	if !again && !out.told() {
		u.cfg.Log.Info("connected to the collector", "url", u.cfg.URL)
	}
	poke(u.work)
}

// disconnected makes the keeper bring to disk what is in memory.
func (u *Uplink) disconnected() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stats.Connected, u.stats.Since, u.spillNow = false, time.Now().UTC(), true
	poke(u.work)
}

func (u *Uplink) failed(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stats.fail(err)
}

// outage is what was tried and said since the collector was last of use. A welcome alone is none: one that keeps nothing
// welcomes and hangs up, again and again. It ends with an ack, or with a session that lasted.
type outage struct {
	tries  int
	away   bool // said that it is out of reach
	denied bool // said that a person must mend something
}

func (o *outage) told() bool { return o.away || o.denied }

// end notes that the collector is of use, and says so when its absence was told.
func (o *outage) end(u *Uplink) {
	if o.told() {
		u.cfg.Log.Info("the collector is back", "url", u.cfg.URL)
	}
	*o = outage{}
}

// log keeps an outage to one line, and one more when its reason is one that a person must mend.
func (o *outage) log(u *Uplink, err error, wasUp bool) {
	said := &o.away
	if personNeeded(err) {
		said = &o.denied
	}
	if *said {
		return
	}
	*said = true
	switch {
	case said == &o.denied:
		u.cfg.Log.Error("the collector does not take this agent", "url", u.cfg.URL, "error", err, "retry_every", u.timing.slow.String())
	case wasUp:
		u.cfg.Log.Warn("lost the collector; what happens waits in the spool", "url", u.cfg.URL, "error", err)
	default:
		u.cfg.Log.Warn("the collector is out of reach; what happens waits in the spool", "url", u.cfg.URL, "error", err)
	}
}

// personNeeded reports whether an error stays until somebody changes something.
func personNeeded(err error) bool {
	var told *wire.Error
	if _, ok := errors.AsType[*deniedError](err); ok {
		return true
	}
	return errors.As(err, &told) && (told.Code == wire.CodeVersion || told.Code == wire.CodeClone || told.Code == wire.CodeName)
}

// pause is how long to wait before the next try: doubled each time, with jitter, so that a fleet does not come back at once.
func (u *Uplink) pause(tries int, err error) time.Duration {
	wait := u.timing.slow
	if !personNeeded(err) {
		wait = min(u.timing.retryMax, u.timing.retryMin<<min(tries, 16))
	}
	return wait/2 + rand.N(wait/2+1)
}
