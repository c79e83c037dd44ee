package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// A watcher is a program that starts what died, as one control file tells it.
type watcher struct {
	name     string
	spec     command.Spec
	settings string // what stands above the services in its control file
	cycle    time.Duration
}

// watchers kills every service once under each watcher and prints how long each was gone.
func watchers(ctx context.Context, o options, dir string, out io.Writer) error {
	monit, err := testkit.Find(ctx, "monit", "monit")
	if err != nil {
		return err
	}
	version, err := firstLine(ctx, monit.Spec("-V"))
	if err != nil {
		return err
	}
	all := []watcher{
		{name: strings.TrimPrefix(version, "This is "), spec: monit.Spec(), cycle: 5 * time.Second},
		{name: strings.TrimPrefix(version, "This is "), spec: monit.Spec(), cycle: time.Second},
	}
	if o.agent != "" {
		ours := watcher{name: "dialtone-agent", spec: command.Spec{Argv: []string{o.agent}}, cycle: 5 * time.Second, settings: "set heal budget 100 per hour 100 per day\n"}
		all = slices.Insert(all, 0, ours)
	}
	rows := [][]string{{"watcher", "cycle", "kill -9 to new process: median", "p95", "max", "at rest: CPU s/min", "RSS MiB"}}
	for i, w := range all {
		place := filepath.Join(dir, fmt.Sprint(i))
		row, err := w.measure(ctx, o, place)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		rows = append(rows, row)
	}
	fmt.Fprintf(out, "\n%d processes watched by pid file; each killed once, at a random time of the cycle; at rest for %v.\n\n%s", o.services, o.idle, table(rows))
	return nil
}

func (w watcher) measure(ctx context.Context, o options, dir string) ([]string, error) {
	services, err := startServices(ctx, dir, o.services)
	if err != nil {
		return nil, err
	}
	defer services.end()
	file, err := w.writeControlFile(dir, services)
	if err != nil {
		return nil, err
	}
	spec := w.spec
	spec.Argv = append(slices.Clip(spec.Argv), "-c", file, "-I")
	p, err := command.Start(spec)
	if err != nil {
		return nil, err
	}
	defer p.Stop(5 * time.Second)

	if err := wait(ctx, 2*w.cycle+time.Second); err != nil { // it has seen every service once
		return nil, err
	}
	cpu, rss, err := atRest(ctx, p.PID(), o.idle)
	if err != nil {
		return nil, fmt.Errorf("%w; it printed: %s", err, p.Output())
	}
	gone, err := w.killAll(ctx, services)
	if err != nil {
		return nil, fmt.Errorf("%w; it printed: %s", err, p.Output())
	}
	return []string{
		w.name, w.cycle.String(), millis(quantile(gone, 0.5)), millis(quantile(gone, 0.95)), millis(quantile(gone, 1)),
		fmt.Sprintf("%.2f", cpu), fmt.Sprintf("%.1f", rss),
	}, nil
}

func (w watcher) killAll(ctx context.Context, s *services) ([]time.Duration, error) {
	var gone []time.Duration
	for _, pidfile := range s.pidfiles {
		if err := wait(ctx, rand.N(w.cycle)); err != nil {
			return nil, err
		}
		took, err := s.kill(ctx, pidfile, 10*w.cycle+10*time.Second)
		if err != nil {
			return nil, err
		}
		gone = append(gone, took)
	}
	return gone, nil
}

// writeControlFile writes what every watcher gets, in the language that they share.
func (w watcher) writeControlFile(dir string, s *services) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "set daemon %d\nset log %[2]s/log\nset pidfile %[2]s/watcher.pid\nset idfile %[2]s/id\nset statefile %[2]s/state\n",
		int(w.cycle.Seconds()), dir)
	b.WriteString(w.settings)
	for i, pidfile := range s.pidfiles {
		fmt.Fprintf(&b, "check process tone%d with pidfile %s\n    start program = \"%s %[2]s\"\n    stop program = \"/bin/true\"\n", i, pidfile, s.script)
	}
	path := filepath.Join(dir, "control")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

func firstLine(ctx context.Context, s command.Spec) (string, error) {
	r, err := command.Run(ctx, s)
	line, _, _ := strings.Cut(r.Output, "\n")
	return strings.TrimSpace(line), err
}
