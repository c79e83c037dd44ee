package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
)

func init() {
	register(Kind{
		Name: "program",
		Doc: "A program that is run to ask it: its exit status and what it prints are what rules look at, in the same cycle. " +
			"It gets 300 seconds unless `with timeout` says otherwise, and 64 KiB of what it prints are kept.",
		Example: `check program raid with path "/usr/local/sbin/raid-status" with timeout 30 seconds
    if status != 0 for 2 cycles then alert
`,
		Values: []Value{
			{Name: "status", Phrases: []string{"status"}, Unit: "count", Type: dialtone.Gauge, Help: "Exit status; 124 when it was killed because its time was over, 137 when a signal ended it."},
			{Name: "took_seconds", Phrases: []string{"duration"}, Unit: "seconds", Type: dialtone.Gauge, Help: "How long the program ran."},
			{Name: "content", Help: "What the program printed."},
		},
		Reads: true,
		New:   func(s *control.Service) Check { return &program{spec: s, run: command.Run} },
	})
}

// Exit statuses that stand for an end which has none of its own, as timeout(1) and shells give them.
const (
	statusTimedOut = 124
	statusKilled   = 137

	programTimeout = 300 * time.Second
)

// program runs a program in each cycle.
type program struct {
	spec *control.Service
	run  func(context.Context, command.Spec) (command.Result, error)
}

func (p *program) Validate() error {
	if p.spec.Program == nil || len(p.spec.Program.Argv) == 0 {
		return errors.New(`a program needs a path: with path "/path/to/program arguments"`)
	}
	return nil
}

// Run waits for the program to end; one that cannot be started at all leaves the service unknown.
func (p *program) Run(ctx context.Context, r *Report) error {
	c := p.spec.Program
	timeout := cmp.Or(c.Timeout, p.spec.Bounds.ProgramTimeout, programTimeout)
	result, err := p.run(ctx, command.Spec{Argv: c.Argv, UID: c.UID, GID: c.GID, Timeout: timeout, MaxOutput: p.spec.Bounds.ProgramOutput})
	if err != nil {
		return fmt.Errorf("running the program: %w", err)
	}
	r.Existence = Present
	r.Value("took_seconds", result.Took.Seconds())
	r.Value("status", float64(status(result)))
	r.Why = explain(c, result, timeout)
	r.Lines = outputLines(result.Output)
	if wants(p.spec, "content") {
		r.Text("content", result.Output)
	}
	return nil
}

func status(r command.Result) int {
	switch {
	case r.TimedOut:
		return statusTimedOut
	case r.ExitCode < 0:
		return statusKilled
	}
	return r.ExitCode
}

// explain says in a sentence what the program said; empty when it ended well without a word.
func explain(c *control.Command, r command.Result, timeout time.Duration) string {
	said := firstLine(r.Output)
	switch {
	case r.TimedOut:
		return fmt.Sprintf("%s did not end within %s and was killed", c.Argv[0], timeout)
	case r.ExitCode < 0:
		return fmt.Sprintf("%s was killed by a signal", c.Argv[0])
	case r.ExitCode != 0 && said == "":
		return "it printed nothing"
	}
	return said
}

func outputLines(output string) []string {
	output = strings.TrimRight(output, "\r\n")
	if output == "" {
		return nil
	}
	return strings.Split(output, "\n")
}
