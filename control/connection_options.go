package control

import "strings"

// connectionOption is one option of a connection test. Options come in any order, but for those that need their protocol first.
type connectionOption struct {
	protocols []string // that it is an option of; nil: any
	parse     func(p *parser, d *dial)
}

var (
	ofHTTP      = []string{"http", "https"}
	ofWeb       = []string{"http", "https", "websocket"}
	ofStatus    = []string{"http", "https", "sip"}
	ofWebsocket = []string{"websocket"}
	ofApache    = []string{"apache-status"}
	ofSQL       = []string{"mysql", "mysqls", "pgsql"}
	ofMySQL     = []string{"mysql", "mysqls"}
	ofSIP       = []string{"sip"}
	ofRadius    = []string{"radius"}
)

var connectionOptions = map[string]connectionOption{
	"host":       {nil, (*parser).connectionHost},
	"port":       {nil, func(p *parser, d *dial) { d.Port = p.count("a port", 1, 65535) }},
	"unixsocket": {nil, func(p *parser, d *dial) { d.UnixSocket = p.path() }},
	"unix":       {nil, func(p *parser, d *dial) { d.UnixSocket = p.path() }},
	"url":        {nil, (*parser).connectionURL},
	"address":    {nil, func(p *parser, d *dial) { d.Source, _ = p.value("an address of this machine") }},
	"ipv4":       {nil, func(p *parser, d *dial) { d.Family = p.family() }},
	"ipv6":       {nil, func(p *parser, d *dial) { d.Family = p.family() }},
	"type":       {nil, (*parser).connectionType},
	"protocol":   {nil, (*parser).protocol},
	"proto":      {nil, (*parser).protocol},
	"timeout":    {nil, func(p *parser, d *dial) { d.Timeout = p.wait() }},
	"retry":      {nil, func(p *parser, d *dial) { d.Retry = p.count("the number of tries", 1, 100) }},
	"responsetime": {nil, func(p *parser, d *dial) {
		d.ResponseOp, d.Response = p.responseTime()
	}},

	"ssl":                    {nil, (*parser).connectionTLS},
	"tls":                    {nil, (*parser).connectionTLS},
	"certificate":            {nil, (*parser).connectionCertificate},
	"certmd5":                {nil, func(p *parser, d *dial) { d.withTLS().Checksum = p.checksum("md5") }},
	"allowselfcertification": {nil, func(_ *parser, d *dial) { d.withTLS().SelfSigned = true }},

	"send":     {nil, (*parser).send},
	"expect":   {nil, (*parser).expectAnswer},
	"username": {nil, func(p *parser, d *dial) { d.Username, _ = p.value("a user's name") }},
	"password": {nil, func(p *parser, d *dial) { d.Password = p.secret("a password") }},

	"request":    {ofWeb, func(p *parser, d *dial) { d.HTTP.Request = p.request() }},
	"method":     {ofHTTP, func(p *parser, d *dial) { d.HTTP.Method, _ = choice(p, "method", methods) }},
	"status":     {ofStatus, func(p *parser, d *dial) { d.HTTP.StatusOp, d.HTTP.Status = p.operator(), p.count("a status", 100, 999) }},
	"checksum":   {ofHTTP, (*parser).bodyChecksum},
	"content":    {ofHTTP, func(p *parser, d *dial) { d.HTTP.Content, d.HTTP.ContentNot = p.matching() }},
	"hostheader": {ofWeb, func(p *parser, d *dial) { d.HTTP.Host = p.hostHeader() }},
	"http":       {ofWeb, (*parser).httpHeaders},
	"origin":     {ofWebsocket, func(p *parser, d *dial) { d.HTTP.Origin, _ = p.value("an origin") }},
	"version":    {ofWebsocket, func(p *parser, d *dial) { d.HTTP.Version = p.count("a version", 0, 255) }},

	"path":       {ofApache, func(p *parser, d *dial) { d.HTTP.Request = p.request() }},
	"database":   {ofSQL, func(p *parser, d *dial) { d.Database, _ = p.value("a database's name") }},
	"rsakey":     {ofMySQL, (*parser).rsaKey},
	"secret":     {ofRadius, func(p *parser, d *dial) { d.Secret = p.secret("a secret") }},
	"target":     {ofSIP, func(p *parser, d *dial) { d.Target, _ = p.value("a SIP URI") }},
	"maxforward": {ofSIP, func(p *parser, d *dial) { d.MaxForward = p.count("a number of hops", 0, 255) }},

	"loglimit": apacheLimit, "closelimit": apacheLimit, "dnslimit": apacheLimit, "keepalivelimit": apacheLimit, "replylimit": apacheLimit,
	"requestlimit": apacheLimit, "startlimit": apacheLimit, "waitlimit": apacheLimit, "gracefullimit": apacheLimit,
	"cleanuplimit": apacheLimit,
}

// connectionHost reads whom to ask; of a websocket, behind its protocol, the Host header.
func (p *parser) connectionHost(d *dial) {
	host, _ := p.value("a host name or address")
	if d.Protocol == "websocket" {
		d.HTTP.Host = host
		return
	}
	d.Host = host
}

// family is the address family that was just taken.
func (p *parser) family() string { return strings.ToLower(p.last.text) }

func (p *parser) connectionType(d *dial) {
	types := map[string]string{"tcp": "tcp", "udp": "udp", "tcpssl": "tcp"}
	network, t := choice(p, "type", types)
	d.Network, d.typed = network, true
	if t.is("tcpssl") {
		d.secure = "tcpssl"
		d.withTLS()
		p.tlsVersionWord(d.TLS)
	}
}

// protocol reads a name; those that Monit knows are the ones there are.
func (p *parser) protocol(d *dial) {
	names := map[string]string{}
	for name := range protocols {
		names[name] = name
	}
	if name, _ := choice(p, "protocol", names); !p.failed {
		d.Protocol = name
	}
}

// secret takes what must not be shown.
func (p *parser) secret(what string) Secret {
	s, _ := p.value(what)
	return Secret(s)
}

// rsaKey parses `rsakey checksum [md5|sha1|sha256] SUM` of protocol mysql.
func (p *parser) rsaKey(d *dial) {
	p.expect("checksum")
	d.RSAKey = p.sum()
}

// sum parses `[=] [md5|sha1|sha256] [expect] SUM`.
func (p *parser) sum() string {
	p.accept("=")
	algorithm := ""
	if t := p.peek(); p.accept("md5", "sha1", "sha256") {
		algorithm = strings.ToLower(t.text)
	}
	p.accept("expect", "=")
	return p.checksum(algorithm)
}

// apacheLimit parses `dnslimit > 10%`.
var apacheLimit = connectionOption{ofApache, func(p *parser, d *dial) {
	l := ApacheLimit{Name: strings.ToLower(p.last.text), Op: p.operator()}
	at := p.peek()
	amount, dim, _ := p.quantity()
	if !p.failed && (dim != aNumber && dim != aPercent || amount > 100) {
		p.warn(at, "write: "+l.Name+" "+string(l.Op)+" N %", "a limit is a share from 0 to 100 %%")
	}
	l.Percent = amount
	d.ApacheStatus = append(d.ApacheStatus, l)
}}
