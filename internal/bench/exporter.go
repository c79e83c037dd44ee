package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// exporter prints what one scrape of Prometheus' node exporter costs it.
func exporter(ctx context.Context, o options, out io.Writer) error {
	bin, err := testkit.Find(ctx, "exporter", "prometheus-node-exporter")
	if err != nil {
		return err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	p, err := command.Start(bin.Spec("--web.listen-address=" + address))
	if err != nil {
		return err
	}
	defer p.Stop(5 * time.Second)

	var page []byte
	for page == nil { // until it listens
		if page, err = scrape(ctx, address); err != nil {
			if waitErr := wait(ctx, 20*time.Millisecond); waitErr != nil || hasEnded(p) {
				return fmt.Errorf("scraping: %w; it printed: %s", err, p.Output())
			}
		}
	}
	before, err := cpuTime(p.PID())
	if err != nil {
		return err
	}
	for range o.scrapes {
		if page, err = scrape(ctx, address); err != nil {
			return fmt.Errorf("scraping: %w", err)
		}
	}
	after, err := cpuTime(p.PID())
	if err != nil {
		return err
	}
	each := (after - before) / time.Duration(o.scrapes)
	rows := [][]string{
		{"exporter", "series", "CPU a scrape", "as CPU s/min at 5 s", "RSS MiB"},
		{"prometheus-node-exporter", fmt.Sprint(seriesOf(page)), millis(each), fmt.Sprintf("%.2f", each.Seconds()*12), fmt.Sprintf("%.1f", residentMiB(p.PID()))},
	}
	fmt.Fprintf(out, "\n%d scrapes of /metrics, one after another.\n\n%s", o.scrapes, table(rows))
	return nil
}

func hasEnded(p *command.Process) bool {
	select {
	case <-p.Ended():
		return true
	default:
		return false
	}
}

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func scrape(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return io.ReadAll(resp.Body)
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
