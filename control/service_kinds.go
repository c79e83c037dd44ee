package control

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

func (p *parser) checkProcess(s *Service) {
	switch {
	case p.accept("pidfile", "path"):
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

func (p *parser) checkNetwork(s *Service) {
	switch {
	case p.accept("interface"):
		s.Interface, _ = p.value("an interface's name")
	case p.accept("address"):
		s.Address, _ = p.value("an address of this machine")
	default:
		p.expected("interface or address")
	}
}

func (p *parser) checkSystem(*Service) {}

func (p *parser) checkHost(s *Service) {
	p.expect("address")
	s.Address, _ = p.value("a host name or address")
}

func (p *parser) checkProgram(s *Service) {
	p.expect("path")
	s.Program = p.absoluteCommand()
}

// declaredUsage is how a check of a declared kind is written.
func declaredUsage(name string, params []Param) string {
	var b strings.Builder
	b.WriteString("check " + name + " NAME")
	for i, param := range params {
		form := param.Word + " " + paramForms[param.Type]
		if i == 0 {
			form = "with " + form
		}
		if !param.Required {
			form = "[" + form + "]"
		}
		b.WriteString(" " + form)
	}
	return b.String()
}

var paramForms = map[ParamType]string{
	ParamText: `"TEXT"`, ParamPath: "PATH", ParamCommand: `"COMMAND"`, ParamURL: "URL", ParamAddress: "HOST:PORT", ParamNumber: "N", ParamDuration: "N seconds",
}

// checkDeclared reads the parameters of a kind that the vocabulary declares, in any order.
func (p *parser) checkDeclared(s *Service, params []Param) {
	p.commandEnds = wordsOf(params)
	for p.declaredParam(s, params) {
	}
	p.commandEnds = nil
	for _, param := range params {
		if _, written := s.Params[param.Word]; param.Required && !written {
			p.expected(quote(param.Word))
		}
	}
}

func wordsOf(params []Param) []string {
	all := make([]string, len(params))
	for i, param := range params {
		all[i] = param.Word
	}
	return all
}

// declaredParam reads `WORD VALUE` where one of the words stands here.
func (p *parser) declaredParam(s *Service, params []Param) bool {
	for _, param := range params {
		if !p.peek().is(param.Word) || p.front().first && begins(p.front()) {
			continue
		}
		t := p.take()
		if _, twice := s.Params[param.Word]; twice {
			p.warn(t, "", "%s stands here twice", quote(param.Word))
		}
		if s.Params == nil {
			s.Params = map[string]string{}
		}
		s.Params[param.Word] = p.paramValue(s, param)
		return !p.failed
	}
	return false
}

// paramValue reads a value as its type wants it written.
func (p *parser) paramValue(s *Service, param Param) string {
	switch param.Type {
	case ParamPath:
		return p.path()
	case ParamCommand:
		return p.paramCommand(s)
	case ParamURL:
		return p.webAddress("a URL", "")
	case ParamAddress:
		return p.hostPort()
	case ParamNumber:
		return strconv.Itoa(p.count("the "+param.Word, 0, 1<<31-1))
	case ParamDuration:
		return p.wait().String()
	case ParamText:
	}
	text, _ := p.value(paramForms[ParamText])
	return text
}

func (p *parser) paramCommand(s *Service) string {
	s.Program = p.absoluteCommand()
	if p.failed {
		return ""
	}
	return s.Program.Text
}

// hostPort takes HOST:PORT.
func (p *parser) hostPort() string {
	s, t := p.value("HOST:PORT")
	if p.failed {
		return s
	}
	_, port, err := net.SplitHostPort(s)
	if n, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil || n == 0 {
		p.warn(t, `write an IPv6 address as "[::1]:9100"`, "%s is not HOST:PORT", quote(s))
	}
	return s
}

// webPage takes the URL of a page that people read.
func (p *parser) webPage() string { return p.webAddress("a URL", "write it as https://HOST/PATH") }

// webAddress takes a URL with scheme and host.
func (p *parser) webAddress(what, hint string) string {
	s, t := p.value(what)
	u, err := url.Parse(s)
	if !p.failed && (err != nil || u.Scheme == "" || u.Host == "") {
		p.warn(t, hint, "%s is no URL with scheme and host", quote(s))
	}
	return s
}
