// Package healers repairs services: one file a kind of healer, and what every heal needs: journal, budget, guards.
//
// A healer never decides whether it may act. The agent's healing engine decides; the Hand acts.
package healers

import (
	"context"
	"time"
)

// ActionID names one action of this node's own control file: "nginx/start", "nginx/rule2/exec". It is all that crosses the
// seam between the watcher (network, decisions) and the hand (acts): no command text, no path.
type ActionID string

// Order asks the hand for one action. Env are MONIT_* variables for the program; names outside that set are refused.
type Order struct {
	Action ActionID
	Env    map[string]string
	Began  func(Program) // told once the program runs; must not block; nil: nobody asks
}

// Program is a program that the hand has begun: enough for the hand of a later run of the agent to find it.
type Program struct {
	Action ActionID  `json:"action"`
	PID    int       `json:"pid"`   // of the leader of its process group
	Birth  string    `json:"birth"` // the boot and the clock tick in which it began: with PID its identity for ever
	Began  time.Time `json:"began"`
}

// Outcome is what the hand did. Output is stdout and stderr together, at most 64 KiB, with a mark where it was cut.
type Outcome struct {
	Command  string // argv joined for reading
	Started  time.Time
	Took     time.Duration
	ExitCode int // -1: did not exit by itself
	TimedOut bool
	Output   string
}

// Hand acts. Act returns when the program has ended or its time-out has killed it; its error means that nothing was run
// (unknown action, program missing, refused), and says so.
type Hand interface {
	Act(ctx context.Context, o Order) (Outcome, error)

	// Finish waits until a program that an earlier run of the agent has begun ends, and ends its process group when the time that
	// its action has is over. It reports whether the program still ran; its error is ctx's.
	Finish(ctx context.Context, p Program) (ran bool, err error)
}
