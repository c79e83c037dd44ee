package protocols

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// The numbers that icmp.ParseMessage wants of the two protocols.
const (
	icmp4 = 1
	icmp6 = 58
)

// pinger is a socket and what its requests carry.
type pinger struct {
	conn     *icmp.PacketConn
	to       net.Addr
	protocol int
	request  icmp.Type
	reply    icmp.Type
	id       int // of raw sockets; those of datagrams have their own, which the kernel writes and looks at
	raw      bool
	data     []byte // nobody else's: what an answer must carry back
}

// openICMP opens a datagram socket, which needs no rights where the machine allows it, or else a raw one.
func openICMP(to netip.Addr, source string) (*pinger, error) {
	p := &pinger{protocol: icmp4, request: ipv4.ICMPTypeEcho, reply: ipv4.ICMPTypeEchoReply}
	datagram, raw, local := "udp4", "ip4:icmp", "0.0.0.0"
	if to.Is6() {
		p.protocol, p.request, p.reply = icmp6, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
		datagram, raw, local = "udp6", "ip6:ipv6-icmp", "::"
	}
	if source != "" {
		local = source
	}
	var err error
	if p.conn, err = icmp.ListenPacket(datagram, local); err == nil {
		p.to = &net.UDPAddr{IP: to.AsSlice(), Zone: to.Zone()}
		return p, nil
	}
	if !forbidden(err) {
		return nil, err
	}
	if p.conn, err = icmp.ListenPacket(raw, local); err != nil {
		if forbidden(err) {
			return nil, ErrNoICMP
		}
		return nil, err
	}
	id := make([]byte, 2)
	_, _ = rand.Read(id)
	p.to, p.raw, p.id = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}, true, int(binary.BigEndian.Uint16(id))
	return p, nil
}

// ask sends count requests at most, and returns how long the first answer to any of them took.
func (p *pinger) ask(ctx context.Context, count int, timeout time.Duration) (time.Duration, error) {
	var sent []time.Time
	buf := make([]byte, len(p.data)+1500)
	for {
		if len(sent) < count && (len(sent) == 0 || time.Since(sent[len(sent)-1]) >= min(pingInterval, timeout)) {
			if err := p.send(len(sent)); err != nil {
				return 0, err
			}
			sent = append(sent, time.Now())
		}
		wait := timeout
		if len(sent) < count {
			wait = min(pingInterval, timeout)
		}
		number, err := p.receive(ctx, buf, sent[len(sent)-1].Add(wait))
		switch {
		case err != nil && (!timedOut(err) || ctx.Err() != nil || len(sent) == count):
			return 0, err
		case err == nil && number < len(sent):
			if took := time.Since(sent[number]); took <= timeout {
				return took, nil
			}
		}
	}
}

func (p *pinger) send(number int) error {
	m := icmp.Message{Type: p.request, Body: &icmp.Echo{ID: p.id, Seq: number, Data: p.data}}
	packet, err := m.Marshal(nil) // the kernel adds the checksum of ICMPv6
	if err != nil {
		return err
	}
	_, err = p.conn.WriteTo(packet, p.to)
	return err
}

// receive waits for an answer to one of our requests and returns its number. A raw socket hears what everybody gets.
func (p *pinger) receive(ctx context.Context, buf []byte, until time.Time) (int, error) {
	for {
		if err := p.conn.SetReadDeadline(until); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, _, err := p.conn.ReadFrom(buf)
		if err != nil {
			return 0, err
		}
		if number, ours := p.ours(buf[:n]); ours {
			return number, nil
		}
	}
}

// ours says whether a packet answers one of our requests: it brings back our data, which are random.
func (p *pinger) ours(packet []byte) (int, bool) {
	message, err := icmp.ParseMessage(p.protocol, packet)
	if err != nil || message.Type != p.reply {
		return 0, false
	}
	echo, is := message.Body.(*icmp.Echo)
	if !is || p.raw && echo.ID != p.id || !bytes.Equal(echo.Data, p.data) {
		return 0, false
	}
	return echo.Seq, true
}
