// Package control is the control file: the language of node rules, a superset of Monit's.
//
// Load and Parse turn text into a File, or into every error of that text at once, each with file:line:col, the source line,
// a caret and a hint. The package knows words and grammar only: it never looks at the machine, runs nothing, and does not know
// which checks exist beyond the words that its Vocabulary gives it.
package control

import (
	"fmt"
	"time"
)

// Position is a place in a control file. The zero value is "nowhere": a statement that nobody wrote (an implicit rule).
type Position struct {
	File string
	Line int // from 1
	Col  int // from 1, in characters
}

// String returns file:line:col, or "built in" for the zero value.
func (p Position) String() string {
	if p.File == "" {
		return "built in"
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Place returns file:line, the form that pages and events carry.
func (p Position) Place() string {
	if p.File == "" {
		return "built in"
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// File is one control file with all that it includes, valid as a whole.
type File struct {
	Path     string
	Settings Settings
	Services []*Service // in the order written; names are unique
}

// Service returns the service of that name, or nil.
func (f *File) Service(name string) *Service {
	for _, s := range f.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Settings are the `set` statements.
type Settings struct {
	Interval   time.Duration // set daemon N; 5 s where the file does not say
	StartDelay time.Duration // with start delay N
	Node       NodeSettings  // set node NAME [with roles A, B] [site S]
	Collector  *Collector    // nil: the agent works alone
	Pidfile    string
	Log        string // path, or "syslog"; empty: standard error
	IDFile     string
	StateFile  string // the agent's database is StateFile + ".db", its command socket StateFile + ".sock"
	Metrics    string // set metrics address HOST:PORT: where /metrics is served; empty: on the command socket only
	Budget     Budget
	Init       bool // set init: stay in the foreground
}

// NodeSettings name this machine in the fleet; an empty Name means the host name.
type NodeSettings struct {
	Name  string
	Roles []string
	Site  string
}

// Collector is `set collector URL with token file PATH [ca file PATH]`.
type Collector struct {
	Pos       Position
	URL       string // https://host:port; http only where host is a loopback address
	TokenFile string
	CAFile    string // PEM certificates that the collector's must chain to; empty: the machine's own roots
}

// Budget bounds automatic heals of one service: `set heal budget N per hour [N per day] [with backoff N seconds]`.
// The zero value of a field means the default: 3 an hour, 6 a day, back-off 0 s, 5 s, 30 s, 2 min, 10 min.
type Budget struct {
	PerHour int
	PerDay  int
	Backoff time.Duration // replaces the first non-zero step; later steps scale with it
}

// Service is one `check` statement.
type Service struct {
	Pos  Position
	Kind string // process, file, filesystem, directory, system, host, program
	Name string

	Pidfile string   // process: with pidfile PATH
	Match   string   // process: matching REGEX
	Unit    string   // process: with unit NAME, a systemd unit (an extension)
	Path    string   // file, directory, filesystem: with path PATH (a filesystem's may be a device)
	Address string   // host: with address HOST
	Program *Command // program: with path "CMD"

	Start, Stop, Restart *Command // nil where the file names none
	Rules                []*Rule  // those written, in order; implicit rules are the rule engine's
	Limits               []*RestartLimit
	DependsOn            []Reference
	Groups               []string
	Every                Every
	Mode                 string // "", "active", "passive" or "manual"; "" is active
}

// Reference is the name of another service, and where it was named.
type Reference struct {
	Name string
	Pos  Position
}

// Command is a program to run: split into argv once, at load, and never given to a shell.
type Command struct {
	Pos     Position
	Text    string   // as written
	Argv    []string // at least one; Argv[0] is an absolute path
	UID     string   // name or number; empty: the agent's own
	GID     string
	Timeout time.Duration // zero: 30 s for start, stop and restart; 300 s for check program; for exec the same
}

// Every is when a service is checked: each Cycles-th cycle, or in the minutes of Cron (or outside them, with Not).
// The zero value is every cycle.
type Every struct {
	Cycles int
	Cron   string // five fields, as crontab(5)
	Not    bool
}

// Rule is `if TEST [WINDOW] then ACTION [else if succeeded [WINDOW] then ACTION]`.
type Rule struct {
	Pos    Position
	Text   string // the statement as written, white space folded
	Test   Test
	Window Window
	Then   Action
	Else   *Recovery // nil: recovery is told, nothing is run
}

// Window is how often a test must fail before its rule fires: Count times within the last Cycles cycles.
// The zero value is once; `for 3 cycles` is 3 of 3. Neither is above 64.
type Window struct {
	Count  int
	Cycles int
}

// Recovery is the else branch of a rule.
type Recovery struct {
	Window Window
	Then   Action
}

// ActionKind is what a rule does.
type ActionKind string

// The actions of the core language.
const (
	Alert     ActionKind = "alert"
	Restart   ActionKind = "restart"
	Start     ActionKind = "start"
	Stop      ActionKind = "stop"
	Exec      ActionKind = "exec"
	Unmonitor ActionKind = "unmonitor"
)

// Action is one action of a rule.
type Action struct {
	Kind   ActionKind
	Exec   *Command // only for Exec
	Repeat int      // exec repeat every N cycles; 0: once a change
}

// RestartLimit is `if N restarts within M cycles then ACTION`.
type RestartLimit struct {
	Pos      Position
	Text     string
	Restarts int
	Cycles   int
	Then     Action
}

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

// Test is what a rule looks at. The set is closed: Exist, Compare, Connection, Changed, Expect, Content.
type Test interface{ test() }

// Exist fails when the service is missing, or with Wanted false (`if exist`) when it is there.
type Exist struct {
	Wanted bool // true: `if not exist then …`, absence is the failure
}

// Compare fails when `Value Op Threshold` holds. Value is a name that the service's kind yields, in that value's own unit
// (bytes, percent 0–100, seconds, …): the parser has already turned "100 MB" or "8 hours" into it.
type Compare struct {
	Value     string
	Op        Op
	Threshold float64
	Written   string // the threshold as written, for messages: "80 %", "100 MB"
}

// Connection fails when the far side does not accept, or does not answer as its protocol says.
// With Succeeded (`if succeeded port …`) it fails when the far side does answer.
type Connection struct {
	Host       string // empty: the host's address, or 127.0.0.1 for a process
	Port       int    // 0 with UnixSocket
	UnixSocket string
	Network    string // "tcp" or "udp"
	TLS        bool
	Protocol   string        // "", "default" or "http" in the core language; "" is default: accepting is enough
	Timeout    time.Duration // zero: 5 s
	Retry      int           // tries in all; zero is one
	Succeeded  bool
	HTTP       HTTPTest // only for protocol http
}

// HTTPTest narrows a protocol http test. The zero value is GET /, failing at status 400 and above.
type HTTPTest struct {
	Method     string // GET (the zero value) or HEAD
	Request    string // path and query; empty: /
	Host       string // Host header; empty: the connection's
	StatusOp   Op     // `status = 200`: the test fails unless it holds; empty: fails at 400 and above
	Status     int
	Content    string // regular expression the body must match (or not, with ContentNot); empty: any
	ContentNot bool
}

// Changed fails in the cycle in which Value (a number or a text that the kind yields) differs from the cycle before.
type Changed struct {
	Value string // checksum, size, timestamp, permission, uid, gid, pid, ppid, status, fsflags
}

// Expect fails when the text Value is not Want: `if failed permission 644`, `uid root`, `checksum expect …`.
type Expect struct {
	Value string // permission, uid, euid, gid or checksum, or the vocabulary's own name for it
	Want  string // permission: octal without leading zeros; uid, gid: name or number as written; checksum: lower case, its length tells the algorithm
}

// Content fails when a line matches Pattern (or, with Not, when none does).
type Content struct {
	Pattern string
	Not     bool
}

func (*Exist) test()      {}
func (*Compare) test()    {}
func (*Connection) test() {}
func (*Changed) test()    {}
func (*Expect) test()     {}
func (*Content) test()    {}
