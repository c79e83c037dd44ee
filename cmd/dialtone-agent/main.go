// Command dialtone-agent is the agent and its commands alone: what nodes run. It takes Monit's flags and verbs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/dialtone/dialtone/cmd/internal/agentcmd"
)

// version is set by the linker (see the Makefile).
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := agentcmd.Main(ctx, os.Args[1:], os.Stdout, os.Stderr, version)
	stop()
	os.Exit(code)
}
