package control

import (
	"net/url"
	"strings"
)

// setMMonit parses one or more of `URL [with timeout N seconds] [using ssl {…}] [register without credentials] [hostgroups […]]`.
func (p *parser) setMMonit(s *Settings) {
	for {
		m := p.mmonit()
		if p.failed {
			return
		}
		s.MMonit = append(s.MMonit, m)
		p.accept(",")
		if !strings.Contains(p.peek().text, "://") {
			return
		}
	}
}

func (p *parser) mmonit() *MMonit {
	address, t := p.value("the URL of an M/Monit")
	m := &MMonit{Pos: p.position(t)}
	p.mmonitURL(t, m, strings.TrimSuffix(address, ","))
	for !p.failed {
		switch {
		case p.accept("timeout"):
			m.Timeout = p.wait()
		case p.accept("ssl", "tls"):
			p.tlsBlock(m.withTLS())
		case p.peek().kind == bareWord && versionNames[plainVersion(p.peek().text)]:
			p.tlsVersions(m.withTLS())
		case p.accept("certmd5"):
			m.withTLS().Checksum = p.checksum("md5")
		case p.accept("certificate"):
			p.certificate(m.withTLS())
		case p.accept("register"):
			p.accept("credentials") // "without" is noise; credentials are never sent
		case p.accept("hostgroups", "hostgroup"):
			m.HostGroups = p.hostGroups()
		default:
			return m
		}
	}
	return m
}

func (m *MMonit) withTLS() *TLS {
	if m.TLS == nil {
		m.TLS = &TLS{}
	}
	return m.TLS
}

// mmonitURL takes user and password out of a URL.
func (p *parser) mmonitURL(t token, m *MMonit, address string) {
	const form = "write: https://USER:PASSWORD@HOST:PORT/collector"
	u, err := url.Parse(address)
	switch {
	case p.failed:
		return
	case err != nil || u.Hostname() == "":
		p.warn(t, form, "%s is no URL of an M/Monit", quote(mask(address)))
		return
	case u.Scheme != "http" && u.Scheme != "https":
		p.warn(t, form, "M/Monit is reached by http or https, not by %s", quote(u.Scheme))
	}
	if u.User != nil {
		m.Username = u.User.Username()
		password, _ := u.User.Password()
		m.Password = Secret(password)
		u.User = nil
	}
	m.URL = u.String()
	if u.Scheme == "https" {
		m.withTLS().On = true
	}
}

// hostGroups parses `[NAME, …]` or `NAME, …`.
func (p *parser) hostGroups() []string {
	closed := p.accept("[")
	all := p.names("a host group's name")
	if closed {
		p.expect("]")
	}
	return all
}
