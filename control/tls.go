package control

import (
	"slices"
	"strings"
)

// withTLS gives a connection its TLS options.
func (d *dial) withTLS() *TLS {
	if d.TLS == nil {
		d.TLS = &TLS{}
	}
	return d.TLS
}

// connectionTLS parses `ssl|tls [version] [with options {…}]`.
func (p *parser) connectionTLS(d *dial) {
	d.secure = strings.ToLower(p.last.text)
	p.tlsBlock(d.withTLS())
}

// tlsBlock parses what follows `ssl` or `tls`: nothing, or a block of options.
func (p *parser) tlsBlock(o *TLS) {
	p.tlsVersionWord(o)
	if p.peek().is("{") {
		p.block("option of TLS", tlsOptions(p, o))
	}
}

// connectionCertificate parses `certificate checksum [=] [md5|sha1] SUM` and `certificate valid [for|>] N days`.
func (p *parser) connectionCertificate(d *dial) { p.certificate(d.withTLS()) }

func (p *parser) certificate(o *TLS) {
	switch {
	case p.accept("checksum"):
		o.Checksum = p.sum()
	case p.accept("valid"):
		p.accept(">", "more", "gt", "greater")
		o.ValidDays = p.count("the number of days", 1, 10_000)
		if !p.accept("days", "day") {
			p.expected(`"days"`)
		}
	default:
		p.expected(`"checksum" or "valid"`)
	}
}

// tlsOptions are the rows of a block of TLS options, which they set in o.
func tlsOptions(p *parser, o *TLS) map[string]func() {
	path := func(to *string) func() { return func() { *to = p.path() } }
	return map[string]func(){
		"version":           func() { p.tlsVersions(o) },
		"verify":            func() { o.VerifyOn = p.either("enable", "disable"); o.VerifyOff = !o.VerifyOn },
		"selfsigned":        func() { o.SelfSigned = p.either("allow", "reject") },
		"ciphers":           func() { o.Ciphers, _ = p.value("names of ciphers") },
		"pemfile":           path(&o.PEMFile),
		"pemchain":          path(&o.PEMChain),
		"pemkey":            path(&o.PEMKey),
		"clientpemfile":     path(&o.ClientPEM),
		"cacertificatefile": path(&o.CAFile),
		"cacertificatepath": path(&o.CAPath),
	}
}

// either takes one of two words and reports whether it is the first.
func (p *parser) either(yes, no string) bool {
	switch t := p.peek(); {
	case p.accept(yes):
		return true
	case !p.accept(no):
		p.fail(t, "", "expected %s or %s, found %s", yes, no, describe(t))
	}
	return false
}

// versionNames are the versions of TLS that may be asked for, with those that nobody speaks any more.
var versionNames = setOf("auto sslauto sslv2 sslv3 sslv23 tlsv1 tlsv10 tlsv11 tlsv12 tlsv13")

// tlsVersionWord parses a version behind `tcpssl`, `ssl` or `tls` without a block, Monit's old way.
func (p *parser) tlsVersionWord(o *TLS) {
	if t := p.peek(); t.kind == bareWord && versionNames[plainVersion(t.text)] {
		p.tlsVersions(o)
	}
}

func plainVersion(s string) string {
	return strings.TrimPrefix(strings.ToLower(s), "-")
}

// tlsVersions parses a list of versions, of which those with a - before them are taken away. The tree has one version, or auto for 1.2
// and 1.3: where a list has one of these two, older ones of it are left out, since a server that speaks both ends in the newer one.
func (p *parser) tlsVersions(o *TLS) {
	at := p.peek()
	var wanted, refused []string
	for t := p.peek(); t.kind == bareWord && versionNames[plainVersion(t.text)]; t = p.peek() {
		p.take()
		if strings.HasPrefix(t.text, "-") {
			refused = append(refused, plainVersion(t.text))
		} else {
			wanted = append(wanted, plainVersion(t.text))
		}
		if versionNames[plainVersion(p.afterComma().text)] {
			p.accept(",")
		}
	}
	if len(wanted)+len(refused) == 0 {
		p.expected("auto, tlsv1, tlsv11, tlsv12 or tlsv13")
		return
	}
	if o.Version = chosenVersion(wanted, refused); o.Version == "" {
		p.warn(at, "allowed here: auto, tlsv1, tlsv11, tlsv12, tlsv13", "SSL 2 and SSL 3 are broken, and spoken by nothing here")
	}
}

// afterComma is the token behind the comma here, if one stands here.
func (p *parser) afterComma() token {
	if !p.peek().is(",") {
		return token{}
	}
	return p.ahead(1)
}

// chosenVersion is the version that a list stands for, "" when it leaves none.
func chosenVersion(wanted, refused []string) string {
	auto := len(wanted) == 0 || slices.Contains(wanted, "auto") || slices.Contains(wanted, "sslauto") || slices.Contains(wanted, "sslv23")
	allowed := func(version string) bool {
		return (auto && version >= "tlsv12" || slices.Contains(wanted, version)) && !slices.Contains(refused, version)
	}
	switch {
	case allowed("tlsv12") && allowed("tlsv13"):
		return "auto"
	case allowed("tlsv13"):
		return "tlsv13"
	case allowed("tlsv12"):
		return "tlsv12"
	case allowed("tlsv11"):
		return "tlsv11"
	case allowed("tlsv1") || allowed("tlsv10"):
		return "tlsv1"
	}
	return ""
}
