package control

import (
	"net/url"
	"strconv"
	"strings"
)

var methods = map[string]string{"get": "GET", "head": "HEAD"}

// request takes the path and query of an HTTP request, which Monit lets begin without a /.
func (p *parser) request() string {
	s, t := p.value("a path")
	if p.failed {
		return s
	}
	if strings.ContainsAny(s, "\r\n") {
		p.warn(t, "", "a request is one line")
	}
	if !strings.HasPrefix(s, "/") {
		return "/" + s
	}
	return s
}

func (p *parser) hostHeader() string {
	s, t := p.value("a host name")
	if strings.ContainsAny(s, "\r\n") {
		p.warn(t, "", "a header is one line")
	}
	return s
}

func (p *parser) bodyChecksum(d *dial) { d.HTTP.Checksum = p.sum() }

// connectionURL takes the place of host, port, protocol, TLS, username, password and request.
func (p *parser) connectionURL(d *dial) {
	const form = "write: http://HOST[:PORT]/PATH or https://…"
	s, t := p.value("a URL")
	u, err := url.Parse(s)
	switch {
	case p.failed:
		return
	case err != nil || u.Hostname() == "":
		p.fail(t, form, "%s is no URL", quote(mask(s)))
		return
	case u.Scheme != "http" && u.Scheme != "https":
		p.fail(t, form, "a url test speaks http or https, not %s", quote(u.Scheme))
		return
	}
	d.Host, d.Protocol = u.Hostname(), u.Scheme
	d.HTTP.Request = u.RequestURI()
	d.Port = p.portOf(t, u, map[string]int{"http": 80, "https": 443})
	if u.User != nil {
		d.Username = u.User.Username()
		password, _ := u.User.Password()
		d.Password = Secret(password)
	}
}

// portOf returns the port of a URL, or its scheme's.
func (p *parser) portOf(at token, u *url.URL, standard map[string]int) int {
	if u.Port() == "" {
		return standard[u.Scheme]
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		p.warn(at, "", "a port is a whole number from 1 to 65535")
	}
	return int(n)
}

// mostHeaders bounds what a request carries.
const mostHeaders = 64

// httpHeaders parses `http headers [NAME: VALUE, …]`. Values may be quoted; others end at a comma, and words between them count.
func (p *parser) httpHeaders(d *dial) {
	p.expect("headers")
	at := p.peek()
	text, found := p.raw("[", "]")
	if !found {
		return
	}
	for _, part := range splitHeaders(text) {
		name, value, colon := strings.Cut(part, ":")
		name, value = unquoted(name), unquoted(value)
		if !colon || name == "" || strings.ContainsAny(name, " \t\r\n\"'") || strings.ContainsAny(value, "\r\n") {
			p.warn(at, "write: http headers [NAME: VALUE, NAME: VALUE]", "%s is no header", quote(strings.TrimSpace(part)))
			return
		}
		d.HTTP.Headers = append(d.HTTP.Headers, Header{Name: name, Value: value})
	}
	if n := len(d.HTTP.Headers); n == 0 || n > mostHeaders {
		p.warn(at, "write: http headers [NAME: VALUE, NAME: VALUE]", "a request has 1 to %d headers of its own, these are %d", mostHeaders, n)
	}
}

// splitHeaders cuts a list at its commas, and before a word that ends in a colon: Monit does not need the comma. Neither counts
// within quotation marks.
func splitHeaders(text string) []string {
	var all []string
	var mark rune
	start, word := 0, 0
	for i, r := range text {
		switch {
		case mark != 0:
			if r == mark {
				mark = 0
			}
		case r == '"' || r == '\'':
			mark = r
		case r == ',':
			all = append(all, text[start:i])
			start, word = i+1, i+1
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			word = i + 1
		case r == ':' && word > start && strings.Contains(text[start:word], ":") && strings.HasPrefix(text[i:], ": "):
			all = append(all, text[start:word])
			start = word
		}
	}
	all = append(all, text[start:])
	kept := all[:0]
	for _, part := range all {
		if strings.TrimSpace(part) != "" {
			kept = append(kept, part)
		}
	}
	return kept
}

// unquoted drops white space and then one pair of quotation marks.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if n := len(s); n >= 2 && s[0] == s[n-1] && (s[0] == '"' || s[0] == '\'') {
		return s[1 : n-1]
	}
	return s
}
