package checks

import (
	"context"
	"errors"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "host",
		Doc:  "Another machine, or an address of this one, as the network shows it: it is as well as its connection tests.",
		Example: `check host web with address www.example.com
    if failed port 80 protocol http request "/health" for 2 cycles then alert
`,
		Values: []Value{
			{Name: "response_seconds", Phrases: []string{"responsetime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "The slowest of the service's connection tests that succeeded."},
		},
		Dials: true,
		New:   func(s *control.Service) Check { return &host{spec: s} },
	})
}

// host tries the connections that a service names.
type host struct{ spec *control.Service }

func (h *host) Validate() error {
	if h.spec.Address == "" {
		return errors.New("a host needs an address: with address NAME")
	}
	return validateConnections(h.spec)
}

// Run tries every connection; what becomes of them is for the rules.
func (h *host) Run(ctx context.Context, r *Report) error {
	r.Existence = Present
	return connect(ctx, h.spec, h.spec.Address, r)
}
