package control

import (
	"time"

	"github.com/dialtone/dialtone"
)

// Service is one `check` statement.
type Service struct {
	Pos  Position
	Kind string // process, file, fifo, filesystem, directory, network, system, host, program, or a kind that the vocabulary declares
	Name string

	Pidfile   string            // process: with pidfile PATH
	Match     string            // process: matching REGEX
	Unit      string            // process: with unit NAME, a systemd unit (an extension)
	Path      string            // file, fifo, directory, filesystem: with path PATH (a filesystem's may be a device)
	Address   string            // host: with address HOST; network: with address ADDRESS
	Interface string            // network: with interface NAME
	Program   *Command          // program: with path "CMD"; of declared kinds: the parameter of type command
	Params    map[string]string // of a declared kind, by Param.Word; durations as time.Duration prints them

	Start, Stop, Restart *Command // nil where the file names none
	Rules                []*Rule  // those written, in order; implicit rules are the rule engine's
	Limits               []*RestartLimit
	DependsOn            []Reference // those that are in the file; one that is not is a Problem
	Groups               []string
	Every                []Every // all must allow a look; none: every cycle
	Mode                 string  // "", "active", "passive" or "manual"; "" is active
	OnReboot             string  // start, nostart, laststate; "": the settings'
	Alerts               []*MailAlert
	NoAlert              []string // noalert ADDRESS: those of `set alert` who are not told of this one
	IgnoreContent        []*Content

	Labels      []dialtone.Label // label NAME VALUE: on its series and events
	Runbook     string           // runbook URL: in its pages and incidents
	Severity    string           // severity warning|critical: of every rule that names none; "": by the kind of rule
	Maintenance []Maintenance
	DryRun      bool   // dry run: heals are told, and not done
	WhenAlone   string // when alone heal|start|alert: what is done while the collector is out of reach; "": heal

	Bounds Limits // of `set limits`, wherever in the file that stands: what its checks may read at most

	Problem *Problem // the gravest that it has on this machine; nil: none
}

// Problem is what of a service cannot work on this machine although its statement is well written: a user, a program, a `depends`
// target that is missing. It is no error of the file: the service is shown with it, and the others run.
type Problem struct { //nolint:errname // it is shown as an error is, and is none of the file
	Pos     Position
	Service string // empty: of the file, which includes what is not there
	Why     string // "the user asterisk does not exist"
	Mend    string // what to do about it; may be empty
	Partial bool   // what is left of the service works, and is watched; false: the service is set aside, and nothing of it is looked at
}

// Error prints the place, what is wrong and what to do.
func (p *Problem) Error() string {
	text := p.Pos.String() + ": " + p.Why
	if p.Mend != "" {
		text += "\n    " + p.Mend
	}
	return text
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
	Argv    []string // at least one; Argv[0] is an absolute path, or the command is a problem: it is never searched for
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
	Pos      Position
	Text     string // the statement as written, white space folded
	Test     Test
	Window   Window
	Then     Action
	Else     *Recovery // nil: recovery is told, nothing is run
	Severity string    // warning or critical; "": the service's
	Runbook  string    // URL; "": the service's
}

// Window is how often, or for how long, a test must fail before its rule fires: Count times within the last Cycles cycles, or
// without a pass between for at least For. The zero value is once; `for 3 cycles` is 3 of 3. Count and Cycles are at most 64.
type Window struct {
	Count  int
	Cycles int
	For    time.Duration // `for 30 seconds`; then Count and Cycles are zero
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
	Unmonitor ActionKind = "unmonitor" // `timeout` is the same
	Ignore    ActionKind = "ignore"    // nothing at all, not even an event
	Heal      ActionKind = "heal"      // heal NAME: the healer of that name
	Drain     ActionKind = "drain"     // take the service out of use, and wait until nobody uses it
)

// Action is one action of a rule.
type Action struct {
	Kind   ActionKind
	Exec   *Command // only for Exec
	Repeat int      // exec repeat every N cycles; 0: once a change
	Healer string   // only for Heal
	Next   *Action  // `drain then restart`: done when this one has succeeded; nil: nothing
}

// RestartLimit is `if N restarts within M cycles then ACTION`.
type RestartLimit struct {
	Pos      Position
	Text     string
	Restarts int
	Cycles   int
	Then     Action
}
