package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// A server is a running `dialtone up` or `dialtone collector`.
type server struct {
	*command.Process
	url string
	dir string
}

// startServer returns once the first page answers; the caller stops the server. What stands in dir already is used.
func (b *bench) startServer(ctx context.Context, verb, dir string) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := command.Start(command.Spec{Argv: []string{b.dialtone, verb, "--dir", dir, "--listen", address}})
	if err != nil {
		return nil, err
	}
	s := &server{Process: p, url: "http://" + address, dir: dir}
	if err := untilAnswers(ctx, p, s.url+"/"); err != nil {
		s.stop()
		return nil, fmt.Errorf("starting dialtone %s: %w", verb, err)
	}
	return s, nil
}

func (s *server) stop() { s.Stop(10 * time.Second) }

// uplink is the line of a control file that sends an agent here.
func (s *server) uplink() string {
	return fmt.Sprintf("set collector %s with token file %s\n", s.url, filepath.Join(s.dir, "token"))
}

// node and event are what is read here of the API's answers.
type node struct {
	Name      string
	Connected bool
	Services  []struct{ Name, State, Why string }
}

type event struct {
	At      time.Time
	Service string
	Heal    *struct {
		Started time.Time
		Outcome string
	}
}

// theNode returns the only node, once it is there.
func (s *server) theNode(ctx context.Context) (node, error) {
	var nodes []node
	if err := getJSON(ctx, s.url+"/api/dialtone/v1/nodes", &nodes); err != nil {
		return node{}, err
	}
	if len(nodes) != 1 || !nodes[0].Connected {
		return node{}, errors.New("no node is connected")
	}
	return nodes[0], nil
}

// untilWatched waits until a node is connected and so many services are well.
func (s *server) untilWatched(ctx context.Context, services int) error {
	return until(ctx, 100*time.Millisecond, patience, func() error {
		n, err := s.theNode(ctx)
		if err != nil {
			return err
		}
		if len(n.Services) != services {
			return fmt.Errorf("%d services are watched, want %d", len(n.Services), services)
		}
		for _, service := range n.Services {
			if service.State != "ok" {
				return fmt.Errorf("%s is %s: %s", service.Name, service.State, service.Why)
			}
		}
		return nil
	})
}

// verified returns, for each outage, how long it took until the agent had verified by its check that the service is back, and had
// journalled that: the time of the event, on the clock that they share.
func (s *server) verified(ctx context.Context, outages []outage) ([]time.Duration, error) {
	var took []time.Duration
	err := until(ctx, 100*time.Millisecond, patience, func() error {
		var events []event
		if err := getJSON(ctx, s.url+"/api/dialtone/v1/events?kind=heal&limit=10000", &events); err != nil {
			return err
		}
		took = took[:0]
		for _, o := range outages {
			d, found := verifiedAfter(o, events)
			if !found {
				return fmt.Errorf("no heal of %s is on record", o.service)
			}
			took = append(took, d)
		}
		return nil
	})
	return took, err
}

func verifiedAfter(o outage, events []event) (time.Duration, bool) {
	for _, e := range events {
		if e.Service == o.service && e.Heal != nil && e.Heal.Outcome == "healed" && e.Heal.Started.After(o.killed) {
			return e.At.Sub(o.killed), true
		}
	}
	return 0, false
}

// count asks how many series match.
func (s *server) count(ctx context.Context, matcher string) (string, error) {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	err := getJSON(ctx, s.url+"/api/v1/query?query="+url.QueryEscape("count("+matcher+")"), &answer)
	if err != nil {
		return "", err
	}
	if len(answer.Data.Result) != 1 {
		return "", fmt.Errorf("no series matches %s", matcher)
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1]), nil
}
