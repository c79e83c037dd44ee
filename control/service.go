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
	"fifo":       {"check fifo NAME with path PATH", (*parser).checkPath},
	"directory":  {"check directory NAME with path PATH", (*parser).checkPath},
	"filesystem": {"check filesystem NAME with path PATH", (*parser).checkFilesystem},
	"device":     {"check filesystem NAME with path PATH", (*parser).checkFilesystem}, // Monit's old word
	"network":    {"check network NAME with interface NAME | with address ADDRESS", (*parser).checkNetwork},
	"system":     {"check system NAME, or check system $HOST", (*parser).checkSystem},
	"host":       {"check host NAME with address ADDRESS", (*parser).checkHost},
	"program":    {`check program NAME with path "COMMAND" [as uid USER [and gid GROUP]] [with timeout N seconds]`, (*parser).checkProgram},
}

// kindNamed returns the row of a kind, the grammar's own or one made of what the vocabulary declares.
func (p *parser) kindNamed(name string) (kind, bool) {
	if row, known := kinds[name]; known {
		return row, true
	}
	words, declared := p.vocabulary[name]
	if !declared {
		return kind{}, false
	}
	return kind{declaredUsage(name, words.Params), func(p *parser, s *Service) { p.checkDeclared(s, words.Params) }}, true
}

// kindNames are all kinds, for hints.
func (p *parser) kindNames() []string {
	all := map[string]bool{}
	for name := range kinds {
		all[name] = true
	}
	for name := range p.vocabulary {
		all[name] = true
	}
	delete(all, "device")
	return sortedKeys(all)
}

// check parses `check KIND NAME …`. Where only the kind is misspelled, the one that was meant is taken, so that the rules below it
// are read.
func (p *parser) check(at token) {
	p.service, p.deaf = nil, true
	t := p.peekRaw()
	name := strings.ToLower(t.text)
	if p.unnamedProcess(name) {
		p.process(at)
		return
	}
	if _, known := p.kindNamed(name); !known || t.kind != bareWord {
		p.lostName = true
		if name = p.meantKind(t); name == "" {
			return
		}
	}
	if p.failed {
		return
	}
	p.take()
	row, _ := p.kindNamed(name)
	p.usage = row.usage
	s := &Service{Pos: p.position(at), Kind: name}
	if name == "device" {
		s.Kind = "filesystem"
	}
	if p.serviceName(s); !p.failed {
		p.service, p.deaf = s, false
		row.parse(p, s)
	}
}

// unnamedProcess reports whether `check NAME with pidfile …` stands here: Monit's first form, when processes were all it knew.
func (p *parser) unnamedProcess(name string) bool {
	_, known := p.kindNamed(name)
	return !p.failed && !known && (p.ahead(1).is("pidfile") || p.ahead(1).noise() && p.ahead(2).is("pidfile"))
}

func (p *parser) process(at token) {
	s := &Service{Pos: p.position(at), Kind: "process"}
	p.usage = kinds[s.Kind].usage
	if p.serviceName(s); !p.failed {
		p.service, p.deaf = s, false
		p.checkProcess(s)
	}
}

// meantKind reports a kind that there is not, and returns the one that was meant, if it is clear.
func (p *parser) meantKind(t token) string {
	names := p.kindNames()
	allowed := "allowed here: " + strings.Join(names, ", ")
	near := nearest(t.text, names)
	switch {
	case p.failed:
	case t.kind != bareWord || t.first && begins(t):
		p.expected("kind of check: " + oneOf(names))
	case near == "":
		p.fail(t, allowed, "%s is no kind of check", quote(t.text))
	default:
		p.warn(t, hints(didYouMean(t.text, names), allowed), "%s is no kind of check", quote(t.text))
		return near
	}
	return ""
}

// serviceName reads the name and enters the service into the file.
func (p *parser) serviceName(s *Service) {
	name, t := p.name("a service's name")
	if p.failed {
		p.lostName = true
		return
	}
	if s.Kind == "system" {
		name = withHost(name)
	}
	s.Name = name
	if other, taken := p.named[name]; taken {
		p.warn(t, "give one of the two another name", "there is a service %s already, at %s", quote(name), other.Pos)
		return
	}
	p.named[name] = s
	p.file.Services = append(p.file.Services, s)
}

// withHost puts the machine's name in the place of $HOST.
func withHost(name string) string {
	i := strings.Index(strings.ToUpper(name), "$HOST")
	if i < 0 {
		return name
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name[:i] + host + name[i+len("$HOST"):]
}
