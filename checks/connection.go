package checks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
)

// connectAtOnce is how many connections of one service are tried at the same time.
const connectAtOnce = 8

func validateConnections(s *control.Service) error {
	for _, c := range connectionsOf(s) {
		if err := protocols.Validate(c); err != nil {
			return err
		}
	}
	return nil
}

func connectionsOf(s *control.Service) []*control.Connection {
	var all []*control.Connection
	for _, rule := range s.Rules {
		if c, is := rule.Test.(*control.Connection); is {
			all = append(all, c)
		}
	}
	return all
}

// connect tries every connection that the rules of a service name, side by side. Its error is the end of the check's time alone;
// what the far sides do is in the report.
func connect(ctx context.Context, s *control.Service, address string, r *Report) error {
	tests := connectionsOf(s)
	probes := make([]Probe, len(tests))
	var group sync.WaitGroup
	slots := make(chan struct{}, connectAtOnce)
	for i, c := range tests {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			probes[i].Took, probes[i].Err = protocols.Probe(ctx, c, address)
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the time for the check ended before its connections answered: %w", context.Cause(ctx))
	}
	slowest := time.Duration(0)
	for i, c := range tests {
		r.Connected(c, probes[i].Took, probes[i].Err)
		if probes[i].Err == nil {
			slowest = max(slowest, probes[i].Took)
		}
	}
	if slowest > 0 {
		r.Value("response_seconds", slowest.Seconds())
	}
	return nil
}
