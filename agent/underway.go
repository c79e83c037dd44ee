package agent

import (
	"context"
	"sync"
)

// underway counts what the agent is doing: looks, heals, programs of rules, and pokes that nobody has answered. Whoever asks for a cycle
// can so wait for all that comes of it, as with Monit, which does one thing after the other.
type underway struct {
	mu    sync.Mutex
	count int
	idle  chan struct{} // closed when count is zero; nil while nobody waits
}

func (u *underway) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
}

func (u *underway) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count--
	if u.count == 0 && u.idle != nil {
		close(u.idle)
		u.idle = nil
	}
}

// wait returns when nothing is under way, or ctx ends.
func (u *underway) wait(ctx context.Context) error {
	u.mu.Lock()
	if u.count == 0 {
		u.mu.Unlock()
		return nil
	}
	if u.idle == nil {
		u.idle = make(chan struct{})
	}
	idle := u.idle
	u.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
