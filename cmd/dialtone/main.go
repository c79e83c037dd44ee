// Command dialtone is everything in one binary: the collector, the agent, and the commands of both.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dialtone/dialtone/cmd/internal/agentcmd"
)

// version is set by the linker (see the Makefile).
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `dialtone sees, heals, pages and shows: monitoring for telephone conferencing.

Usage: dialtone COMMAND [OPTIONS]

Everything on this machine
  up         start collector, agent and pages, and print the address
  ok         is everything working? one word, and what is not

The parts alone
  collector  receive from agents, store, page, serve pages and API
  agent      watch and repair this node (the same as dialtone-agent)

Ask and tell the agent on this machine (as dialtone-agent does)
  status [NAME]    every value of every service, or of one
  summary [NAME]   a line a service
  report [up|down] how many services stand how
  start, stop, restart, monitor, unmonitor NAME|all
  reload, validate, quit

Write and learn
  discover   look at this machine and write a control file for it
  import     write a control file for the plugins of Munin, or the checks of Nagios
  verify     is a control file usable on this machine?
  procmatch  which process would "matching PATTERN" watch?
  kinds      the kinds of checks and healers, and the words they add to rules
  version    the version of this program

dialtone COMMAND -h prints the options of a command.
`

// subcommand runs one command and returns the exit status.
type subcommand func(ctx context.Context, args []string, stdout, stderr io.Writer) int

func commands() map[string]subcommand {
	return map[string]subcommand{
		"up":        up,
		"collector": collectorOnly,
		"ok":        ok,
		"discover":  discoverMachine,
		"import":    importOther,
		"verify":    agentcmd.Verify,
		"kinds":     kinds,
		"agent": func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			return agentcmd.Main(ctx, args, stdout, stderr, version)
		},
		"version": func(_ context.Context, _ []string, stdout, _ io.Writer) int {
			fmt.Fprintf(stdout, "dialtone %s\n", version)
			return 0
		},
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "-h", "--help", "help":
		fmt.Fprint(stdout, usage)
		return 0
	case "-V", "--version":
		args[0] = "version"
	}
	if cmd, known := commands()[args[0]]; known {
		return cmd(ctx, args[1:], stdout, stderr)
	}
	if agentcmd.IsVerb(args[0]) {
		return agentcmd.Main(ctx, args, stdout, stderr, version)
	}
	fmt.Fprintf(stderr, "dialtone: there is no command %q; dialtone help lists them\n", args[0])
	return 2
}
