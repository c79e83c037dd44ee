// Command server serves the pages over a fake fleet, for the browser tests and for looking at them. It is no part of the product.
//
//	go run ./dashboards/web/e2e/server [-listen 127.0.0.1:0] [-empty]
//
// It prints its address and ends with its standard input.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/dialtone/dialtone/dashboards"
	"github.com/dialtone/dialtone/dashboards/web/e2e/fake"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	empty := flag.Bool("empty", false, "a fleet to which nobody has reported")
	flag.Parse()
	fleet := fake.Busy(time.Now)
	fleet.AddMunin()
	if *empty {
		fleet = fake.Empty(time.Now)
	}
	pages, err := dashboards.New(dashboards.Config{Source: fleet, Actions: fleet, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Zone: time.UTC, Version: "0.1.0"})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	server := &http.Server{Handler: pages, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
