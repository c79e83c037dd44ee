// Command bench measures dialtone-agent beside the tools that it replaces, on this machine, on the same services and the same
// control file, and prints Markdown tables. The others come out of Debian packages; see internal/testkit.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options say how long to measure; the defaults are those of docs/performance.md.
type options struct {
	agent    string        // path of dialtone-agent
	services int           // daemons to watch; each is killed once
	idle     time.Duration // how long to add up the CPU time of a watcher at rest
	scrapes  int
}

func main() {
	var o options
	flag.StringVar(&o.agent, "agent", "bin/dialtone-agent", "dialtone-agent to measure; empty: only the others")
	flag.IntVar(&o.services, "services", 20, "daemons to watch; each is killed once")
	flag.DurationVar(&o.idle, "idle", time.Minute, "time at rest over which CPU is added up")
	flag.IntVar(&o.scrapes, "scrapes", 100, "scrapes of the exporter")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.agent != "" {
		if o.agent, err = filepath.Abs(o.agent); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, machine())
	if err := watchers(ctx, o, dir, out); err != nil {
		return fmt.Errorf("measuring watchers: %w", err)
	}
	if err := exporter(ctx, o, out); err != nil {
		return fmt.Errorf("measuring the exporter: %w", err)
	}
	return nil
}
