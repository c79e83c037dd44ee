package checks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "host",
		Doc: "Another machine, or an address of this one, as the network shows it: it is as well as its ping and connection tests. " +
			"While a ping fails its connections are not tried, and keep the state that they had.",
		Example: `check host web with address www.example.com
    if failed ping then alert
    if failed port 80 protocol http request "/health" for 2 cycles then alert
`,
		Values: []Value{
			{Name: "response_seconds", Phrases: []string{"responsetime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "The slowest of the service's connection tests that succeeded."},
			{Name: "ping_seconds", Phrases: []string{"ping time"}, Unit: "seconds", Type: dialtone.Gauge, Help: "The slowest of the service's ping tests that were answered."},
		},
		Dials: true,
		New:   func(s *control.Service) Check { return &host{spec: s, pings: pingsOf(s)} },
	})
}

// host tries the connections that a service names.
type host struct {
	spec  *control.Service
	pings []*control.Ping
}

func pingsOf(s *control.Service) []*control.Ping {
	var all []*control.Ping
	for _, rule := range s.Rules {
		if p, is := rule.Test.(*control.Ping); is {
			all = append(all, p)
		}
	}
	return all
}

func (h *host) Validate() error {
	if h.spec.Address == "" {
		return errors.New("a host needs an address: with address NAME")
	}
	for _, p := range h.pings {
		if err := protocols.ValidatePing(p); err != nil {
			return err
		}
	}
	return validateConnections(h.spec)
}

// Takes is what the pings need, which the agent does not know of.
func (h *host) Takes() time.Duration {
	var longest time.Duration
	for _, p := range h.pings {
		longest = max(longest, protocols.PingTakes(p))
	}
	return longest
}

// Run pings the host and, where it answers, tries every connection; what becomes of them is for the rules.
func (h *host) Run(ctx context.Context, r *Report) error {
	r.Existence = Present
	up, err := h.ping(ctx, r)
	if err != nil || !up {
		return err
	}
	return connect(ctx, h.spec, h.spec.Address, r)
}

// ping makes all ping tests side by side, and says whether every one was answered. A ping that the agent may not send is no test of
// the host: its connections tell how it is, and without any nobody can.
func (h *host) ping(ctx context.Context, r *Report) (up bool, err error) {
	probes := make([]Probe, len(h.pings))
	var group sync.WaitGroup
	for i, p := range h.pings {
		group.Go(func() { probes[i].Took, probes[i].Err = protocols.Ping(ctx, p, h.spec.Address) })
	}
	group.Wait()
	if ctx.Err() != nil {
		return false, fmt.Errorf("the time for the check ended before its pings were answered: %w", context.Cause(ctx))
	}
	up = true
	slowest := time.Duration(0)
	for i, p := range h.pings {
		if errors.Is(probes[i].Err, protocols.ErrNoICMP) {
			err = probes[i].Err
			continue
		}
		r.Pinged(p, probes[i].Took, probes[i].Err)
		answered := probes[i].Took > 0 // perhaps too slowly, which is no reason not to look at the rest
		up = up && answered
		slowest = max(slowest, probes[i].Took)
	}
	if slowest > 0 {
		r.Value("ping_seconds", slowest.Seconds())
	}
	if len(connectionsOf(h.spec)) > 0 {
		err = nil
	}
	return up, err
}
