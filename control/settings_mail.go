package control

import (
	"regexp"
	"slices"
	"strings"
)

const mailServerUsage = "set mailserver HOST [port N] [username U password P] [using tls {…}], … [with timeout N seconds] [using hostname NAME]"

// setMailServer parses a list of servers and what holds for all of them.
func (p *parser) setMailServer(s *Settings) {
	m := MailServers{}
	for {
		server := p.mailServer(&m)
		if p.failed {
			return
		}
		m.Servers = append(m.Servers, server)
		if !p.accept(",") {
			break
		}
	}
	s.Mail = m
}

// mailServer parses one server. Timeout and hostname, which hold for all, may stand behind any of them.
func (p *parser) mailServer(all *MailServers) *MailServer {
	host, t := p.value("a mail server's name")
	server := &MailServer{Pos: p.position(t), Host: host}
	secure := ""
	for !p.failed {
		switch t := p.peek(); {
		case p.accept("port"):
			server.Port = p.count("a port", 1, 65535)
		case p.accept("username"):
			server.Username, _ = p.value("a user's name")
		case p.accept("password"):
			server.Password = p.secret("a password")
		case t.is("certificate"), t.is("certmd5"), t.is("ssl", "tls"), versionNames[plainVersion(t.text)] && t.kind == bareWord:
			secure = p.mailTLS(server, secure)
		case p.accept("timeout"):
			all.Timeout = p.wait()
		case p.accept("hostname"):
			all.Hostname, _ = p.value("a host name")
		default:
			server.settleTLS(secure)
			return server
		}
	}
	return server
}

// mailTLS parses one TLS option of a mail server and returns how TLS is written.
func (p *parser) mailTLS(server *MailServer, secure string) string {
	if server.TLS == nil {
		server.TLS = &TLS{}
	}
	switch t := p.peek(); {
	case p.accept("certificate"):
		p.certificate(server.TLS)
	case p.accept("certmd5"):
		server.TLS.Checksum = p.checksum("md5")
	case p.accept("ssl", "tls"):
		p.tlsBlock(server.TLS)
		return strings.ToLower(t.text)
	default:
		p.tlsVersions(server.TLS)
		return strings.ToLower(t.text[:3])
	}
	return secure
}

// settleTLS says whether TLS begins with the first byte: on port 465, and where the file asks for TLS on a port that is not one on
// which servers begin in clear text. So does Monit.
func (m *MailServer) settleTLS(secure string) {
	if m.TLS == nil {
		return
	}
	m.TLS.On = m.Port == 465 || secure != "" && m.Port != 0 && !slices.Contains(plainPorts, m.Port)
}

// setEventQueue parses `set eventqueue [basedir PATH] [slots N]`.
func (p *parser) setEventQueue(s *Settings) {
	q := EventQueue{}
	at := p.peek()
	for !p.failed {
		switch {
		case p.accept("basedir"):
			q.BaseDir = p.path()
		case p.accept("slots"):
			q.Slots = p.count("the number of slots", 1, 10_000_000)
		case q == EventQueue{}:
			p.fail(at, "", "expected basedir or slots, found %s", describe(at))
		default:
			s.EventQueue = q
			return
		}
	}
}

// mailField finds the fields of a mail-format. The message is the last: what follows is its text, whatever it looks like.
var mailField = regexp.MustCompile(`(?i)(?:^|\s)(from|reply-to|subject|message)[ \t]*:`)

// mailFormat parses `{ from: … reply-to: … subject: … message: … }` and returns the format that was, with what is written here.
// Its texts have no quotation marks, and may have any character but }.
func (p *parser) mailFormat(was MailFormat) MailFormat {
	at := p.peek()
	text, found := p.raw("{", "}")
	if !found {
		return was
	}
	fields := map[string]*string{"from": &was.From, "reply-to": &was.ReplyTo, "subject": &was.Subject, "message": &was.Message}
	match := mailField.FindStringSubmatchIndex(text)
	if match == nil || strings.TrimSpace(text[:match[0]]) != "" {
		p.warn(at, "write: mail-format { from: NAME@HOST subject: TEXT message: TEXT }", "a mail-format has from:, reply-to:, subject: or message:")
		return was
	}
	for match != nil {
		name := strings.ToLower(text[match[2]:match[3]])
		text = text[match[1]:]
		match = mailField.FindStringSubmatchIndex(text)
		value := text
		if name == "message" {
			match = nil
		}
		if match != nil {
			value = text[:match[0]]
		}
		*fields[name] = p.mailText(at, name, value)
	}
	return was
}

// mailText is the text of one field: only a message has several lines.
func (p *parser) mailText(at token, name, value string) string {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		p.warn(at, "", "the %s of a mail-format is empty", name)
	case name != "message" && strings.ContainsAny(value, "\r\n"):
		p.warn(at, "", "the %s of a mail-format is one line", name)
	case (name == "from" || name == "reply-to") && !strings.Contains(value, "@"):
		p.warn(at, "write: "+name+": NAME@HOST, or "+name+": A PERSON <NAME@HOST>", "the %s of a mail-format is no mail address", name)
	}
	return value
}
