package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// hosts measures what the machine's own metrics cost every five seconds: dialtone-agent without a service beside Prometheus' node
// exporter that is scraped, both at the same time.
func hosts(ctx context.Context, b *bench) error {
	dir, err := b.place("host")
	if err != nil {
		return err
	}
	s, err := b.startServer(ctx, "collector", filepath.Join(dir, "collector"))
	if err != nil {
		return err
	}
	defer s.stop()
	ours := watcher{spec: command.Spec{Argv: []string{b.agent}}, cycle: 5 * time.Second, settings: s.uplink(), server: s}
	agent, err := ours.start(dir, "")
	if err != nil {
		return err
	}
	defer agent.Stop(5 * time.Second)
	url, version, exporter, err := startExporter(ctx)
	if err != nil {
		return err
	}
	defer exporter.Stop(5 * time.Second)
	if err := ours.settle(ctx, 0); err != nil {
		return fmt.Errorf("%w; the agent printed: %s", err, agent.Output())
	}
	rests, err := atRestWhileScraped(ctx, b.idle, url, agent.PID(), exporter.PID())
	if err != nil {
		return err
	}
	page, err := get(ctx, url)
	if err != nil {
		return err
	}
	series, err := s.count(ctx, `{job="node"}`)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "Every 5 s, for %v. The agent also sends and is acknowledged; nobody stores what the exporter is asked for.\n\n%s", b.idle, table([][]string{
		{"program", "series", "CPU s/min", "of its children", "RSS MiB"},
		append([]string{"dialtone-agent, no services", series}, rests[0].cells()...),
		append([]string{version, fmt.Sprint(seriesOf(page))}, rests[1].cells()...),
	}))
	return nil
}

func startExporter(ctx context.Context) (url, version string, _ *command.Process, _ error) {
	bin, err := testkit.Find(ctx, "exporter", "prometheus-node-exporter")
	if err != nil {
		return "", "", nil, err
	}
	if version, err = firstLine(ctx, bin.Spec("--version")); err != nil || len(strings.Fields(version)) < 3 {
		return "", "", nil, fmt.Errorf("asking the exporter for its version: %q, %w", version, err)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return "", "", nil, err
	}
	p, err := command.Start(bin.Spec("--web.listen-address=" + address))
	if err != nil {
		return "", "", nil, err
	}
	url = "http://" + address + "/metrics"
	if err := untilAnswers(ctx, p, url); err != nil {
		p.Stop(time.Second)
		return "", "", nil, fmt.Errorf("starting the exporter: %w", err)
	}
	return url, strings.Replace(strings.Join(strings.Fields(version)[:3], " "), ", version", "", 1), p, nil
}

// atRestWhileScraped is atRest while url is asked every five seconds.
func atRestWhileScraped(ctx context.Context, span time.Duration, url string, pids ...int) ([]usage, error) {
	scraping, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for wait(scraping, 5*time.Second) == nil {
			if _, err := get(ctx, url); err != nil {
				ended <- fmt.Errorf("scraping: %w", err)
				return
			}
		}
		ended <- nil
	}()
	rests, err := atRest(ctx, span, pids...)
	stop()
	if scrapeErr := <-ended; err == nil {
		err = scrapeErr
	}
	return rests, err
}

func seriesOf(page []byte) int {
	n := 0
	for line := range bytes.Lines(page) {
		if len(bytes.TrimSpace(line)) > 0 && line[0] != '#' {
			n++
		}
	}
	return n
}
