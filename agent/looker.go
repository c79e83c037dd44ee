package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// looker runs one check, never twice at once. A run that does not answer in time is given up, and its late answer thrown away;
// until it comes back, no other is started.
type looker struct {
	check checks.Check
	free  chan struct{} // holds the one token
}

var errHangs = errors.New("the check still hangs in an earlier run")

func newLooker(c checks.Check) *looker {
	l := &looker{check: c, free: make(chan struct{}, 1)}
	l.free <- struct{}{}
	return l
}

type answer struct {
	report *checks.Report
	err    error
}

// look runs the check within the time that ctx has.
func (l *looker) look(ctx context.Context) (*checks.Report, error) {
	select {
	case <-l.free:
	default:
		return nil, errHangs
	}
	began := time.Now()
	answers := make(chan answer, 1)
	go func() {
		report := &checks.Report{}
		err := run(ctx, l.check, report)
		l.free <- struct{}{}
		answers <- answer{report, err}
	}()
	select {
	case a := <-answers:
		return a.report, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-answers: // it kept to its deadline
		return a.report, a.err
	default:
		return nil, fmt.Errorf("the check did not answer within %s", time.Since(began).Round(time.Millisecond))
	}
}

// takes is what a check asks for over and above the time-outs that its statement names.
func (l *looker) takes() time.Duration {
	if patient, is := l.check.(interface{ Takes() time.Duration }); is {
		return patient.Takes()
	}
	return 0
}

// run turns a panic of a check into "could not look": one bad check must not end the agent.
func run(ctx context.Context, c checks.Check, report *checks.Report) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the check broke: %v\n%s", p, debug.Stack())
		}
	}()
	return c.Run(ctx, report)
}

// deadline is how long a check of a service may take: what its own time-outs add up to, and something over.
func deadline(s *control.Service) time.Duration {
	const slack, program, connect = 10 * time.Second, 300 * time.Second, 5 * time.Second
	total := slack
	if s.Program != nil {
		total += cmp.Or(s.Program.Timeout, s.Bounds.ProgramTimeout, program)
	}
	for _, r := range s.Rules {
		c, is := r.Test.(*control.Connection)
		if !is {
			continue
		}
		timeout := c.Timeout
		if timeout <= 0 {
			timeout = connect
		}
		total += timeout * time.Duration(max(c.Retry, 1))
	}
	return total
}

// unable stands in for a check that cannot be made here: the service is shown with the reason, the others run.
type unable struct{ reason error }

func (u unable) Validate() error { return u.reason }

func (u unable) Run(context.Context, *checks.Report) error { return u.reason }
