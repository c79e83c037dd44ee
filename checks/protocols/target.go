package protocols

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/dialtone/dialtone/control"
)

// Target is a connection test with what the service adds to it.
type Target struct {
	*control.Connection
	host    string        // who is dialed
	timeout time.Duration // of the whole test, never zero
	tls     bool          // TLS from the first byte
	network string        // tcp, udp or unix
}

const connectTimeout = 5 * time.Second // where neither the test nor `set limits` names one

// targetOf says who is asked, and how.
func targetOf(p Protocol, c *control.Connection, address string) Target {
	t := Target{Connection: c, host: c.Host, timeout: c.Timeout, network: "tcp"}
	if t.host == "" {
		t.host = address
	}
	if t.timeout <= 0 {
		t.timeout = connectTimeout
	}
	switch {
	case c.UnixSocket != "":
		t.network = "unix"
	case p.UDP || c.Network == "udp":
		t.network = "udp"
	}
	t.tls = !p.TLSWithin && (p.TLS || c.TLS != nil && (c.TLS.On || !p.StartTLS))
	return t
}

// String names the far side as people write it: 127.0.0.1:80, or the path of a socket.
func (t Target) String() string {
	if t.UnixSocket != "" {
		return t.UnixSocket
	}
	return net.JoinHostPort(t.host, strconv.Itoa(t.Port))
}

// dial connects, with TLS where the test or its protocol has it from the first byte.
func dial(ctx context.Context, t Target) (net.Conn, error) {
	conn, err := dialer(t).DialContext(ctx, t.network+familySuffix(t), t.String())
	if err != nil || !t.tls {
		return conn, err
	}
	return upgrade(ctx, conn, t)
}

// familySuffix turns tcp into tcp4 where the test wants IPv4.
func familySuffix(t Target) string {
	switch {
	case t.network == "unix":
		return ""
	case t.Family == "ipv4":
		return "4"
	case t.Family == "ipv6":
		return "6"
	}
	return ""
}

func dialer(t Target) *net.Dialer {
	ip := net.ParseIP(t.Source)
	switch {
	case ip == nil || t.network == "unix":
		return &net.Dialer{}
	case t.network == "udp":
		return &net.Dialer{LocalAddr: &net.UDPAddr{IP: ip}}
	}
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
}
