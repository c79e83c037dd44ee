// Package muninnode is `set munin`: the agent answers a Munin master as munin-node does, so that graphs of ten years go on while both are
// in use.
//
// The protocol is a line for a line (guide: master/network-protocol); what it leaves open was tried on munin-node 2.0.73. What a master
// asks for is run for it: plugins that keep a state keep one for each master.
package muninnode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/dialtone/dialtone/checks/munin"
	"github.com/dialtone/dialtone/control"
)

const (
	mostConnections = 16
	idle            = 2 * time.Minute  // until a line comes
	writing         = time.Minute      // until an answer is taken
	longest         = 15 * time.Minute // one connection
)

// Config is what a server is made of. All of it is needed.
type Config struct {
	Settings *control.MuninServer
	Host     string                // the name that the master has for this node
	Plugins  func() []munin.Plugin // those of the newest control file
	Version  string                // of the agent
	Log      *slog.Logger
}

// Server answers masters at one address.
type Server struct {
	config   Config
	listener net.Listener
	allowed  []netip.Prefix
	known    traits
}

// Listen takes the address. Its error says why that could not be had, or which network is none.
func Listen(ctx context.Context, c Config) (*Server, error) {
	s := &Server{config: c}
	for _, text := range c.Settings.Allow {
		network, err := prefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s: set munin: %w", c.Settings.Pos.Place(), err)
		}
		s.allowed = append(s.allowed, network)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Settings.Address)
	if err != nil {
		return nil, fmt.Errorf("%s: set munin: %w", c.Settings.Pos.Place(), err)
	}
	s.listener = netutil.LimitListener(l, mostConnections)
	return s, nil
}

// prefix reads a network, or an address alone.
func prefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Prefix(address.BitLen())
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no network like 10.0.0.0/8", text)
	}
	return network.Masked(), nil
}

// Address is where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.listener.Close() })
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { s.learn(ctx, s.config.Plugins()) })
	for {
		conn, err := s.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if conn != nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("answering Munin masters: %w", err)
		case err != nil: // out of files, for one: it passes
			s.config.Log.Warn("a Munin master could not be answered", "error", err)
			pause(ctx, time.Second)
			continue
		}
		group.Go(func() { s.serve(ctx, conn) })
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// serve talks to one master, if it is one that may ask.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	master, may := s.admit(conn.RemoteAddr())
	if !may {
		s.config.Log.Info("a stranger asked as a Munin master does", "address", conn.RemoteAddr().String())
		return
	}
	newTalk(s, conn, master).run(ctx)
}

// admit says who asks, and whether they may. Without networks in the file, this machine alone may.
func (s *Server) admit(from net.Addr) (master string, may bool) {
	where, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return "", false
	}
	address := where.Addr().Unmap()
	if len(s.allowed) == 0 {
		return address.String(), address.IsLoopback()
	}
	for _, network := range s.allowed {
		if network.Contains(address) {
			return address.String(), true
		}
	}
	return "", false
}
