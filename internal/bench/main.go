// Command bench measures dialtone on this machine, from the outside, and prints the Markdown tables of docs/performance.md. What it is
// measured beside, Monit and Prometheus' node exporter, and what it watches, nginx, come out of Debian packages; see internal/testkit.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// bench says what is measured and for how long; the defaults are those of docs/performance.md.
type bench struct {
	agent    string        // path of dialtone-agent
	dialtone string        // path of dialtone
	kills    int           // daemons in each load; each is killed once
	idle     time.Duration // how long the CPU time of a program at rest is added up
	starts   int           // starts of `dialtone up`
	dir      string        // everything that is written
	out      io.Writer
}

// A section is one heading of the page.
type section struct {
	name, title string
	measure     func(context.Context, *bench) error
	apart       bool // measured only when it is asked for by name
}

var sections = []section{
	{name: "size", title: "Size of the binaries", measure: sizes},
	{name: "heal", title: "A service is killed with -9, and what watching costs", measure: watchers},
	{name: "trouble", title: "A service is killed with -9 while other things are bad", measure: troubled},
	{name: "verify", title: "A control file of 10,000 lines is checked", measure: verifies},
	{name: "page", title: "A failure that is not healed, to the webhook", measure: pages},
	{name: "host", title: "The metrics of the machine alone", measure: hosts},
	{name: "up", title: "From the start to a page with live graphs", measure: starts},
	{name: "nothing", title: "From a clone with empty caches to a page with live graphs", measure: fromNothing, apart: true},
}

func main() {
	var b bench
	flag.StringVar(&b.agent, "agent", "bin/dialtone-agent", "dialtone-agent to measure")
	flag.StringVar(&b.dialtone, "dialtone", "bin/dialtone", "dialtone to measure")
	flag.IntVar(&b.kills, "kills", 20, "daemons in each load; each is killed once")
	flag.DurationVar(&b.idle, "idle", 30*time.Second, "time at rest over which CPU is added up")
	flag.IntVar(&b.starts, "starts", 5, "starts of dialtone up")
	only := flag.String("only", "", "sections to measure, with commas: size,heal,trouble,verify,page,host,up,nothing; empty: all but the last")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	b.out = os.Stdout
	err := b.run(ctx, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, only string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	for _, path := range []*string{&b.agent, &b.dialtone} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	version, err := firstLine(ctx, command.Spec{Argv: []string{b.dialtone, "version"}})
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%s; %s, %s; load average before: %s\n", machine(), version, runtime.Version(), load1())
	for _, s := range chosen {
		fmt.Fprintf(b.out, "\n### %s\n\n", s.title)
		if err := s.measure(ctx, b); err != nil {
			return fmt.Errorf("section %s: %w", s.name, err)
		}
	}
	return nil
}

func choose(only string) ([]section, error) {
	if only == "" {
		return slices.DeleteFunc(slices.Clone(sections), func(s section) bool { return s.apart }), nil
	}
	var chosen []section
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no section %q", name)
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}

// place makes a folder for one run.
func (b *bench) place(name string) (string, error) {
	dir, err := os.MkdirTemp(b.dir, name)
	if err != nil {
		return "", fmt.Errorf("making a folder: %w", err)
	}
	return dir, nil
}
