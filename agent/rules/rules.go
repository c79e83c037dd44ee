// Package rules turns what checks found into states and actions: Monit's rule engine, without a clock and without side effects.
//
// A rule keeps the last 64 verdicts of its test. It fires when enough of the newest fail, recovers when enough pass, and starts
// counting afresh at each of these transitions. Actions that repair are asked for in every failing cycle, an exec only at the
// transition (or repeated, where the file says so); whoever receives them decides whether to act.
package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

const defaultStartTimeout = 30 * time.Second

// Engine holds the rules of one service and what they remember. It belongs to one goroutine.
type Engine struct {
	spec   *control.Service
	rules  []*rule
	limits *limits
}

type rule struct {
	written  *control.Rule
	place    string // of the newest control file: lines move while rules stay the same
	id       int    // index among the written rules; -1 for an implicit one
	history  history
	failed   bool
	changing bool                // of a changed test: enough of the newest looks have found changes
	decided  bool                // it has failed or passed; before, failures too few for its window say neither
	count    int                 // cycles since the last transition, that one included
	last     map[string]previous // of changed tests
	first    string              // the text seen first, where that is what is wanted
	since    time.Time           // of the first of the newest verdicts that are alike: what `for 30 seconds` is counted from
	same     bool                // with since: these verdicts are failures
	started  time.Time           // of the process whose connection has passed at least once
	why      string
}

// Look is one report and when it was made. The zero At is fine for rules that neither look at a starting process nor count seconds.
type Look struct {
	Report *checks.Report
	At     time.Time
	Extra  bool // outside the schedule, after a death or a heal: it decides only what one look can decide
}

// Finding is what one rule makes of one look.
type Finding struct {
	Test    control.Test // nil: a restart limit
	Place   string       // file:line
	Text    string       // as written
	Runbook string       // URL; empty: none
	Why     string       // one sentence
	Failed  bool         // how the rule stands after this look
	Turned  bool         // it went from passing to failing or back
	Change  bool         // a changed test fired: told once, never recovers
	Do      *control.Action
	Exec    healers.ActionID // of Do, where that is an exec
}

// Verdict is what all rules of a service make of one look.
type Verdict struct {
	State    dialtone.State
	Why      string
	Findings []Finding // of the rules that turned, changed, or ask for an action; in the order written
	Due      time.Time // when a rule that counts seconds will fire or recover, should it stay so; zero: none is about to
}

// New makes the engine of a service: its written rules, and the implicit ones that Monit has too.
func New(s *control.Service) *Engine {
	e := &Engine{spec: s, limits: newLimits(s)}
	for _, r := range implicit(s) {
		e.rules = append(e.rules, &rule{written: r, place: s.Pos.Place(), id: -1})
	}
	for i, r := range s.Rules {
		e.rules = append(e.rules, &rule{written: r, place: r.Pos.Place(), id: i})
	}
	return e
}

// Moved takes over the places of an equal service that was read again; nothing is forgotten.
func (e *Engine) Moved(s *control.Service) {
	for _, r := range e.rules {
		switch {
		case r.id < 0:
			r.place = s.Pos.Place()
		case r.id < len(s.Rules):
			r.place = s.Rules[r.id].Pos.Place()
		}
	}
	e.limits.moved(s)
}

// Step takes one look into account.
func (e *Engine) Step(l Look) Verdict {
	var v Verdict
	for _, r := range e.rules {
		bit, why := e.judge(r, l)
		if bit == noData {
			continue
		}
		pointless := bit == fails && r.pointless(l.Report)
		if pointless {
			why += "; nothing is done to the service for that"
		}
		f, speaks := r.step(bit == fails, why, l, e.spec)
		if pointless {
			f.Do, speaks = nil, f.Turned
		}
		if speaks {
			v.Findings = append(v.Findings, f)
		}
		if due := r.dueAt(); !due.IsZero() && (v.Due.IsZero() || due.Before(v.Due)) {
			v.Due = due
		}
	}
	v.State, v.Why = e.stand(l.Report)
	return v
}

// Limits counts one scheduled cycle and returns what the restart limits then ask for.
func (e *Engine) Limits() []Finding { return e.limits.cycle(e.spec.Name) }

// Acted counts one start or restart towards the restart limits.
func (e *Engine) Acted() { e.limits.acted() }

// step adds one verdict and says what follows from it; false when nothing does.
func (r *rule) step(failing bool, why string, l Look, s *control.Service) (Finding, bool) {
	f := Finding{Test: r.written.Test, Place: r.place, Text: r.written.Text, Runbook: cmp.Or(r.written.Runbook, s.Runbook), Why: why}
	if test, is := r.written.Test.(*control.Changed); is && !test.Not {
		return r.stepChanged(f, failing, s.Name)
	}
	if failing {
		r.why = why
	}
	if r.since.IsZero() || r.same != failing {
		r.since, r.same = l.At, failing
	}
	need := r.need(failing)
	if l.Extra && r.failed != failing && need.Count > 1 {
		return f, false
	}
	r.history.add(failing)
	r.count++
	if r.failed != failing && r.reached(failing, need, l.At) {
		r.failed, r.count, f.Turned = failing, 1, true
		r.history = history{}
		r.history.add(failing)
	}
	f.Failed = r.failed
	r.decided = r.decided || r.failed || !failing
	if r.ignores(failing) {
		return f, false
	}
	f.Do, f.Exec = r.action(failing, f.Turned, s.Name)
	return f, f.Turned || f.Do != nil
}

// need is the window of the transition that a verdict speaks for.
func (r *rule) need(failing bool) control.Window {
	switch {
	case failing:
		return r.written.Window
	case r.written.Else != nil:
		return r.written.Else.Window
	}
	return control.Window{}
}

// reached: a window in cycles asks the history, one in time the clock.
func (r *rule) reached(failing bool, need control.Window, at time.Time) bool {
	if need.For > 0 {
		return at.Sub(r.since) >= need.For
	}
	return r.history.reached(failing, need)
}

// dueAt is when the rule turns should its verdicts stay as they are; zero: not by the clock alone.
func (r *rule) dueAt() time.Time {
	need := r.need(r.same)
	if need.For <= 0 || r.same == r.failed || r.since.IsZero() {
		return time.Time{}
	}
	return r.since.Add(need.For)
}

// ignores reports whether the file wants nothing to follow, not even an event.
func (r *rule) ignores(failing bool) bool {
	if failing {
		return r.written.Then.Kind == control.Ignore
	}
	return r.written.Else != nil && r.written.Else.Then.Kind == control.Ignore
}

// stepChanged fires on each change while there are enough of them for its window, and never recovers: one look without a change only
// begins the count afresh.
func (r *rule) stepChanged(f Finding, changed bool, service string) (Finding, bool) {
	r.history.add(changed)
	if r.changing != changed && r.history.reached(changed, r.need(changed)) {
		r.changing = changed
		r.history = history{}
		r.history.add(changed)
	}
	if !changed || !r.changing {
		return f, false
	}
	r.count = 1
	f.Change = true
	f.Do, f.Exec = r.due(&r.written.Then, true, false, service)
	return f, true
}

// action is what the rule asks for now. A success in a failed rule, or a failure in a passing one, asks for nothing.
func (r *rule) action(failing, turned bool, service string) (*control.Action, healers.ActionID) {
	switch {
	case failing && r.failed:
		return r.due(&r.written.Then, turned, false, service)
	case !failing && turned && r.written.Else != nil:
		return r.due(&r.written.Else.Then, turned, true, service)
	}
	return nil, ""
}

func (r *rule) due(a *control.Action, turned, recovery bool, service string) (*control.Action, healers.ActionID) {
	switch a.Kind {
	case control.Exec:
		if !turned && (a.Repeat <= 0 || r.count%a.Repeat != 0) {
			return nil, ""
		}
	case control.Alert, control.Ignore:
		if !turned || a.Next == nil {
			return nil, ""
		}
	case control.Restart, control.Start, control.Stop, control.Heal, control.Drain, control.Unmonitor:
		if a.Next == nil {
			return a, ""
		}
	}
	return a, healers.ExecAction(service, r.id, recovery)
}

// Failing are the tests of the rules that stand failed, in the order written.
func (e *Engine) Failing() []control.Test {
	var tests []control.Test
	for _, r := range e.rules {
		if r.failed {
			tests = append(tests, r.written.Test)
		}
	}
	return tests
}

// stand is the state of the service: the worst of its rules.
func (e *Engine) stand(report *checks.Report) (dialtone.State, string) {
	state, why := dialtone.OK, ""
	for _, r := range e.rules {
		if s := r.stand(e.spec); s.Worse(state) {
			state, why = s, r.why
		}
	}
	if state == dialtone.OK && report.Existence == checks.Absent {
		why = report.Why // absent, yet nothing that the file minds, or not for long enough
	}
	return state, why
}

// stand is what one rule says of its service. One that has failed since the agent began, but not often enough for its window, says
// that nobody knows: the service may have been down before, and is not to be told as well again.
func (r *rule) stand(s *control.Service) dialtone.State {
	switch {
	case r.written.Then.Kind == control.Ignore:
		return dialtone.OK
	case r.failed:
		return severity(s, r.written)
	case !r.decided && r.why != "":
		return dialtone.Unknown
	}
	return dialtone.OK
}

// severity is the rule's own, or the service's. Where the file writes none, what is absent, what a rule repairs, a connection, a ping and
// a program's status are Critical; the rest is Warning.
func severity(s *control.Service, r *control.Rule) dialtone.State {
	switch cmp.Or(r.Severity, s.Severity) {
	case "critical":
		return dialtone.Critical
	case "warning":
		return dialtone.Warning
	}
	if Repairs(r.Then.Kind) {
		return dialtone.Critical
	}
	switch test := r.Test.(type) {
	case *control.Connection, *control.Ping:
		return dialtone.Critical
	case *control.Exist:
		if test.Wanted {
			return dialtone.Critical
		}
	case *control.Link:
		if !test.Up {
			return dialtone.Critical
		}
	case *control.Compare:
		if test.Value == "status" {
			return ofStatus(s, test)
		}
	}
	return dialtone.Warning
}

// ofStatus: a program's status is Critical. A plugin's is by what it says, where the file tells its warning from its critical: then what
// already fails at 1 is Warning.
func ofStatus(s *control.Service, test *control.Compare) dialtone.State {
	plugin := s.Kind == "nagios" || s.Kind == "munin"
	told := slices.ContainsFunc(s.Rules, func(r *control.Rule) bool {
		other, is := r.Test.(*control.Compare)
		return is && other.Value == "status" && !other.Op.Holds(1, other.Threshold)
	})
	if plugin && told && test.Op.Holds(1, test.Threshold) {
		return dialtone.Warning
	}
	return dialtone.Critical
}

// Repairs reports whether an action acts on the service itself.
func Repairs(kind control.ActionKind) bool {
	switch kind {
	case control.Restart, control.Start, control.Stop, control.Heal, control.Drain:
		return true
	case control.Alert, control.Exec, control.Unmonitor, control.Ignore:
	}
	return false
}
