package control

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// expectForms are the tests `failed X WANTED`, each with how what is wanted is read.
var expectForms = map[string]func(p *parser, e *Expect){
	"permission": (*parser).wantedPermission,
	"perm":       (*parser).wantedPermission,
	"uid":        (*parser).wantedOwner,
	"euid":       (*parser).wantedOwner,
	"gid":        (*parser).wantedOwner,
	"checksum":   (*parser).wantedChecksum,
	"md5":        (*parser).wantedChecksum,
	"sha1":       (*parser).wantedChecksum,
	"sha256":     (*parser).wantedChecksum,
	"security":   (*parser).wantedSecurity,
}

// failedTest parses what follows `if failed`: a text that should be another, a connection, ping or link.
func (p *parser) failedTest() Test {
	t := p.peek()
	name := strings.ToLower(t.text)
	wanted, known := expectForms[name]
	if !known || t.kind != bareWord {
		return p.network(false)
	}
	p.take()
	e := &Expect{Value: name}
	if other, renamed := attributeNames[name]; renamed {
		e.Value = other
	}
	if !slices.Contains(attributes[p.service.Kind], e.Value) {
		p.warn(t, attributeHint(p.service.Kind), "a %s has no %s", p.service.Kind, quote(name))
	}
	if words := p.words(e.Value); len(words) > 0 {
		e.Value = words[0].Value
	}
	wanted(p, e)
	return e
}

func (p *parser) succeededTest() Test { return p.network(true) }

// network parses the tests that ask somebody: connections, ping, and the link of a network.
func (p *parser) network(succeeded bool) Test {
	t := p.peek()
	word := strings.ToLower(t.text)
	_, option := connectionOptions[word]
	_, text := expectForms[word]
	switch {
	case p.failed:
	case t.is("ping", "ping4", "ping6", "icmp"):
		p.onlyFor(t, pingable)
		return p.ping(succeeded)
	case t.is("link") && !succeeded:
		p.take()
		p.onlyFor(t, linkable)
		return &Link{}
	case option && !text && t.kind == bareWord:
		p.onlyFor(t, connectable)
		return p.connection(succeeded)
	case t.kind == bareWord && !t.first && !t.is("then"):
		verb, allowed := "failed ", append(sortedKeys(expectForms), "host", "link", "ping", "ping4", "ping6", "port", "unixsocket", "url")
		if succeeded {
			verb, allowed = "succeeded ", []string{"host", "ping", "ping4", "ping6", "port", "unixsocket", "url"}
		}
		p.fail(t, hints(didYouMean(t.text, allowed), "allowed here: "+strings.Join(sorted(allowed), ", ")), "%s is no test", quote(verb+t.text))
	default:
		p.expected("a test")
	}
	return nil
}

func attributeHint(kind string) string {
	if len(attributes[kind]) == 0 {
		return ""
	}
	return "it has: " + strings.Join(attributes[kind], ", ")
}

// wantedPermission takes octal digits and drops the leading zeros: 0644 is 644.
func (p *parser) wantedPermission(e *Expect) {
	p.accept("=")
	s, t := p.value("an octal permission")
	n, err := strconv.ParseUint(s, 8, 16)
	if !p.failed && (err != nil || n > 0o7777) {
		p.warn(t, "write it as chmod takes it: 644", "%s is no octal permission", quote(s))
	}
	e.Want = strconv.FormatUint(n, 8)
}

func (p *parser) wantedOwner(e *Expect) {
	p.accept("=")
	e.Want, _ = p.value("a name or number")
}

// wantedChecksum parses `checksum [expect SUM]`, with the algorithm before or behind the word. Without a sum the first that is seen
// is the one wanted.
func (p *parser) wantedChecksum(e *Expect) {
	algorithm := strings.ToLower(p.last.text)
	if p.accept("checksum") || algorithm == "checksum" {
		if t := p.peek(); p.accept("md5", "sha1", "sha256") {
			algorithm = strings.ToLower(t.text)
		}
	}
	if algorithm == "checksum" {
		algorithm = ""
	}
	if !p.accept("expect", "=") {
		e.First, e.Algorithm = true, algorithm
		return
	}
	p.accept("=")
	e.Want = p.checksum(algorithm)
}

// sumDigits are the hexadecimal digits of each algorithm's sums.
var sumDigits = map[string]int{"md5": 32, "sha1": 40, "sha256": 64}

// checksum takes a sum in hexadecimal, colons allowed, as openssl prints fingerprints: 32 digits are MD5, 40 SHA-1, 64 SHA-256.
func (p *parser) checksum(algorithm string) string {
	s, t := p.value("a checksum")
	if fields := strings.Fields(s); len(fields) == 2 && strings.EqualFold(fields[0], "sum") {
		s = fields[1]
	}
	s = strings.ToLower(strings.ReplaceAll(s, ":", ""))
	_, err := hex.DecodeString(s)
	switch {
	case p.failed:
	case err != nil || !slices.Contains([]int{32, 40, 64}, len(s)):
		p.warn(t, "32 digits are an MD5 sum, 40 a SHA-1 sum, 64 a SHA-256 sum", "%s is no checksum in hexadecimal", quote(s))
	case algorithm != "" && sumDigits[algorithm] != len(s):
		p.warn(t, "", "%s sums have %d digits, this one has %d", strings.ToUpper(algorithm), sumDigits[algorithm], len(s))
	}
	return s
}

// securityTest parses `security [attribute] OP "TEXT"`, which fails when the attribute so compares.
func (p *parser) securityTest() Test {
	e := &Expect{Value: "security"}
	p.wantedSecurity(e)
	e.Not = !e.Not
	return e
}

// wantedSecurity parses what follows `failed security`: what is wanted, with an operator since Monit 6.
func (p *parser) wantedSecurity(e *Expect) {
	p.accept("attribute")
	switch {
	case p.accept("=", "=="):
	case p.accept("!="):
		e.Not = true
	case p.accept("=~"):
		e.Regex = true
	case p.accept("!=~"):
		e.Regex, e.Not = true, true
	}
	if e.Regex {
		e.Want = p.regex()
		return
	}
	e.Want, _ = p.value("a security attribute")
}
