// Package httpd is `set httpd`: the agent's own status page and the documents that Monit's readers fetch, for machines without a
// collector and for tools that know Monit's addresses.
//
// Everything is read from the agent when it is asked for; the server keeps nothing. Who may come in is in allow.go.
package httpd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/net/netutil"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/control"
)

// mostConnections bounds what strangers can hold open.
const mostConnections = 64

// Config is what a server is made of. All of it is needed.
type Config struct {
	Settings *control.HTTPServer
	Doc      func() statusdoc.Doc // how the node stands now
	Do       func(ctx context.Context, verb agent.Verb, names []string, who string) error
	Write    Texts
	Version  string
	Log      *slog.Logger
}

// Texts write what the commands of the same names print.
type Texts struct {
	Status, Summary, Report func(io.Writer, dialtone.NodeStatus)
}

// Server serves one `set httpd`.
type Server struct {
	config    Config
	gate      *gate
	listeners []net.Listener
	http      *http.Server
}

// Listen takes the port, the Unix socket, or both. Its error names what could not be had; nothing is served then.
func Listen(ctx context.Context, c Config) (*Server, error) {
	s := &Server{config: c, gate: newGate(c.Settings.Allow, c.Log)}
	secure, err := serverTLS(c.Settings.TLS)
	if err != nil {
		return nil, fmt.Errorf("%s: set httpd: %w", c.Settings.Pos.Place(), err)
	}
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 5 * time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	if err := s.listen(ctx, secure); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: set httpd: %w", c.Settings.Pos.Place(), err), s.close())
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context, secure *tls.Config) error {
	h := s.config.Settings
	if h.Port > 0 {
		address := h.Address
		if address == "" {
			address = "localhost"
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(h.Port)))
		if err != nil {
			return err
		}
		l = netutil.LimitListener(l, mostConnections)
		if secure != nil {
			l = tls.NewListener(l, secure)
		}
		s.listeners = append(s.listeners, l)
	}
	if h.UnixSocket != "" {
		l, err := listenUnix(ctx, h)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, netutil.LimitListener(l, mostConnections))
	}
	return nil
}

// listenUnix makes the socket, with the owner and mode that the file names; a dead one in its place is removed.
func listenUnix(ctx context.Context, h *control.HTTPServer) (net.Listener, error) {
	if info, err := os.Lstat(h.UnixSocket); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(h.UnixSocket); err != nil {
			return nil, fmt.Errorf("removing the socket of an agent that is gone: %w", err)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", h.UnixSocket)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(h.SocketMode)
	if mode == 0 {
		mode = 0o600
	}
	err = os.Chmod(h.UnixSocket, mode)
	if err == nil {
		err = own(h)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func own(h *control.HTTPServer) error {
	uid, gid := -1, -1
	if h.SocketUser != "" {
		u, err := user.Lookup(h.SocketUser)
		if err != nil {
			return err
		}
		uid, _ = strconv.Atoi(u.Uid)
	}
	if h.SocketGroup != "" {
		g, err := user.LookupGroup(h.SocketGroup)
		if err != nil {
			return err
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return os.Chown(h.UnixSocket, uid, gid)
}

// serverTLS reads the server's certificate, and what it wants of its clients.
func serverTLS(t *control.TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	certificate, key := t.PEMFile, t.PEMFile
	if t.PEMChain != "" {
		certificate, key = t.PEMChain, t.PEMKey
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if t.ClientPEM == "" {
		return c, nil
	}
	text, err := os.ReadFile(t.ClientPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of clients: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", t.ClientPEM)
	}
	return c, nil
}

// Addresses are where it listens.
func (s *Server) Addresses() []net.Addr {
	var all []net.Addr
	for _, l := range s.listeners {
		all = append(all, l.Addr())
	}
	return all
}

// Run serves until ctx ends, and then closes what Listen took.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stop()
	ended := make(chan error)
	for _, l := range s.listeners {
		go func() { ended <- s.http.Serve(l) }()
	}
	var errs []error
	for range s.listeners {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
			_ = s.http.Close()
		}
	}
	return errors.Join(append(errs, s.close())...)
}

func (s *Server) close() error {
	var errs []error
	for _, l := range s.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
