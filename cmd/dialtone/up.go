package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone/cmd/internal/agentcmd"
	"github.com/dialtone/dialtone/control"
)

// up starts everything on this machine in one process and runs until ctx ends.
func up(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := newFlags("up", "Starts collector, agent and pages on this machine, and prints the address of the page. Where there is no control\nfile, it looks at the machine and writes one.", stderr)
	var flags serveFlags
	flags.register(fs)
	if err := flags.parse(fs, args); err != nil {
		return flagStatus(err)
	}
	if err := upWith(ctx, flags, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "dialtone up: %v\n", err)
		return 1
	}
	return 0
}

func upWith(ctx context.Context, flags serveFlags, stdout, stderr io.Writer) error {
	log := flags.logger(stderr)
	s, dir, err := flags.open(log)
	if err != nil {
		return err
	}
	if err := prepare(ctx, dir, stdout); err != nil {
		return errors.Join(err, s.close())
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// The collector outlives the agent, so that the agent's last words are kept.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var g errgroup.Group
	g.Go(func() error {
		defer stop()
		return s.run(serving)
	})
	g.Go(func() error {
		defer stopServing()
		return s.watchThisMachine(ctx, dir, log, stdout)
	})
	return errors.Join(g.Wait(), s.close())
}

// prepare writes a control file for this machine where there is none, and says that it did.
func prepare(ctx context.Context, dir folder, stdout io.Writer) error {
	wrote, err := writeOnce(dir.controlFile(), func(f *os.File) error { return writeControlFile(ctx, f, dir.stateFile()) })
	if err != nil {
		return fmt.Errorf("writing a control file for this machine: %w", err)
	}
	if wrote {
		fmt.Fprintf(stdout, "looked at this machine and wrote %s\n", dir.controlFile())
	}
	return nil
}

// watchThisMachine runs the agent of this machine until ctx ends. SIGHUP makes it read its control file again, SIGUSR1 runs
// a cycle now, as they do with dialtone-agent.
func (s *server) watchThisMachine(ctx context.Context, dir folder, log *slog.Logger, stdout io.Writer) error {
	agent, err := agentcmd.Start(ctx, agentcmd.Options{
		ControlFile: dir.controlFile(),
		StateFile:   dir.stateFile(),
		Collector:   &control.Collector{URL: s.door.LocalURL(), TokenFile: dir.tokenFile(), CAFile: s.door.CAFile()},
		Version:     version,
		Ends:        "the agent, the collector and the pages",
		Log:         log,
	})
	if err != nil {
		return err
	}
	s.announce(stdout, dir)
	fmt.Fprintf(stdout, "  what is seen   %s\n", dir.controlFile())

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	for {
		select {
		case err := <-ended:
			return err
		case sig := <-signals:
			if sig == syscall.SIGUSR1 {
				agent.Agent.Cycle(ctx)
			} else if err := agent.Agent.Reload(ctx); err != nil {
				log.Error("the control file is refused, what ran before goes on", "error", err)
			}
		}
	}
}
