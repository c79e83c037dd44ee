package control

import (
	"net/netip"
	"strconv"
	"strings"
)

const httpdUsage = "set httpd port N [address HOST] [unixsocket PATH] [with ssl {pemfile: PATH}] [signature disable] [read-only] allow USER:PASSWORD|@GROUP|NETWORK|HOST|FILE …"

// setHTTPD parses the options of the status page, in any order. A second statement adds to the first, as one may name a port and
// the other a socket.
func (p *parser) setHTTPD(s *Settings) {
	h := s.HTTP
	if h == nil {
		h = &HTTPServer{Pos: p.position(p.last)}
	}
	at := p.peek()
	for p.httpdOption(h) {
	}
	if !p.failed && h.Port == 0 && h.UnixSocket == "" {
		p.fail(at, "", "httpd needs a port or a unixsocket")
	}
	if !p.failed {
		s.HTTP = h
	}
}

// httpdOption parses one option; false is the end of the statement.
func (p *parser) httpdOption(h *HTTPServer) bool {
	t := p.peek()
	switch {
	case p.failed || t.first && begins(t):
		return false
	case p.accept("port"):
		h.Port = p.count("a port", 1, 65535)
	case p.accept("address"):
		h.Address, _ = p.value("a host name or address")
	case p.accept("unixsocket"):
		h.UnixSocket = p.path()
	case p.accept("uid"):
		h.SocketUser, _ = p.value("a user's name or number")
	case p.accept("gid"):
		h.SocketGroup, _ = p.value("a group's name or number")
	case p.accept("permission"):
		h.SocketMode = p.mode12()
	case p.accept("signature"):
		h.HideSignature = !p.either("enable", "disable")
	case p.accept("read-only", "readonly"):
		h.ReadOnly = true
	case p.accept("allow"):
		h.Allow = append(h.Allow, p.allow(t))
	case p.accept(","):
	default:
		return p.httpdTLS(h)
	}
	return !p.failed
}

// httpdTLS parses `ssl {…}`, and the older `ssl enable|disable`, `pemfile PATH`, `clientpemfile PATH` and `allowselfcertification`.
func (p *parser) httpdTLS(h *HTTPServer) bool {
	o := h.TLS
	if o == nil {
		o = &TLS{}
	}
	switch {
	case p.accept("ssl", "tls"):
		if p.accept("disable") {
			h.TLS = nil
			return !p.failed
		}
		p.accept("enable")
		p.tlsBlock(o)
	case p.accept("pemfile"):
		o.PEMFile = p.path()
	case p.accept("clientpemfile"):
		o.ClientPEM = p.path()
	case p.accept("allowselfcertification"):
		o.SelfSigned = true
	default:
		return false
	}
	o.On = true
	h.TLS = o
	return !p.failed
}

// mode12 takes permission bits in octal.
func (p *parser) mode12() uint32 {
	s, t := p.value("an octal permission")
	n, err := strconv.ParseUint(s, 8, 16)
	if !p.failed && (err != nil || n > 0o7777) {
		p.warn(t, "write it as chmod takes it: 660", "%s is no octal permission", quote(s))
		return 0
	}
	return uint32(n)
}

// crypts are how passwords in a file of htpasswd stand.
var crypts = map[string]string{"cleartext": "cleartext", "md5": "md5", "crypt": "crypt"}

// allow parses what follows `allow`: [cleartext|md5|crypt] FILE [USER …], USER:PASSWORD, @GROUP, a network or a host, each with an
// optional read-only.
func (p *parser) allow(at token) Allow {
	a := Allow{Pos: p.position(at)}
	t := p.peek()
	if crypt, is := crypts[strings.ToLower(t.text)]; is && t.kind == bareWord && !strings.HasPrefix(p.ahead(1).text, ":") {
		p.take()
		a.Crypt = crypt
	}
	if t := p.peek(); a.Crypt != "" || strings.HasPrefix(t.text, "/") {
		p.allowFile(&a)
	} else {
		p.allowWhom(&a)
	}
	a.ReadOnly = p.accept("read-only", "readonly")
	return a
}

// allowFile parses `FILE [USER …]`.
func (p *parser) allowFile(a *Allow) {
	if a.Crypt == "" {
		a.Crypt = "cleartext"
	}
	a.File = p.path()
	for t := p.peek(); isValue(t) && !t.is(httpdWords...) && t.kind != numeral; t = p.peek() {
		p.take()
		a.Users = append(a.Users, t.text)
		p.accept(",")
	}
}

// httpdWords end a list of users.
var httpdWords = []string{
	"port", "address", "unixsocket", "uid", "gid", "permission", "signature", "read-only", "readonly", "allow", "ssl", "tls", "pemfile",
	"clientpemfile", "allowselfcertification", "set", "check", "include",
}

// allowWhom parses the forms that are one word. Its parts may be quoted each for itself: admin:"p w".
func (p *parser) allowWhom(a *Allow) {
	text, t := p.glued("who is allowed: USER:PASSWORD, @GROUP, a network or a host")
	if p.failed {
		return
	}
	user, password, both := strings.Cut(text, ":")
	network, is := asNetwork(text)
	switch {
	case is:
		a.Network = network
	case strings.HasPrefix(text, "@") && len(text) > 1:
		a.Group = text[1:]
	case both && user != "" && password != "":
		a.User, a.Password = user, Secret(password)
	case both || strings.ContainsAny(text, "/@"):
		p.warn(t, "write: allow USER:PASSWORD, allow @GROUP, allow 192.0.2.0/24 or allow HOST", "this is neither a user with password nor a group, a network or a host")
	default:
		a.Host = text
	}
}

// glued takes a word with all that stands right behind it.
func (p *parser) glued(what string) (string, token) {
	text, t := p.value(what)
	for next := p.front(); !p.failed && gluedTo(next); next = p.front() {
		p.peekRaw()
		text += p.take().text
	}
	return text, t
}

// gluedTo reports whether a token goes on with the word before it.
func gluedTo(t token) bool {
	return !t.space && !t.first && !t.is(",", ";", "{", "}") && t.kind != endOfText
}

// asNetwork reads an address, a prefix, or an address with a mask of IPv4, and returns it as a prefix.
func asNetwork(s string) (string, bool) {
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && ip.Zone() == "" {
		return netip.PrefixFrom(ip, ip.BitLen()).String(), true
	}
	address, bits, _ := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Zone() != "" {
		return "", false
	}
	if mask, err := netip.ParseAddr(bits); err == nil && mask.Is4() && ip.Is4() {
		return maskedNetwork(ip, mask)
	}
	n, err := strconv.ParseUint(bits, 10, 8)
	if err != nil || int(n) > ip.BitLen() {
		return "", false
	}
	return netip.PrefixFrom(ip, int(n)).Masked().String(), true
}

// maskedNetwork takes masks whose ones all stand before their zeros.
func maskedNetwork(ip, mask netip.Addr) (string, bool) {
	ones, zero := 0, false
	for _, b := range mask.As4() {
		for bit := 7; bit >= 0; bit-- {
			one := b>>bit&1 == 1
			if one && zero {
				return "", false
			}
			zero = zero || !one
			if one {
				ones++
			}
		}
	}
	return netip.PrefixFrom(ip, ones).Masked().String(), true
}
