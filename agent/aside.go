package agent

import (
	"context"
	"fmt"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// aside stands in for the check of a service that is set aside: the service is unknown, with the reason. What the machine lacks is looked for
// again in each cycle, so that the service is watched from when somebody has installed the program or made the user, without a reload.
type aside struct {
	check   checks.Check
	problem func() *control.Problem // what still keeps it aside
	over    bool                    // it is watched: its own check says what is wrong
}

// beside returns the check of a service with a problem: its own, where the problem leaves that to work.
func beside(spec *control.Service, check checks.Check) checks.Check {
	if spec.Problem.Partial {
		return check
	}
	if now := checks.Unable(spec); now != nil && now.Why == spec.Problem.Why {
		return &aside{check: check, problem: func() *control.Problem { return checks.Unable(spec) }}
	}
	// No matter of this machine: a service that it depends on is not in the file. Only another file ends that.
	return &aside{check: check, problem: func() *control.Problem { return spec.Problem }}
}

func (a *aside) Validate() error { return a.check.Validate() }

func (a *aside) Run(ctx context.Context, r *checks.Report) error {
	if !a.over {
		if p := a.problem(); p != nil {
			return fmt.Errorf("set aside: %s", reason(p))
		}
		a.over = true
	}
	return a.check.Run(ctx, r)
}

func reason(p *control.Problem) string {
	if p.Mend == "" {
		return p.Why
	}
	return p.Why + "; " + p.Mend
}
