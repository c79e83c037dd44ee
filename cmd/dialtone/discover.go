package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/dialtone/dialtone/checks/discover"
	"github.com/dialtone/dialtone/cmd/internal/agentcmd"
)

// discoverTimeout bounds the look at a machine: a mount that hangs must not keep the agent from starting.
const discoverTimeout = 20 * time.Second

// discoverMachine prints a control file for this machine.
func discoverMachine(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := newFlags("discover", "Looks at this machine and prints a control file for it.", stderr)
	state := fs.String("statefile", "", "what `PATH` the file sets as statefile; empty: the agent's usual one")
	if err := fs.Parse(args); err != nil {
		return flagStatus(err)
	}
	if err := writeControlFile(ctx, stdout, *state); err != nil {
		fmt.Fprintf(stderr, "dialtone discover: %v\n", err)
		return 1
	}
	return 0
}

func writeControlFile(ctx context.Context, w io.Writer, stateFile string) error {
	ctx, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	machine, err := discover.Look(ctx)
	if err != nil {
		return fmt.Errorf("looking at this machine: %w", err)
	}
	return machine.WriteControlFile(w, discover.Settings{StateFile: stateFile})
}

// kinds prints what can be checked and healed, from the registries.
func kinds(_ context.Context, args []string, stdout, stderr io.Writer) int {
	if err := agentcmd.WriteKinds(stdout, args...); err != nil {
		fmt.Fprintf(stderr, "dialtone kinds: %v\n", err)
		return 1
	}
	return 0
}
