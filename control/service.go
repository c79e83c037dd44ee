package control

import (
	"os"
	"strings"
)

// kind is one row of the table of `check` statements: how it is written, and how what identifies the service is read.
type kind struct {
	usage string
	parse func(p *parser, s *Service)
}

var kinds = map[string]kind{
	"process":    {`check process NAME with pidfile PATH | matching "REGEX" | with unit NAME`, (*parser).checkProcess},
	"file":       {"check file NAME with path PATH", (*parser).checkPath},
	"directory":  {"check directory NAME with path PATH", (*parser).checkPath},
	"filesystem": {"check filesystem NAME with path PATH", (*parser).checkFilesystem},
	"system":     {"check system NAME, or check system $HOST", (*parser).checkSystem},
	"host":       {"check host NAME with address ADDRESS", (*parser).checkHost},
	"program":    {`check program NAME with path "COMMAND" [as uid USER [and gid GROUP]] [with timeout N seconds]`, (*parser).checkProgram},
}

// check parses `check KIND NAME …`. Where only the kind is misspelled, the one that was meant is taken, so that the rules below it
// are read.
func (p *parser) check(at token) {
	p.service, p.deaf = nil, true
	t := p.peekRaw()
	name := strings.ToLower(t.text)
	if _, known := kinds[name]; !known {
		p.lostName = true
		if hint, monits := monitsKinds[name]; monits {
			p.notYet(t, hint)
			return
		}
		if name = nearest(name, sortedKeys(kinds)); name == "" || t.kind != bareWord {
			choice(p, "kind of check", kinds)
			return
		}
		p.warn(t, hints(didYouMean(t.text, []string{name}), "allowed here: "+strings.Join(sortedKeys(kinds), ", ")), "%s is no kind of check", quote(t.text))
	}
	if p.failed {
		return
	}
	p.take()
	p.usage = kinds[name].usage
	s := &Service{Pos: p.position(at), Kind: name}
	if p.serviceName(s); !p.failed {
		p.service, p.deaf = s, false
		kinds[name].parse(p, s)
	}
}

// serviceName reads the name and enters the service into the file.
func (p *parser) serviceName(s *Service) {
	name, t := p.name("a service's name")
	if p.failed {
		p.lostName = true
		return
	}
	if s.Kind == "system" && strings.EqualFold(name, "$HOST") {
		if host, err := os.Hostname(); err == nil {
			name = host
		}
	}
	s.Name = name
	if other, taken := p.named[name]; taken {
		p.warn(t, "give one of the two another name", "there is a service %s already, at %s", quote(name), other.Pos)
		return
	}
	p.named[name] = s
	p.file.Services = append(p.file.Services, s)
}

func (p *parser) checkProcess(s *Service) {
	switch {
	case p.accept("pidfile"):
		s.Pidfile = p.path()
	case p.accept("matching", "match"):
		s.Match = p.regex()
	case p.accept("unit"):
		s.Unit, _ = p.value("a systemd unit")
	default:
		p.expected("pidfile, matching or unit")
	}
}

func (p *parser) checkPath(s *Service) {
	p.expect("path")
	s.Path = p.path()
}

// checkFilesystem takes devices and network shares too: /dev/sda1, //server/share, server:/export.
func (p *parser) checkFilesystem(s *Service) {
	p.expect("path")
	s.Path, _ = p.value("a mount point or device")
}

func (p *parser) checkSystem(*Service) {}

func (p *parser) checkHost(s *Service) {
	p.expect("address")
	s.Address, _ = p.value("a host name or address")
}

func (p *parser) checkProgram(s *Service) {
	p.expect("path")
	s.Program = p.command()
}

// program parses `start program = "COMMAND" …` and its siblings into the field that they set.
func program(field func(*Service) **Command) func(*parser, token) {
	return func(p *parser, _ token) {
		if c := p.command(); !p.failed {
			*field(p.service) = c
		}
	}
}

func (p *parser) dependsOn(token) {
	for {
		name, t := p.value("a service's name")
		if p.failed {
			return
		}
		p.service.DependsOn = append(p.service.DependsOn, Reference{Name: name, Pos: p.position(t)})
		p.depends = append(p.depends, dependency{from: p.service, to: name, at: p.mark(t)})
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) group(token) {
	p.service.Groups = append(p.service.Groups, p.names("a group's name")...)
}

func (p *parser) every(token) { p.service.Every = append(p.service.Every, p.schedule()) }

func (p *parser) notEvery(token) {
	p.expect("every")
	if t := p.peek(); !p.failed && t.kind != quotedText {
		p.expected("a cron schedule as a string")
		return
	}
	e := p.schedule()
	e.Not = true
	p.service.Every = append(p.service.Every, e)
}

// mostCycles bounds counts of cycles that no window keeps.
const mostCycles = 1_000_000

func (p *parser) schedule() Every {
	t := p.peek()
	if t.kind != quotedText {
		e := Every{Cycles: p.count("the number of cycles", 1, mostCycles)}
		if !p.accept("cycles", "cycle") {
			p.expected(`"cycles"`)
		}
		return e
	}
	p.take()
	if err := checkCron(t.text); err != nil {
		p.warn(t, `five fields: minute hour day-of-month month day-of-week, as "* 8-19 * * 1-5"`, "%s", err)
	}
	return Every{Cron: strings.Join(strings.Fields(t.text), " ")}
}

var modes = map[string]string{"active": "active", "passive": "passive", "manual": "manual"}

func (p *parser) mode(token) {
	if m, _ := choice(p, "mode", modes); !p.failed {
		p.service.Mode = m
	}
}
