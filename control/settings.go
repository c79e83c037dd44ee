package control

import (
	"net/netip"
	"net/url"
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
	"fips":      {"set fips", func(_ *parser, s *Settings) { s.FIPS = true }},
	"terminal":  {"set terminal batch", (*parser).setTerminal},
	"log":       {"set log PATH, or set log syslog [facility NAME]", (*parser).setLog},
	"logfile":   {"set logfile PATH, or set logfile syslog [facility NAME]", (*parser).setLog},
	"pidfile":   {"set pidfile PATH", func(p *parser, s *Settings) { s.Pidfile = p.path() }},
	"idfile":    {"set idfile PATH", func(p *parser, s *Settings) { s.IDFile = p.path() }},
	"statefile": {"set statefile PATH", func(p *parser, s *Settings) { s.StateFile = p.path() }},
	"onreboot":  {"set onreboot start|nostart|laststate", (*parser).setOnReboot},
	"limits":    {"set limits { NAME: N UNIT, … }", (*parser).setLimits},

	"ssl": {"set ssl {NAME: VALUE, …}", (*parser).setTLS},
	"tls": {"set tls {NAME: VALUE, …}", (*parser).setTLS},

	"alert":       {"set " + alertUsage, (*parser).setAlert},
	"mail-format": {"set mail-format { from: … reply-to: … subject: … message: … }", func(p *parser, s *Settings) { s.MailFormat = p.mailFormat(s.MailFormat) }},
	"mailserver":  {mailServerUsage, (*parser).setMailServer},
	"eventqueue":  {"set eventqueue basedir PATH [slots N]", (*parser).setEventQueue},
	"mmonit":      {"set mmonit URL [with timeout N seconds] [register without credentials]", (*parser).setMMonit},
	"httpd":       {httpdUsage, (*parser).setHTTPD},

	"expectbuffer": {"set expectbuffer N [UNIT]", (*parser).setExpectBuffer},

	"node":        {"set node NAME [with roles A, B] [site S]", (*parser).setNode},
	"collector":   {"set collector URL with token file PATH [ca file PATH]", (*parser).setCollector},
	"metrics":     {"set metrics address HOST:PORT", (*parser).setMetrics},
	"heal":        {"set heal budget N per hour [N per day] [with backoff N seconds]", (*parser).setHeal},
	"munin":       {"set munin address HOST:PORT [allow NETWORK, …]", (*parser).setMunin},
	"maintenance": {"set " + maintenanceUsage, (*parser).setMaintenance},
}

// set parses `set SETTING …`. It ends the check above it.
func (p *parser) set(token) {
	p.service, p.deaf = nil, false
	t := p.peek()
	row, known := settings[strings.ToLower(t.text)]
	if !known || t.kind != bareWord {
		choice(p, "setting", settings)
		return
	}
	p.take()
	p.usage = row.usage
	row.parse(p, &p.file.Settings)
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
	if address := p.hostPort(); !p.failed {
		s.Metrics = address
	}
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

// facilities are those of syslog(3).
var facilities = setOf("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp local0 local1 local2 local3 local4 local5 local6 local7")

func (p *parser) setLog(s *Settings) {
	if !p.accept("syslog") {
		s.Log = p.path()
		return
	}
	s.Log = "syslog"
	if !p.accept("facility") {
		return
	}
	name, t := p.value("a facility of syslog")
	name = strings.TrimPrefix(strings.ToLower(name), "log_")
	if !p.failed && !facilities[name] {
		p.warn(t, hints(didYouMean(name, sortedKeys(facilities)), "allowed here: "+strings.Join(sortedKeys(facilities), ", ")), "%s is no facility of syslog", quote(t.text))
		return
	}
	s.LogFacility = name
}

func (p *parser) setTerminal(s *Settings) {
	p.expect("batch")
	s.Batch = true
}

func (p *parser) setOnReboot(s *Settings) { s.OnReboot, _ = choice(p, "reboot mode", rebootModes) }

func (p *parser) setTLS(s *Settings) {
	if s.TLS == nil {
		s.TLS = &TLS{}
	}
	if !p.peek().is("{") {
		p.expected(`"{"`)
		return
	}
	p.tlsBlock(s.TLS)
}

func (p *parser) setMunin(s *Settings) {
	m := &MuninServer{Pos: p.position(p.last)}
	p.expect("address")
	m.Address = p.hostPort()
	if p.accept("allow") {
		m.Allow = p.networks()
	}
	if !p.failed {
		s.Munin = m
	}
}

// networks takes one or more addresses or prefixes with commas between them.
func (p *parser) networks() []string {
	var all []string
	for {
		s, t := p.value("an address or network")
		if p.failed {
			return all
		}
		network, is := asNetwork(s)
		if !is {
			p.warn(t, "write it as 192.0.2.0/24", "%s is no address or network", quote(s))
		}
		all = append(all, network)
		if !p.accept(",") {
			return all
		}
	}
}

func (p *parser) setMaintenance(s *Settings) {
	if m := p.span(p.last); !p.failed {
		s.Maintenance = append(s.Maintenance, m)
	}
}
