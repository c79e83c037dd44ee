package control

import (
	"slices"
	"strings"
)

// connection parses the options behind `failed` or `succeeded`, up to the window or `then`.
func (p *parser) connection(succeeded bool) *Connection {
	p.usage = "failed|succeeded [host H] port N | unixsocket PATH | url URL [type tcp|udp] [with tls {…}] [protocol NAME …] [with timeout N seconds] [retry N]"
	c := &Connection{Network: "tcp", Succeeded: succeeded}
	d := &dial{Connection: c}
	at := p.peek()
	for !p.failed {
		t := p.peek()
		option, known := connectionOptions[strings.ToLower(t.text)]
		if p.accept(",") {
			continue
		}
		if !known || t.kind != bareWord || t.first && begins(t) {
			break
		}
		p.take()
		p.onlyWith(t, c, option.protocols)
		option.parse(p, d)
	}
	p.checkConnection(at, d)
	return c
}

// dial is a connection while its options are read.
type dial struct {
	*Connection
	typed  bool   // type tcp or udp is written
	secure string // how TLS is written: tcpssl, ssl or tls; empty: it is not
}

// onlyWith reports an option that needs another protocol.
func (p *parser) onlyWith(t token, c *Connection, protocols []string) {
	if protocols == nil || slices.Contains(protocols, c.Protocol) {
		return
	}
	p.warn(t, "write before it: protocol "+oneOf(protocols), "%s is an option of protocol %s", quote(t.text), oneOf(protocols))
}

// checkConnection reports what does not go together, and settles what the options leave open.
func (p *parser) checkConnection(at token, d *dial) {
	row := protocols[d.Protocol]
	if row.datagram && !d.typed {
		d.Network = "udp"
	}
	p.settleTLS(d)
	switch {
	case p.failed:
	case d.Port == 0 && d.UnixSocket == "":
		p.fail(at, "", "a connection test needs a port, a unixsocket or a url")
	case d.Port != 0 && d.UnixSocket != "":
		p.warn(at, "", "a connection test has a port or a unixsocket, not both")
	case d.Network == "udp" && (d.TLS != nil || row.stream):
		p.warn(at, "", "%s need type tcp", strings.TrimPrefix(d.Protocol+" and TLS", " and "))
	case d.Network == "tcp" && row.datagram:
		p.warn(at, "write: type udp", "protocol %s needs type udp", d.Protocol)
	case d.Script != nil && d.Protocol != "" && d.Protocol != "default":
		p.warn(at, "take out either of the two", "send and expect are a protocol of their own: protocol %s does not go with them", d.Protocol)
	}
}

// settleTLS says whether TLS begins with the first byte. Protocols that are TLS by name know it themselves. Those that can change to
// TLS do so on the ports where their servers begin in clear text; elsewhere `ssl` and `tls` begin with it, as Monit does.
func (p *parser) settleTLS(d *dial) {
	if d.TLS == nil {
		return
	}
	row := protocols[d.Protocol]
	switch {
	case row.secure:
		d.TLS.On = false
	case row.startTLS && slices.Contains(plainPorts, d.Port):
		d.TLS.On = false
	case row.startTLS && !slices.Contains(securePorts, d.Port):
		d.TLS.On = d.secure != ""
	default:
		d.TLS.On = true
	}
}

// The ports on which servers begin in clear text, and those on which they begin with TLS.
var (
	plainPorts  = []int{21, 24, 25, 110, 119, 143, 389, 587, 2000, 3306, 4190, 5432}
	securePorts = []int{465, 563, 636, 990, 993, 995}
)
