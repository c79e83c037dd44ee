package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// patience is how long anything may take that is waited for and not measured.
const patience = time.Minute

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// get returns the body of an address, which must answer 200.
func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func getJSON(ctx context.Context, url string, into any) error {
	body, err := get(ctx, url)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading %s: %w", url, err)
	}
	return nil
}

// until asks done every step until it returns nil, and returns its last error when within is over.
func until(ctx context.Context, step, within time.Duration, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := done()
		if err == nil {
			return nil
		}
		if wait(ctx, step) != nil {
			return fmt.Errorf("after %v: %w", within, err)
		}
	}
}

// untilAnswers waits until a server that was just started answers, and gives up when it ends instead.
func untilAnswers(ctx context.Context, p *command.Process, url string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.Ended():
			cancel()
		case <-ctx.Done():
		}
	}()
	err := until(ctx, 2*time.Millisecond, patience, func() error {
		_, err := get(ctx, url)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w; it printed: %s", err, p.Output())
	}
	return nil
}
