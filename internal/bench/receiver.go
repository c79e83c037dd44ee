package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A receiver is the far end of a webhook.
type receiver struct {
	url     string
	close   func()
	arrived chan arrival
}

type arrival struct {
	at            time.Time
	kind, service string
}

func startReceiver(ctx context.Context) (*receiver, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + l.Addr().String() + "/", arrived: make(chan arrival, 1000)}
	server := &http.Server{Handler: r, ReadHeaderTimeout: patience}
	r.close = func() { _ = server.Close() }
	go func() { _ = server.Serve(l) }()
	return r, nil
}

// ServeHTTP notes when a request has arrived whole.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	at := time.Now()
	var told struct {
		Kind     string
		Incident struct{ Service string }
	}
	if err := errors.Join(err, json.Unmarshal(body, &told)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.arrived <- arrival{at, told.Kind, told.Incident.Service}
}

// next returns when the next request arrived that tells that the service broke.
func (r *receiver) next(ctx context.Context, service string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case a := <-r.arrived:
			if a.kind == "firing" && a.service == service {
				return a.at, nil
			}
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("waiting for the webhook: %w", ctx.Err())
		}
	}
}
