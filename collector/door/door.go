// Package door is the collector's one address: it listens, speaks TLS where it must, and says who may come in.
//
// Bound to a loopback address nobody logs in, and only requests that name a loopback host are answered, so that no web site
// can reach the pages through a visitor's browser (DNS rebinding). Bound to any other address everything is TLS, pages and
// API ask for a password that was made at the first start, and agents show their token.
package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// stopTimeout bounds how long open requests may take to end when the door closes.
const stopTimeout = 5 * time.Second

// Config says where the door is. Dir holds what it makes for itself: tls/ and password.
type Config struct {
	Address  string // host:port; port 0 takes a free one
	Dir      string
	CertFile string // PEM; with KeyFile, instead of the certificate that the door makes
	KeyFile  string
	Open     []string // paths that check callers by themselves: the agents' stream
	Log      *slog.Logger
}

// Door is an open door; Serve closes it.
type Door struct {
	cfg      Config
	listener net.Listener
	loopback bool
	password string
	caFile   string
}

// Open listens. Its error says which address is taken and what to do about it.
func Open(cfg Config) (*Door, error) {
	host, _, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: the address must be HOST:PORT, for example 127.0.0.1:8420", cfg.Address)
	}
	d := &Door{cfg: cfg, loopback: isLoopback(host)}
	if d.listener, err = listen(cfg.Address); err != nil {
		return nil, err
	}
	if d.loopback && cfg.CertFile == "" {
		return d, nil
	}
	if err := d.secure(host); err != nil {
		return nil, errors.Join(err, d.listener.Close())
	}
	return d, nil
}

func listen(address string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listening on %s: another program has this port; stop it or choose another with --listen HOST:PORT", address)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listening on %s: not permitted; ports below 1024 need root, choose another with --listen HOST:PORT", address)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return l, nil
}

// URL is the address of the first page, as a person on this machine types it.
func (d *Door) URL() string {
	host, port, err := net.SplitHostPort(d.listener.Addr().String())
	if err != nil {
		return d.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = machineName()
	}
	scheme := "http"
	if d.TLS() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// LocalURL is the address for this machine's own agent: a name that the certificate covers and that needs no resolver where
// the door made the certificate itself.
func (d *Door) LocalURL() string {
	_, port, err := net.SplitHostPort(d.listener.Addr().String())
	if err != nil || d.caFile == "" {
		return d.URL()
	}
	return "https://" + net.JoinHostPort("127.0.0.1", port)
}

// TLS reports whether callers must speak TLS.
func (d *Door) TLS() bool { return d.password != "" || d.cfg.CertFile != "" }

// CAFile is the certificate that agents must name to trust a certificate made by the door; empty where none was made.
func (d *Door) CAFile() string { return d.caFile }

// PasswordFile is where the password of user admin stands; empty where nobody logs in.
func (d *Door) PasswordFile() string {
	if d.password == "" {
		return ""
	}
	return passwordFile(d.cfg.Dir)
}

// Serve answers requests until ctx ends, then lets open ones finish for a few seconds and closes the rest.
func (d *Door) Serve(ctx context.Context, h http.Handler) error {
	server := &http.Server{
		Handler:           d.guard(h),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(d.cfg.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(d.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving %s: %w", d.cfg.Address, err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// Close stops listening; a door that was served is closed already, and closing it again does nothing.
func (d *Door) Close() error {
	if err := d.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func machineName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
