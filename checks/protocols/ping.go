package protocols

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/control"
)

const (
	pingCount    = 3
	pingSize     = 64          // bytes of data
	pingMost     = 65507 - 8   // bytes of data that an IPv4 packet holds
	pingInterval = time.Second // between two requests, as ping(8) leaves
)

// ErrNoICMP means that the agent may not send ICMP echo requests: nobody was asked.
var ErrNoICMP = errors.New("sending ping requests needs the right to: run the agent as root, give it CAP_NET_RAW, or let its group be in net.ipv4.ping_group_range")

// ValidatePing says what is wrong with a ping test before anybody is asked.
func ValidatePing(p *control.Ping) error {
	switch {
	case p.Size < 0 || p.Size > pingMost:
		return fmt.Errorf("ping size %d is not between 1 and %d bytes", p.Size, pingMost)
	case p.Source != "" && net.ParseIP(p.Source) == nil:
		return fmt.Errorf("the source address %q is not an IP address", p.Source)
	}
	return nil
}

// Ping sends ICMP echo requests to a host, one a second, until one is answered (RFC 792, RFC 4443) or the last has waited its
// time-out. A name that has several addresses is asked at the first of each family that the test allows. It returns how long the
// answer took, and nil, ErrNoICMP or a sentence.
func Ping(ctx context.Context, p *control.Ping, host string) (took time.Duration, err error) {
	addresses, err := lookup(ctx, p, host)
	if err != nil {
		return 0, err
	}
	for _, address := range addresses {
		took, err = pingAddress(ctx, p, address)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	switch {
	case errors.Is(err, ErrNoICMP):
		return 0, ErrNoICMP
	case err != nil:
		return took, pingFault(err, p, host)
	case p.ResponseOp != "" && p.ResponseOp.Holds(took.Seconds(), p.Response.Seconds()):
		return took, tell("%s answered ping in %s (limit %s %s)", host, took.Round(time.Millisecond/10), p.ResponseOp, p.Response)
	}
	return took, nil
}

func pingFault(err error, p *control.Ping, host string) error {
	switch {
	case timedOut(err):
		return tell("%s answered none of %d ping requests within %s each", host, cmp.Or(p.Count, pingCount), cmp.Or(p.Timeout, connectTimeout))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return tell("%s cannot be pinged from the address %s, which the machine does not have", host, p.Source)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return tell("%s cannot be pinged: no route to it", host)
	}
	return tell("pinging %s failed: %v", host, err)
}

// lookup returns the addresses to ask: one, or two of different families.
func lookup(ctx context.Context, p *control.Ping, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, connectTimeout))
	defer cancel()
	network := map[string]string{"ipv4": "ip4", "ipv6": "ip6"}[p.Family]
	all, err := net.DefaultResolver.LookupNetIP(ctx, cmp.Or(network, "ip"), host)
	if err != nil {
		if name, is := errors.AsType[*net.DNSError](err); is {
			return nil, tell("the name %s does not resolve: %s", host, name.Err)
		}
		return nil, tell("%s has no such address to ping: %v", host, err)
	}
	source, _ := netip.ParseAddr(p.Source)
	var chosen []netip.Addr
	for _, address := range all {
		address = address.Unmap()
		another := len(chosen) == 0 || len(chosen) == 1 && chosen[0].Is4() != address.Is4()
		if another && (!source.IsValid() || source.Unmap().Is4() == address.Is4()) {
			chosen = append(chosen, address)
		}
	}
	if len(chosen) == 0 {
		return nil, tell("%s has no address that %s can ping", host, p.Source)
	}
	return chosen, nil
}

// pingAddress asks one address.
func pingAddress(ctx context.Context, p *control.Ping, address netip.Addr) (time.Duration, error) {
	socket, err := openICMP(address, p.Source)
	if err != nil {
		return 0, err
	}
	defer func() { _ = socket.conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = socket.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	socket.data = make([]byte, cmp.Or(p.Size, pingSize))
	_, _ = rand.Read(socket.data)
	return socket.ask(ctx, cmp.Or(p.Count, pingCount), cmp.Or(p.Timeout, connectTimeout))
}

// PingTakes is how long a ping test can take.
func PingTakes(p *control.Ping) time.Duration {
	const families = 2
	return families * (time.Duration(cmp.Or(p.Count, pingCount)-1)*pingInterval + cmp.Or(p.Timeout, connectTimeout))
}

// forbidden says whether an error is a matter of rights.
func forbidden(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EPROTONOSUPPORT)
}
