package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone"
)

// Client gives commands to the agent that answers on a socket. It is safe for concurrent use.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient makes a client of the agent with that command socket. It dials for each command.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: 2 * time.Second}
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// ErrNotRunning is what a command without an agent ends with.
var ErrNotRunning = errors.New("no agent is running")

// Status asks how the node stands.
func (c *Client) Status(ctx context.Context) (dialtone.NodeStatus, error) {
	var status dialtone.NodeStatus
	err := c.ask(ctx, http.MethodGet, statusPath, nil, &status)
	return status, err
}

// Do orders start, stop, restart, monitor or unmonitor, and waits until it is done.
func (c *Client) Do(ctx context.Context, verb Verb, names []string) error {
	return c.command(ctx, doPath, request{Verb: verb, Names: names})
}

// Reload makes the agent read its control file again.
func (c *Client) Reload(ctx context.Context) error { return c.command(ctx, reloadPath, nil) }

// Validate runs a cycle and waits for it.
func (c *Client) Validate(ctx context.Context) error { return c.command(ctx, validatePath, nil) }

// Quit ends the agent, and returns what ends with it: "the agent" where it is alone.
func (c *Client) Quit(ctx context.Context) (ends string, err error) {
	var r reply
	err = c.ask(ctx, http.MethodPost, quitPath, nil, &r)
	return r.Ends, err
}

func (c *Client) command(ctx context.Context, path string, body any) error {
	var r reply
	if err := c.ask(ctx, http.MethodPost, path, body, &r); err != nil {
		return err
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return nil
}

func (c *Client) ask(ctx context.Context, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing the order: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("asking the agent: %w", err)
	}
	got, err := c.http.Do(r)
	if err != nil {
		return c.explain(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(got.Body, 1<<10))
		return fmt.Errorf("the agent refused: %s", strings.TrimSpace(string(why)))
	}
	if err := json.NewDecoder(got.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading the agent's answer: %w", err)
	}
	return nil
}

func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nobody answers on %s", ErrNotRunning, c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the agent of %s belongs to somebody else; ask as root or as that user", c.socket)
	}
	return fmt.Errorf("asking the agent: %w", err)
}
