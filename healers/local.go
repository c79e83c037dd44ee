package healers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
)

// Time-outs of commands whose file gives none.
const (
	DefaultTimeout     = 30 * time.Second // start, stop, restart
	DefaultExecTimeout = 300 * time.Second
)

// LocalHand acts in the agent's own process. It knows the actions of one control file and no others, and never changes: a
// control file that is read again gets a hand of its own.
type LocalHand struct {
	actions map[ActionID]action
}

type action struct {
	run     *control.Command
	timeout time.Duration
}

// NewHand makes the hand of a control file.
func NewHand(f *control.File) (*LocalHand, error) {
	h := &LocalHand{actions: make(map[ActionID]action)}
	for _, s := range f.Services {
		for _, verb := range Verbs() {
			h.know(Verb(s.Name, control.ActionKind(verb)), commandFor(s, control.ActionKind(verb)), DefaultTimeout)
		}
		for i, r := range s.Rules {
			h.knowAll(ExecAction(s.Name, i, false), &r.Then)
			if r.Else != nil {
				h.knowAll(ExecAction(s.Name, i, true), &r.Else.Then)
			}
		}
		for i, l := range s.Limits {
			h.knowAll(LimitAction(s.Name, i), &l.Then)
		}
	}
	for id, a := range h.actions {
		if len(a.run.Argv) == 0 {
			return nil, fmt.Errorf("%s: action %s names no program", a.run.Pos, id)
		}
	}
	return h, nil
}

// knowAll learns the programs of a chain of actions.
func (h *LocalHand) knowAll(base ActionID, a *control.Action) {
	for depth := 0; a != nil; a, depth = a.Next, depth+1 {
		h.know(behind(base, depth), a.Exec, DefaultExecTimeout)
	}
}

func (h *LocalHand) know(id ActionID, c *control.Command, usual time.Duration) {
	if c == nil {
		return
	}
	if c.Timeout > 0 {
		usual = c.Timeout
	}
	h.actions[id] = action{run: c, timeout: usual}
}

// Act runs the program of an action. A program that fails is an Outcome; the error means that none was run.
func (h *LocalHand) Act(ctx context.Context, o Order) (Outcome, error) {
	a, known := h.actions[o.Action]
	if !known {
		return Outcome{}, fmt.Errorf("action %s is not in the control file", o.Action)
	}
	if err := allowed(o.Env); err != nil {
		return Outcome{}, err
	}
	spec := command.Spec{Argv: a.run.Argv, Env: o.Env, UID: a.run.UID, GID: a.run.GID, Timeout: a.timeout}
	if o.Began != nil {
		spec.Began = func(pid int) {
			o.Began(Program{Action: o.Action, PID: pid, Birth: birth(pid), Began: time.Now().UTC()})
		}
	}
	r, err := command.Run(ctx, spec)
	out := Outcome{
		Command: spec.String(), Started: r.Started, Took: r.Took,
		ExitCode: r.ExitCode, TimedOut: r.TimedOut, Output: r.Output,
	}
	if err != nil && r.Started.IsZero() {
		return out, fmt.Errorf("%s: %w", a.run.Pos.Place(), err)
	}
	return out, nil
}

// allowed refuses every variable that is not Monit's: the environment decides what a program does as much as its arguments do.
func allowed(env map[string]string) error {
	for name, value := range env {
		if !strings.HasPrefix(name, "MONIT_") || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" {
			return fmt.Errorf("variable %q is not one of MONIT_*", name)
		}
		if strings.ContainsRune(value, 0) {
			return fmt.Errorf("variable %s holds a zero byte", name)
		}
	}
	return nil
}
