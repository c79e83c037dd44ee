package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pages measures from kill -9 to the arrival of the webhook's request, for two failures that nobody heals.
func pages(ctx context.Context, b *bench) error {
	cases := []struct {
		name    string
		measure func(context.Context, *bench) ([]time.Duration, error)
	}{
		{"a process without a start program", unhealed},
		{"a process whose heal budget is spent: it is parked", parked},
	}
	rows := [][]string{{"what fails", "kill -9 to the webhook: median", "p95", "max"}}
	for _, c := range cases {
		took, err := c.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, append([]string{c.name}, spread(took)...))
	}
	fmt.Fprintf(b.out, "%d kills each, one at a time, at a random moment of the cycle of 5 s; `dialtone up`, a receiver on this machine.\n\n%s", b.kills, table(rows))
	return nil
}

// A house is a `dialtone up` that watches daemons and tells a receiver.
type house struct {
	server   *server
	services *services
	receiver *receiver
}

func unhealed(ctx context.Context, b *bench) ([]time.Duration, error) {
	h, err := b.openHouse(ctx, func(s *services) string {
		var text strings.Builder
		for _, pidfile := range s.pidfiles {
			fmt.Fprintf(&text, "check process %s with pidfile %s\n", nameOf(pidfile), pidfile)
		}
		return text.String()
	})
	if err != nil {
		return nil, err
	}
	defer h.close()
	return h.killAll(ctx)
}

func parked(ctx context.Context, b *bench) ([]time.Duration, error) {
	h, err := b.openHouse(ctx, func(s *services) string { return "set heal budget 1 per hour 1 per day\n" + processesLoad(s).text })
	if err != nil {
		return nil, err
	}
	defer h.close()
	var outages []outage
	for _, pidfile := range h.services.pidfiles { // spends the budget
		o, err := h.services.kill(ctx, pidfile, patience)
		if err != nil {
			return nil, err
		}
		outages = append(outages, o)
	}
	if _, err := h.server.verified(ctx, outages); err != nil {
		return nil, err
	}
	if err := h.server.untilWatched(ctx, len(outages)); err != nil {
		return nil, err
	}
	return h.killAll(ctx)
}

func (b *bench) openHouse(ctx context.Context, checks func(*services) string) (_ *house, err error) {
	dir, err := b.place("page")
	if err != nil {
		return nil, err
	}
	h := &house{}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.services, err = startServices(ctx, filepath.Join(dir, "services"), b.kills); err != nil {
		return nil, err
	}
	if h.receiver, err = startReceiver(ctx); err != nil {
		return nil, err
	}
	if err := h.configure(dir, checks(h.services)); err != nil {
		return nil, err
	}
	if h.server, err = b.startServer(ctx, "up", dir); err != nil {
		return nil, err
	}
	return h, h.server.untilWatched(ctx, b.kills)
}

func (h *house) configure(dir, checks string) error {
	secret := filepath.Join(dir, "secret")
	files := map[string]string{
		secret:                               "a shared secret of thirty-two letters",
		filepath.Join(dir, "dialtone.conf"):  fmt.Sprintf("set daemon 5\nset statefile %s/state\n%s", dir, checks),
		filepath.Join(dir, "collector.yaml"): fmt.Sprintf("notifiers:\n  - name: hook\n    type: webhook\n    url: %s\n    secret_file: %s\n", h.receiver.url, secret),
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// killAll kills every service and waits each time for the request that tells it. Twenty messages a minute is what one notifier
// gets before they are put together, so there are at least three seconds between two.
func (h *house) killAll(ctx context.Context) ([]time.Duration, error) {
	var all []time.Duration
	for _, pidfile := range h.services.pidfiles {
		if err := wait(ctx, 3*time.Second+rand.N(time.Second)); err != nil {
			return nil, err
		}
		killed, err := h.services.fell(pidfile)
		if err != nil {
			return nil, err
		}
		arrived, err := h.receiver.next(ctx, nameOf(pidfile))
		if err != nil {
			return nil, fmt.Errorf("%s: %w; dialtone up printed: %s", nameOf(pidfile), err, h.server.Output())
		}
		all = append(all, arrived.Sub(killed))
	}
	return all, nil
}

func (h *house) close() {
	if h.server != nil {
		h.server.stop()
	}
	if h.receiver != nil {
		h.receiver.close()
	}
	if h.services != nil {
		h.services.end()
	}
}
