package control

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// setting is one row of the table of `set` statements.
type setting struct {
	usage string
	parse func(p *parser, s *Settings)
}

var settings = map[string]setting{
	"daemon":    {"set daemon N [with start delay N]", (*parser).setDaemon},
	"init":      {"set init", func(_ *parser, s *Settings) { s.Init = true }},
	"node":      {"set node NAME [with roles A, B] [site S]", (*parser).setNode},
	"collector": {"set collector URL with token file PATH [ca file PATH]", (*parser).setCollector},
	"metrics":   {"set metrics address HOST:PORT", (*parser).setMetrics},
	"heal":      {"set heal budget N per hour [N per day] [with backoff N seconds]", (*parser).setHeal},
	"log":       {"set log PATH, or set log syslog", (*parser).setLog},
	"logfile":   {"set logfile PATH, or set logfile syslog", (*parser).setLog},
	"pidfile":   {"set pidfile PATH", func(p *parser, s *Settings) { s.Pidfile = p.path() }},
	"idfile":    {"set idfile PATH", func(p *parser, s *Settings) { s.IDFile = p.path() }},
	"statefile": {"set statefile PATH", func(p *parser, s *Settings) { s.StateFile = p.path() }},
}

// set parses `set SETTING …`. It ends the check above it.
func (p *parser) set(token) {
	p.service, p.deaf = nil, false
	t := p.peek()
	row, known := settings[strings.ToLower(t.text)]
	if known && t.kind == bareWord {
		p.take()
		p.usage = row.usage
		row.parse(p, &p.file.Settings)
		return
	}
	if hint, monits := monitsSettings[strings.ToLower(t.text)]; monits {
		p.fail(t, hint, "Monit has %s, but this version of dialtone does not know it", quote("set "+strings.ToLower(t.text)))
		return
	}
	choice(p, "setting", settings)
}

func (p *parser) setDaemon(s *Settings) {
	if interval := p.wait(); !p.failed {
		s.Interval = interval
	}
	if p.accept("start") {
		p.expect("delay")
		s.StartDelay = p.wait()
	}
}

func (p *parser) setNode(s *Settings) {
	s.Node.Name, _ = p.name("a node's name")
	for !p.failed {
		switch {
		case p.accept("roles", "role"):
			s.Node.Roles = p.names("a role")
		case p.accept("site"):
			s.Node.Site, _ = p.value("a site's name")
		default:
			return
		}
	}
}

func (p *parser) setCollector(s *Settings) {
	at := p.peek()
	address, _ := p.value("the collector's URL")
	p.checkCollectorURL(at, address)
	c := &Collector{Pos: p.position(at), URL: address}
	p.expect("token")
	p.expect("file")
	c.TokenFile = p.path()
	if p.accept("ca") {
		p.expect("file")
		c.CAFile = p.path()
	}
	if !p.failed {
		s.Collector = c
	}
}

// checkCollectorURL lets no token leave the machine in clear.
func (p *parser) checkCollectorURL(at token, address string) {
	const form = "write: https://HOST:PORT"
	u, err := url.Parse(address)
	switch {
	case p.failed:
	case err != nil || u.Host == "" || u.Hostname() == "":
		p.warn(at, form, "%s is no URL of a collector", quote(address))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		p.warn(at, form, "a collector's URL has scheme, host and port only")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		p.warn(at, "write https://"+printable(u.Host), "http would carry the token in clear: it is allowed to a loopback address only")
	case u.Scheme != "http" && u.Scheme != "https":
		p.warn(at, form, "a collector is reached by https, not by %s", quote(u.Scheme))
	}
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (p *parser) setMetrics(s *Settings) {
	p.expect("address")
	at := p.peek()
	address, _ := p.value("HOST:PORT")
	if p.failed {
		return
	}
	_, port, err := net.SplitHostPort(address)
	if n, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil || n == 0 {
		p.warn(at, `write an IPv6 address as "[::1]:9100"`, "%s is not HOST:PORT", quote(address))
		return
	}
	s.Metrics = address
}

// mostHeals bounds a budget that would bound nothing.
const mostHeals = 10000

func (p *parser) setHeal(s *Settings) {
	p.expect("budget")
	b := Budget{PerHour: p.count("the number of heals", 1, mostHeals)}
	p.expect("hour")
	if p.peek().kind == numeral {
		b.PerDay = p.count("the number of heals", 1, mostHeals)
		p.expect("day")
	}
	if p.accept("backoff") {
		b.Backoff = p.wait()
	}
	if !p.failed {
		s.Budget = b
	}
}

func (p *parser) setLog(s *Settings) {
	if !p.accept("syslog") {
		s.Log = p.path()
		return
	}
	s.Log = "syslog"
	if t := p.peek(); t.is("facility") {
		p.notYet(t, "write: set log syslog")
	}
}
