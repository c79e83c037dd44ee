package control

import "time"

// Op compares a measured value with a threshold.
type Op string

// The six comparisons; Monit's words (gt, greater, older, …) are read as these.
const (
	Greater      Op = ">"
	Less         Op = "<"
	Equal        Op = "="
	NotEqual     Op = "!="
	GreaterEqual Op = ">="
	LessEqual    Op = "<="
)

// Holds reports whether `value op threshold` is true. A NaN value never holds.
func (op Op) Holds(value, threshold float64) bool {
	switch op {
	case Greater:
		return value > threshold
	case Less:
		return value < threshold
	case Equal:
		return value == threshold
	case NotEqual:
		return value < threshold || value > threshold
	case GreaterEqual:
		return value >= threshold
	case LessEqual:
		return value <= threshold
	}
	return false
}

// Test is what a rule looks at. The set is closed: Exist, Compare, Connection, Ping, Link, Changed, Expect, Content.
type Test interface{ test() }

// Exist fails when the service is missing, or with Wanted false (`if exist`) when it is there.
type Exist struct {
	Wanted bool // true: `if not exist then …`, absence is the failure
}

// Compare fails when `Value Op Threshold` holds. Value is a name that the service's kind yields, in that value's own unit
// (bytes, percent 0–100, seconds, …): the parser has already turned "100 MB" or "8 hours" into it. A value that takes an argument
// is written NAME/ARGUMENT, as in a report: "field/load". A boolean (`if not responding`) is 1 or 0.
type Compare struct {
	Value     string
	Op        Op
	Threshold float64
	Written   string        // the threshold as written, for messages: "80 %", "100 MB"
	Over      time.Duration // `total upload > 1 GB in last 2 hours`: the span that a total covers; zero for other values
}

// Reported is the name under which a report holds what the test compares: Value, and of a total its span too.
func (c *Compare) Reported() string {
	if c.Over > 0 {
		return c.Value + "/" + c.Over.String()
	}
	return c.Value
}

// Connection fails when the far side does not accept, or does not answer as its protocol says.
// With Succeeded (`if succeeded port …`) it fails when the far side does answer.
type Connection struct {
	Host       string // empty: the host's address, or 127.0.0.1 for a process
	Port       int    // 0 with UnixSocket
	UnixSocket string
	Network    string        // "tcp" or "udp"
	Family     string        // "ipv4" or "ipv6"; empty: either
	Source     string        // address SOURCE: the local address that it is made from; empty: the system's choice
	TLS        *TLS          // nil: none (protocols that are TLS by name have it)
	Protocol   string        // "" is default: accepting is enough
	Timeout    time.Duration // zero: 5 s
	Retry      int           // tries in all; zero is one
	Succeeded  bool

	Buffer int // bytes of an answer that an expect or content looks at, of `set limits`; zero: 64 KiB, of http 1 MiB

	ResponseOp Op            // `responsetime < 200 ms` wants that: the test fails when the answer's time is >=, which stands here; empty: not asked
	Response   time.Duration // with ResponseOp

	Script       []Exchange // generic send and expect, in order
	Username     string     // http, mysql, pgsql, ldap, imap …, where the protocol can log in
	Password     Secret
	Secret       Secret        // radius
	Database     string        // mysql, pgsql
	RSAKey       string        // mysql: checksum wanted of the server's RSA key, before a password is encrypted with it; empty: any
	Target       string        // sip: the URI asked
	MaxForward   int           // sip: Max-Forwards; zero: 70
	HTTP         HTTPTest      // http, https, websocket
	ApacheStatus []ApacheLimit // apache-status
}

// Exchange is one `send "TEXT"` or one `expect "REGEX"`; escapes are already read.
type Exchange struct {
	Send   string
	Expect string
}

// ApacheLimit is one limit of protocol apache-status, `dnslimit > 10%`: the share of workers in a state.
type ApacheLimit struct {
	Name    string // startlimit, replylimit, loglimit, dnslimit, keepalivelimit, gracefullimit, cleanuplimit, waitlimit, readlimit, closelimit, requestlimit, replylimit
	Op      Op
	Percent float64
}

// HTTPTest narrows a protocol http test. The zero value is GET /, failing at status 400 and above.
type HTTPTest struct {
	Method     string // GET (the zero value) or HEAD
	Request    string // path and query; empty: /
	Host       string // Host header; empty: the connection's
	Headers    []Header
	StatusOp   Op // `status = 200`: the test fails unless it holds; empty: fails at 400 and above
	Status     int
	Checksum   string // of the body: lower case hexadecimal, its length tells MD5, SHA-1 or SHA-256; empty: any
	Content    string // regular expression the body must match (or not, with ContentNot); empty: any
	ContentNot bool
	Origin     string // websocket
	Version    int    // websocket; zero: 13
}

// Header is one of `http headers [NAME: VALUE, …]`.
type Header struct{ Name, Value string }

// Ping fails when the host does not answer ICMP echo requests: `if failed ping [count 3] [size 64] [timeout 5 seconds] …`.
type Ping struct {
	Family     string        // "ipv4" (ping4) or "ipv6" (ping6); empty: either
	Count      int           // requests; one answer is enough; zero: 3
	Size       int           // bytes of the request's data; zero: 64
	Timeout    time.Duration // of each request; zero: 5 s
	Source     string        // address SOURCE
	ResponseOp Op            // as a connection's
	Response   time.Duration
	Succeeded  bool
}

// Link fails when the network link is down (or, with Up, when it is up): `if link down`, `if failed link`, `if link up`.
type Link struct{ Up bool }

// Changed fails in the cycle in which Value (a number or a text that the kind yields) differs from the cycle before; with Not in
// the cycles in which it does not.
type Changed struct {
	Value string // checksum, size, timestamp, permission, uid, gid, pid, ppid, status, fsflags, content, link_capacity …
	Not   bool
}

// Expect fails when the text Value is not Want: `if failed permission 644`, `uid root`, `checksum expect …`.
type Expect struct {
	Value     string // permission, uid, euid, gid, security or checksum, or the vocabulary's own name for it
	Want      string // permission: octal without leading zeros; uid, gid: name or number as written; checksum: lower case, its length tells the algorithm
	First     bool   // what was seen first is wanted: `failed checksum` without a sum
	Algorithm string // of a checksum with First: md5, sha1, sha256; empty: sha256
	Regex     bool   // Want is a regular expression
	Not       bool   // it fails when the text is Want
}

// Reported is the name under which a report holds what the test compares: Value, and of a checksum how it is computed.
func (e *Expect) Reported() string {
	if e.Value != "checksum" {
		return e.Value
	}
	algorithm := e.Algorithm
	switch len(e.Want) {
	case 32:
		algorithm = "md5"
	case 40:
		algorithm = "sha1"
	case 64:
		algorithm = "sha256"
	}
	if algorithm == "" {
		algorithm = "sha256"
	}
	return e.Value + "/" + algorithm
}

// Content fails when a line matches one of Patterns (or, with Not, when none does).
type Content struct {
	Patterns []string // at least one unless File is set
	File     string   // of regular expressions, one a line; it is read when the check is made
	Not      bool
}

func (*Exist) test()      {}
func (*Compare) test()    {}
func (*Connection) test() {}
func (*Changed) test()    {}
func (*Expect) test()     {}
func (*Content) test()    {}
func (*Ping) test()       {}
func (*Link) test()       {}
