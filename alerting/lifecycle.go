package alerting

import (
	"time"

	"github.com/dialtone/dialtone"
)

// reopenWithin is how long after its end the same failure is the same incident again.
const reopenWithin = 5 * time.Minute

// Policy is the timing of an incident's life.
type Policy struct {
	Grace         time.Duration // how long a healer may hold a page back
	RemindEvery   time.Duration // between reminders of an incident that nobody has taken; 0: none
	EscalateAfter time.Duration // from the first page to the second line; 0: only by hand
}

// incident is the desk's record: what everybody sees, and what the desk needs to go on after a restart. All its deadlines
// are wall-clock instants, so that a restart, or a machine that slept, finds them due.
type incident struct {
	dialtone.Incident
	Now        dialtone.State    `json:"now"`               // how the thing is at present; Severity is the worst so far
	Healing    bool              `json:"healing,omitempty"` // a healer is at work on it, by the newest evidence
	Changed    bool              `json:"changed,omitempty"`
	Agent      bool              `json:"agent,omitempty"` // the newest evidence is about the agent, not about its machine
	RemindAt   time.Time         `json:"remind_at,omitzero"`
	EscalateAt time.Time         `json:"escalate_at,omitzero"`
	Told       map[string]told   `json:"told,omitempty"`    // by way: does its receiver know that it is broken?
	Threads    map[string]string `json:"threads,omitempty"` // by way: what it called its first message
}

// told is what a receiver knows. The empty value is: nothing.
type told string

const (
	toldYes   told = "yes"
	toldMaybe told = "maybe" // an attempt failed after it may have arrived: worth a resolved notice, no reason to stay silent
)

// tell is one wish of a transition: that people hear of it. The outbox decides who has not heard yet.
type tell struct {
	Kind   dialtone.NoticeKind
	Reason Reason
}

// Reason says why a notice leaves now; it chooses the words.
type Reason string

// The reasons of notices.
const (
	reasonNew       Reason = "new"       // it broke
	reasonAgain     Reason = "again"     // it broke again within five minutes
	reasonChange    Reason = "change"    // something watched changed: told once
	reasonWorse     Reason = "worse"     // warning became critical
	reasonParked    Reason = "parked"    // the healer has given up
	reasonReminder  Reason = "reminder"  // nobody has taken it
	reasonEscalated Reason = "escalated" // the second line is called
	reasonUnmuted   Reason = "unmuted"   // its mute ended and it is still broken
	reasonOver      Reason = "over"      // it is well again
)

// outcome is what a transition asks of the outbox. Hush cancels every notice of the incident that has not left.
type outcome struct {
	tell []tell
	hush bool
}

func firing(reason Reason) outcome {
	return outcome{tell: []tell{{dialtone.NoticeFiring, reason}}}
}

func update(reason Reason) outcome {
	return outcome{tell: []tell{{dialtone.NoticeUpdate, reason}}}
}

// broke opens in with the event e, which says that something is Warning or Critical. The caller has filled in.ID and,
// while the node's own incident is open, in.HeldBy.
func (in *incident) broke(e dialtone.Event, now time.Time, p Policy) outcome {
	in.Key = keyOf(e)
	in.Node, in.Service, in.ServiceKind = e.Node, e.Service, e.ServiceKind
	in.Opened, in.Began = e.At, e.At
	in.Severity = e.To
	in.see(e)
	return in.begin(e.Healing, now, p)
}

// begin holds the page for the healer, for the node, or pages.
func (in *incident) begin(healing bool, now time.Time, p Policy) outcome {
	if in.HeldBy != "" {
		in.State = dialtone.IncidentTriggered
		return outcome{}
	}
	if healing && p.Grace > 0 {
		return in.hold(now.Add(p.Grace))
	}
	return in.trigger(in.reason(), now, p)
}

func (in *incident) hold(until time.Time) outcome {
	in.State = dialtone.IncidentHealing
	in.HoldUntil = until
	return outcome{}
}

// reason is that of the page that an outage begins with: "again" only to people who have heard of the incident before.
func (in *incident) reason() Reason {
	if in.Reopened > 0 && in.Triggered.IsZero() && in.Paged {
		return reasonAgain
	}
	return reasonNew
}

// trigger pages, unless the incident is muted or held by its node: then its end does.
func (in *incident) trigger(reason Reason, now time.Time, p Policy) outcome {
	in.State = dialtone.IncidentTriggered
	in.HoldUntil = time.Time{}
	if in.silent(now) {
		return outcome{}
	}
	in.Triggered = now
	in.RemindAt = after(now, p.RemindEvery)
	in.EscalateAt = time.Time{}
	if in.Escalated.IsZero() {
		in.EscalateAt = after(now, p.EscalateAfter)
	}
	return firing(reason)
}

// silent reports whether the incident is muted or waits for its node.
func (in *incident) silent(now time.Time) bool { return in.HeldBy != "" || in.MutedUntil.After(now) }

// wantsPage reports whether people should still hear that it is broken.
func (in *incident) wantsPage(now time.Time) bool {
	return in.State == dialtone.IncidentTriggered && !in.silent(now)
}

// again opens a resolved incident once more. One that was paged before pages at once, healer or not: a second outage is
// never swallowed. What receivers know stays: one whom the end has not reached still believes in the first break.
func (in *incident) again(e dialtone.Event, now time.Time, p Policy) outcome {
	in.Before = dialtone.Outage{From: in.Began, To: in.Resolved}
	in.Began = e.At
	in.Triggered, in.Resolved, in.Acked, in.Owner, in.Escalated = time.Time{}, time.Time{}, time.Time{}, "", time.Time{}
	in.Reopened++
	in.Severity = e.To
	in.see(e)
	return in.begin(e.Healing && !in.Paged, now, p)
}

// changed tells of something that has no end: the incident opens and resolves in one breath, and one notice leaves.
func (in *incident) changed(e dialtone.Event, reopened bool, now time.Time) outcome {
	in.Changed = true
	in.Key = keyOf(e)
	in.Node, in.Service, in.ServiceKind = e.Node, e.Service, e.ServiceKind
	if reopened {
		in.Reopened++
	} else {
		in.Opened = e.At
	}
	in.Began = e.At
	in.Severity = dialtone.Warning
	if e.To == dialtone.Critical {
		in.Severity = e.To
	}
	in.see(e)
	in.State = dialtone.IncidentResolved
	in.Triggered, in.Resolved = now, e.At
	in.Told = nil
	if e.MutedUntil.After(now) {
		return outcome{}
	}
	return firing(reasonChange)
}

// still takes a further bad state of an open incident.
func (in *incident) still(e dialtone.Event, now time.Time, p Policy) outcome {
	worse := e.To.Worse(in.Severity)
	in.see(e)
	if worse {
		in.Severity = e.To
		in.Title = titleOf(in)
	}
	switch in.State {
	case dialtone.IncidentHealing:
		if !e.Healing {
			return in.trigger(in.reason(), now, p)
		}
	case dialtone.IncidentTriggered, dialtone.IncidentAcked:
		if worse {
			return in.worsen(now, p)
		}
	case dialtone.IncidentResolved:
	}
	return outcome{}
}

// worsen takes the incident from whoever had it for a lesser one, and says so.
func (in *incident) worsen(now time.Time, p Policy) outcome {
	in.State = dialtone.IncidentTriggered
	in.Acked, in.Owner = time.Time{}, ""
	if in.silent(now) {
		return outcome{}
	}
	if in.Triggered.IsZero() {
		in.Triggered = now
	}
	in.RemindAt = after(now, p.RemindEvery)
	return update(reasonWorse)
}

// recovered ends the incident. Who hears of it is the outbox's business: those who heard, or may have heard, that it broke.
func (in *incident) recovered(e dialtone.Event) outcome {
	in.Now = e.To
	return in.end(e.At)
}

func (in *incident) end(at time.Time) outcome {
	in.State = dialtone.IncidentResolved
	in.Resolved = at
	in.HoldUntil, in.RemindAt, in.EscalateAt, in.MutedUntil = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	in.HeldBy = ""
	return outcome{tell: []tell{{dialtone.NoticeResolved, reasonOver}}}
}

// see takes over the newest evidence.
func (in *incident) see(e dialtone.Event) {
	in.Now = e.To
	in.Why = e.Why
	in.Healing = e.Healing
	in.Agent = e.Kind == dialtone.EventAgent
	if e.Rule != "" {
		in.Rule, in.RuleText, in.Runbook = e.Rule, e.RuleText, e.Runbook
	}
	if e.MutedUntil.After(in.MutedUntil) {
		in.MutedUntil = e.MutedUntil // in maintenance: told when that ends and it is still broken
	}
	in.Title = titleOf(in)
}

// heal takes over what a healer did. A healer that gives up ends the hold at once.
func (in *incident) heal(h dialtone.Heal, now time.Time, p Policy) outcome {
	if h.Outcome == dialtone.HealRefused {
		return outcome{}
	}
	if h.Outcome == dialtone.Healed || h.Outcome == dialtone.HealFailed {
		in.Heals++
	}
	in.LastHeal = evidence(in.LastHeal, h)
	if h.Outcome != dialtone.HealParked {
		return outcome{}
	}
	in.Healing = false
	switch in.State {
	case dialtone.IncidentHealing:
		return in.trigger(in.reason(), now, p)
	case dialtone.IncidentTriggered:
		if !in.silent(now) && !in.Triggered.IsZero() {
			return update(reasonParked)
		}
	case dialtone.IncidentAcked, dialtone.IncidentResolved:
	}
	return outcome{}
}

// evidence keeps the output of the last act when the healer only says that it gives up.
func evidence(old *dialtone.Heal, h dialtone.Heal) *dialtone.Heal {
	h.Output = lastBytes(h.Output, keptOutput)
	if old == nil || h.Outcome != dialtone.HealParked || h.Command != "" {
		return &h
	}
	h.Command, h.ExitCode, h.Output, h.Took = old.Command, old.ExitCode, old.Output, old.Took
	if h.Attempt == 0 {
		h.Attempt = old.Attempt
	}
	return &h
}

// tick does what is due at now. Calling it twice does nothing the second time.
func (in *incident) tick(now time.Time, p Policy) outcome {
	if !in.dueAt(now, p) {
		return outcome{}
	}
	switch {
	case !in.MutedUntil.IsZero():
		return in.unmute(now, p)
	case in.State == dialtone.IncidentHealing:
		return in.trigger(in.reason(), now, p)
	case due(in.EscalateAt, now, p.EscalateAfter):
		in.EscalateAt = time.Time{}
		in.Escalated = now
		return update(reasonEscalated)
	}
	in.RemindAt = after(now, p.RemindEvery)
	return update(reasonReminder)
}

// dueAt reports whether tick has something to do at now.
func (in *incident) dueAt(now time.Time, p Policy) bool {
	if in.HeldBy != "" || !in.State.Open() {
		return false
	}
	if !in.MutedUntil.IsZero() {
		return due(in.MutedUntil, now, foreverMute)
	}
	switch in.State {
	case dialtone.IncidentHealing:
		return due(in.HoldUntil, now, p.Grace)
	case dialtone.IncidentTriggered:
		return due(in.EscalateAt, now, p.EscalateAfter) || due(in.RemindAt, now, p.RemindEvery)
	case dialtone.IncidentAcked, dialtone.IncidentResolved:
	}
	return false
}

// nextDeadline is when tick has something to do; zero when only an event can move the incident.
func (in *incident) nextDeadline() time.Time {
	if in.HeldBy != "" || !in.State.Open() {
		return time.Time{}
	}
	if !in.MutedUntil.IsZero() {
		return in.MutedUntil
	}
	switch in.State {
	case dialtone.IncidentHealing:
		return in.HoldUntil
	case dialtone.IncidentTriggered:
		return earlier(in.RemindAt, in.EscalateAt)
	case dialtone.IncidentAcked, dialtone.IncidentResolved:
	}
	return time.Time{}
}

// nodeDown makes the incident wait for the node's own.
func (in *incident) nodeDown(node string) outcome {
	in.HeldBy = node
	return outcome{hush: true}
}

// nodeBack ends that wait. A healer gets one grace to bring the thing up with its node. Where none is at work there is
// nothing to wait for but the rest of that grace, counted from the break.
func (in *incident) nodeBack(now time.Time, p Policy) outcome {
	in.HeldBy = ""
	if in.State != dialtone.IncidentTriggered {
		return outcome{}
	}
	until := in.Began.Add(p.Grace)
	if in.Healing {
		until = now.Add(p.Grace)
	}
	if until.After(now) {
		return in.hold(until)
	}
	return in.trigger(in.reason(), now, p)
}

// due reports whether the deadline has come. A deadline further away than it can ever have been set means that the clock
// was turned back: it is due too, because a page that comes early is better than one that comes an hour late.
func due(deadline, now time.Time, longest time.Duration) bool {
	if deadline.IsZero() {
		return false
	}
	return !deadline.After(now) || deadline.Sub(now) > longest
}

// after is now+d, and the zero time when d is 0: no deadline.
func after(now time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return now.Add(d)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
