package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// A trouble is something that is bad elsewhere on a node, and must not delay the restart of a service that has nothing to do with it.
type trouble struct {
	name     string
	settings string // stands above the services
	services string // stand before the others, as they would in a file that somebody has written
}

// mostTroubleKills bounds the kills beside a trouble: each may cost Monit half a minute.
const mostTroubleKills = 8

// troubled measures both watchers at one second a cycle beside each trouble, and beside none. Here the agent works alone, so that its mail is
// its own.
func troubled(ctx context.Context, b *bench) error {
	monit, err := testkit.Find(ctx, "monit", "monit")
	if err != nil {
		return err
	}
	deaf, address, err := startDeaf(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = deaf.Close() }()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	rows := [][]string{{"watcher", "beside", "to a new process: median", "p95", "max"}}
	for _, w := range []watcher{
		{name: "dialtone-agent", spec: command.Spec{Argv: []string{b.agent}}, settings: "set heal budget 1000 per hour 1000 per day\n", cycle: time.Second},
		{name: "Monit", spec: monit.Spec(), cycle: time.Second},
	} {
		for _, t := range troubles(port, b.dir) {
			gone, err := b.measureTroubled(ctx, w, t)
			if err != nil {
				return fmt.Errorf("%s beside %s: %w", w.name, t.name, err)
			}
			rows = append(rows, append([]string{w.name, t.name}, spread(gone)...))
		}
	}
	fmt.Fprintf(b.out, "%d kills each, at one second a cycle.\n\n%s", min(b.kills, mostTroubleKills), table(rows))
	return nil
}

// troubles are those that Monit's users report. port is of somebody who accepts and never answers.
func troubles(port, dir string) []trouble {
	var hosts strings.Builder
	for i := range 3 {
		fmt.Fprintf(&hosts, "check host silent%d with address 127.0.0.1\n    if failed port %s protocol http with timeout 5 seconds then alert\n", i, port)
	}
	never := fmt.Sprintf("check process never with pidfile %s/never.pid\n    start program = \"/bin/true\"\n", dir)
	mail := fmt.Sprintf("set mailserver 127.0.0.1 port %s\nset alert nobody@example.com\n", port)
	return []trouble{
		{name: "nothing"},
		{name: "three hosts that accept and never answer", services: hosts.String()},
		{name: "a service whose start never succeeds", services: never},
		{name: "a mail server that accepts and never answers", settings: mail},
	}
}

func (b *bench) measureTroubled(ctx context.Context, w watcher, t trouble) ([]time.Duration, error) {
	dir, err := b.place("trouble")
	if err != nil {
		return nil, err
	}
	s, err := startServices(ctx, filepath.Join(dir, "services"), min(b.kills, mostTroubleKills))
	if err != nil {
		return nil, err
	}
	defer s.end()
	w.settings += t.settings
	p, err := w.start(dir, t.services+processesLoad(s).text)
	if err != nil {
		return nil, err
	}
	defer p.Stop(5 * time.Second)
	if err := w.settle(ctx, 0); err != nil {
		return nil, err
	}
	var gone []time.Duration
	for _, pidfile := range s.pidfiles {
		if err := wait(ctx, rand.N(w.cycle)); err != nil {
			return nil, err
		}
		o, err := s.kill(ctx, pidfile, 2*time.Minute)
		if err != nil {
			return nil, fmt.Errorf("%w; it printed: %s", err, p.Output())
		}
		gone = append(gone, o.gone)
	}
	return gone, nil
}

// startDeaf listens, accepts, and says nothing. The caller closes it.
func startDeaf(ctx context.Context) (net.Listener, string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	go func() {
		var held []net.Conn // until the end: a connection that nobody holds is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				for _, c := range held {
					_ = c.Close()
				}
				return
			}
			held = append(held, conn)
		}
	}()
	return l, l.Addr().String(), nil
}

// verifies times the check of a long control file, which nothing may make wait: `dialtone verify`, and `monit -t` beside it.
func verifies(ctx context.Context, b *bench) error {
	monit, err := testkit.Find(ctx, "monit", "monit")
	if err != nil {
		return err
	}
	dir, err := b.place("verify")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "control")
	if err := os.WriteFile(file, []byte(longFile(dir)), 0o600); err != nil {
		return err
	}
	rows := [][]string{{"command", "median", "p95", "max"}}
	for _, c := range []struct {
		name string
		spec command.Spec
	}{
		{"dialtone verify", command.Spec{Argv: []string{b.dialtone, "verify", file}}},
		{"dialtone-agent -t", command.Spec{Argv: []string{b.agent, "-c", file, "-t"}}},
		{"monit -t", monit.Spec("-c", file, "-t")},
	} {
		var took []time.Duration
		for range 11 {
			r, err := command.Run(ctx, c.spec)
			if err != nil || r.ExitCode != 0 {
				return fmt.Errorf("%s: exit status %d, %w: %s", c.name, r.ExitCode, err, r.Output)
			}
			took = append(took, r.Took)
		}
		rows = append(rows, append([]string{c.name}, spread(took)...))
	}
	fmt.Fprintf(b.out, "%s", table(rows))
	return nil
}

// longFile is a control file of 10,000 lines: 1,000 services.
func longFile(dir string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "set idfile %[1]s/id\nset statefile %[1]s/state\nset pidfile %[1]s/pid\n", dir)
	for i := range 1000 {
		fmt.Fprintf(&text, `check process service-%d with pidfile %s/service-%[1]d.pid
    start program = "/bin/true start service-%[1]d" with timeout 60 seconds
    stop program  = "/bin/true stop service-%[1]d"
    if cpu usage > 80%% for 5 cycles then alert
    if total memory > 500 MB for 3 times within 5 cycles then restart
    if failed host 127.0.0.1 port 8080 protocol http
        request "/health" and status = 200
        for 2 cycles then restart
    if 3 restarts within 10 cycles then unmonitor
    group web
`, i, dir)
	}
	return text.String()
}
