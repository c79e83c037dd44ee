package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// A watcher is a program that starts what died, as its control file tells it.
type watcher struct {
	name     string
	spec     command.Spec
	settings string // what stands above the services in its control file
	cycle    time.Duration
	sends    bool    // to a collector of its own, which keeps a record of heals
	server   *server // that collector; nil: none
}

const longCycle = 30 * time.Second

// found is what was measured of one watcher under one load.
type found struct {
	gone, verified []time.Duration // verified is empty for a watcher that keeps no record
	rest           usage
}

// watchers measures dialtone-agent and Monit under the same loads, and prints how long a killed service was gone and what
// they cost at rest.
func watchers(ctx context.Context, b *bench) error {
	monit, err := testkit.Find(ctx, "monit", "monit")
	if err != nil {
		return err
	}
	version, err := firstLine(ctx, monit.Spec("-V"))
	if err != nil {
		return err
	}
	name := strings.Replace(version, "This is Monit version", "Monit", 1)
	alone := func(cycle time.Duration) watcher {
		return watcher{
			name: "dialtone-agent", spec: command.Spec{Argv: []string{b.agent}}, cycle: cycle,
			settings: "set heal budget 1000 per hour 1000 per day\n",
		}
	}
	sends := func(cycle time.Duration) watcher {
		w := alone(cycle)
		w.name, w.sends = "dialtone-agent, sending", true
		return w
	}
	theirs := func(cycle time.Duration) watcher { return watcher{name: name, spec: monit.Spec(), cycle: cycle} }
	runs := []struct {
		watcher
		mixed bool
	}{
		{sends(5 * time.Second), false},
		{sends(5 * time.Second), true},
		{alone(time.Second), true},
		{alone(5 * time.Second), true},
		{alone(30 * time.Second), true},
		{theirs(time.Second), true},
		{theirs(5 * time.Second), true},
		{theirs(30 * time.Second), true},
	}
	heals := [][]string{{"watcher", "load", "cycle", "to a new process: median", "p95", "max", "to verified: median", "p95", "max"}}
	rests := [][]string{{"watcher", "load", "cycle", "CPU s/min", "of its children", "RSS MiB"}}
	for _, r := range runs {
		l, f, err := b.measureWatcher(ctx, r.watcher, r.mixed)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		head := []string{r.name, l.name, r.cycle.String()}
		heals = append(heals, append(append(head, spread(f.gone)...), spread(f.verified)...))
		rests = append(rests, append([]string{r.name, l.name, r.cycle.String()}, f.rest.cells()...))
	}
	fmt.Fprintf(b.out, "%d kills each, %d where a cycle takes %v, one at a time, at a random moment of the cycle.\n\n%s\nAt rest, for %v:\n\n%s",
		b.kills, min(b.kills, mostTroubleKills), longCycle, table(heals), b.idle, table(rests))
	return nil
}

// measureWatcher starts the services, what they need and the watcher, and measures it at rest and then with kills.
func (b *bench) measureWatcher(ctx context.Context, w watcher, mixed bool) (load, found, error) {
	dir, err := b.place("watch")
	if err != nil {
		return load{}, found{}, err
	}
	services, err := startServices(ctx, dir, b.kills)
	if err != nil {
		return load{}, found{}, err
	}
	defer services.end()
	l := processesLoad(services)
	if mixed {
		web, nginx, err := startNginx(ctx, dir)
		if err != nil {
			return l, found{}, err
		}
		defer nginx.Stop(5 * time.Second)
		if l, err = mixedLoad(services, dir, web); err != nil {
			return l, found{}, err
		}
	}
	if w.sends {
		if w.server, err = b.startServer(ctx, "collector", filepath.Join(dir, "collector")); err != nil {
			return l, found{}, err
		}
		defer w.server.stop()
		w.settings += w.server.uplink()
	}
	f, err := w.measure(ctx, b.idle, dir, l, services)
	return l, f, err
}

func (w watcher) measure(ctx context.Context, idle time.Duration, dir string, l load, s *services) (f found, err error) {
	p, err := w.start(dir, l.text)
	if err != nil {
		return f, err
	}
	defer p.Stop(5 * time.Second)
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w; it printed: %s", err, p.Output())
		}
	}()
	if err = w.settle(ctx, l.services); err != nil {
		return f, err
	}
	rests, err := atRest(ctx, idle, p.PID())
	if err != nil {
		return f, err
	}
	f.rest = rests[0]
	outages, err := w.killAll(ctx, s)
	if err != nil {
		return f, err
	}
	for _, o := range outages {
		f.gone = append(f.gone, o.gone)
	}
	if w.server != nil {
		f.verified, err = w.server.verified(ctx, outages)
	}
	return f, err
}

// start runs the watcher in the foreground with a control file of its own.
func (w watcher) start(dir, services string) (*command.Process, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "set daemon %d\nset log %[2]s/log\nset pidfile %[2]s/watcher.pid\nset idfile %[2]s/id\nset statefile %[2]s/state\n",
		int(w.cycle.Seconds()), dir)
	text.WriteString(w.settings)
	text.WriteString(services)
	file := filepath.Join(dir, "control")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	spec := w.spec
	spec.Argv = append(append([]string(nil), spec.Argv...), "-c", file, "-I")
	return command.Start(spec)
}

// settle waits until the watcher has seen every service, and then for a cycle more.
func (w watcher) settle(ctx context.Context, services int) error {
	if w.server != nil {
		if err := w.server.untilWatched(ctx, services); err != nil {
			return err
		}
		return wait(ctx, w.cycle)
	}
	return wait(ctx, 2*w.cycle+time.Second)
}

// killAll kills one daemon after the other; of a watcher with a long cycle fewer, since each may take as long.
func (w watcher) killAll(ctx context.Context, s *services) ([]outage, error) {
	pidfiles := s.pidfiles
	if w.cycle >= longCycle {
		pidfiles = pidfiles[:min(len(pidfiles), mostTroubleKills)]
	}
	var outages []outage
	for _, pidfile := range pidfiles {
		if err := wait(ctx, rand.N(w.cycle)); err != nil {
			return nil, err
		}
		o, err := s.kill(ctx, pidfile, 10*w.cycle+10*time.Second)
		if err != nil {
			return nil, err
		}
		outages = append(outages, o)
	}
	return outages, nil
}
