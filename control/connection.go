package control

import "strings"

// connectionOption reads one option of a connection test into it. Options come in any order.
type connectionOption func(p *parser, c *Connection)

var connectionOptions = map[string]connectionOption{
	"host":       func(p *parser, c *Connection) { c.Host, _ = p.value("a host name or address") },
	"port":       func(p *parser, c *Connection) { c.Port = p.count("a port", 1, 65535) },
	"unixsocket": func(p *parser, c *Connection) { c.UnixSocket = p.path() },
	"unix":       func(p *parser, c *Connection) { c.UnixSocket = p.path() },
	"type":       (*parser).connectionType,
	"ssl":        (*parser).connectionTLS,
	"tls":        (*parser).connectionTLS,
	"protocol":   (*parser).protocol,
	"proto":      (*parser).protocol,
	"timeout":    func(p *parser, c *Connection) { c.Timeout = p.wait() },
	"retry":      func(p *parser, c *Connection) { c.Retry = p.count("the number of tries", 1, 100) },

	"request":    httpOption(func(p *parser, h *HTTPTest) { h.Request = p.request() }),
	"status":     httpOption(func(p *parser, h *HTTPTest) { h.StatusOp, h.Status = p.operator(), p.count("an HTTP status", 100, 999) }),
	"content":    httpOption(func(p *parser, h *HTTPTest) { h.Content, h.ContentNot = p.matching() }),
	"method":     httpOption(func(p *parser, h *HTTPTest) { h.Method, _ = choice(p, "method", methods) }),
	"hostheader": httpOption(func(p *parser, h *HTTPTest) { h.Host, _ = p.value("a host name") }),
}

var methods = map[string]string{"get": "GET", "head": "HEAD"}

// connection parses the options behind `failed` or `succeeded`, up to the window or `then`.
func (p *parser) connection(succeeded bool) *Connection {
	p.usage = "failed|succeeded [host H] port N | unixsocket PATH [type tcp|udp|tcpssl] [protocol default|http|https …] [with timeout N seconds] [retry N]"
	c := &Connection{Network: "tcp", Succeeded: succeeded}
	at := p.peek()
	for !p.failed {
		t := p.peek()
		option, known := connectionOptions[strings.ToLower(t.text)]
		if !known || t.kind != bareWord {
			break
		}
		p.take()
		option(p, c)
	}
	t := p.peek()
	if hint, monits := monitsOptions[strings.ToLower(t.text)]; monits && t.kind == bareWord {
		p.notYet(t, hint)
	}
	p.checkConnection(at, c)
	return c
}

// checkConnection reports what does not go together.
func (p *parser) checkConnection(at token, c *Connection) {
	switch {
	case p.failed:
	case c.Port == 0 && c.UnixSocket == "":
		p.fail(at, "", "a connection test needs a port or a unixsocket")
	case c.Port != 0 && c.UnixSocket != "":
		p.warn(at, "", "a connection test has a port or a unixsocket, not both")
	case c.Network == "udp" && (c.TLS != nil || c.Protocol == "http"):
		p.warn(at, "", "http and TLS need type tcp")
	}
}

func (p *parser) connectionType(c *Connection) {
	types := map[string]string{"tcp": "tcp", "udp": "udp", "tcpssl": "tcp"}
	network, t := choice(p, "type", types)
	c.Network = network
	c.secure(t.is("tcpssl"))
}

func (p *parser) connectionTLS(c *Connection) {
	c.secure(true)
	if t := p.peek(); t.is("{") {
		p.fail(t, "the certificate is verified against this machine's roots", "this version of dialtone knows no options of ssl or tls")
	}
}

// protocols are those of this version, in the words of the AST; https is http over TLS.
var protocols = map[string]string{"default": "default", "http": "http", "https": "http"}

func (p *parser) protocol(c *Connection) {
	name, t := choice(p, "protocol of this version of dialtone", protocols)
	c.Protocol = name
	c.secure(t.is("https"))
}

// httpOption makes an option that only protocol http has.
func httpOption(read func(p *parser, h *HTTPTest)) connectionOption {
	return func(p *parser, c *Connection) {
		if c.Protocol != "http" {
			p.warn(p.last, "write before it: protocol http", "%s is an option of protocol http", quote(p.last.text))
		}
		read(p, &c.HTTP)
	}
}

// request takes the path and query of an HTTP request.
func (p *parser) request() string {
	s, t := p.value("a path")
	if !p.failed && !strings.HasPrefix(s, "/") {
		p.warn(t, `write: request "/`+printable(s)+`"`, "a request begins with /")
	}
	return s
}

// secure asks for TLS from the first byte.
func (c *Connection) secure(on bool) {
	if !on {
		return
	}
	if c.TLS == nil {
		c.TLS = &TLS{}
	}
	c.TLS.On = true
}
