package dialtone

import "time"

// IncidentState is where an incident is in its life.
type IncidentState string

// The life of an incident: healing → triggered → acked → resolved; a healer that succeeds takes it from healing to resolved
// without a page, and a failure that comes back within five minutes takes it from resolved to triggered again.
const (
	IncidentHealing   IncidentState = "healing"   // held: a healer is at work and its grace has not ended
	IncidentTriggered IncidentState = "triggered" // people are being paged
	IncidentAcked     IncidentState = "acked"     // somebody has taken it
	IncidentResolved  IncidentState = "resolved"
)

// Open reports whether the incident still needs a healer or a person.
func (s IncidentState) Open() bool { return s != IncidentResolved }

// Incident is what people are paged about: one problem, its events, its owner.
type Incident struct {
	ID          string        `json:"id"`  // short, sortable by time, safe in a URL
	Key         string        `json:"key"` // fingerprint: the same key is the same problem
	Node        string        `json:"node"`
	Service     string        `json:"service,omitempty"` // empty: the node itself
	ServiceKind string        `json:"service_kind,omitempty"`
	State       IncidentState `json:"state"`
	Severity    State         `json:"severity"` // Warning or Critical, the worst so far
	Title       string        `json:"title"`    // "nginx on web1 is down"
	Why         string        `json:"why"`      // the newest evidence, one sentence
	Rule        string        `json:"rule,omitempty"`
	RuleText    string        `json:"rule_text,omitempty"`
	Runbook     string        `json:"runbook,omitempty"` // URL
	Opened      time.Time     `json:"opened"`
	Began       time.Time     `json:"began"`               // start of the newest outage: Opened, until it is opened again
	Before      Outage        `json:"before,omitzero"`     // the outage before that, of an incident that was opened again
	HoldUntil   time.Time     `json:"hold_until,omitzero"` // end of the healer's grace
	HeldBy      string        `json:"held_by,omitempty"`   // the node's own incident: while that is open, this one is not paged
	Triggered   time.Time     `json:"triggered,omitzero"`
	Acked       time.Time     `json:"acked,omitzero"`
	Owner       string        `json:"owner,omitempty"`
	MutedUntil  time.Time     `json:"muted_until,omitzero"`
	Escalated   time.Time     `json:"escalated,omitzero"`
	Resolved    time.Time     `json:"resolved,omitzero"`
	Reopened    int           `json:"reopened,omitempty"`
	Heals       int           `json:"heals,omitempty"`     // heals tried during it
	LastHeal    *Heal         `json:"last_heal,omitempty"` // the newest one, with its output
	Paged       bool          `json:"paged"`               // at least one notice left
}

// Outage is one time that something was broken, of an incident that is opened again when it breaks anew. Zero: there was none.
type Outage struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// NoticeKind says what a notice tells.
type NoticeKind string

// The kinds of notices of one incident.
const (
	NoticeFiring   NoticeKind = "firing"
	NoticeUpdate   NoticeKind = "update"
	NoticeResolved NoticeKind = "resolved"
)

// NoticeState is where a notice is on its way out.
type NoticeState string

// A notice found in "sending" after a crash may or may not have arrived: it is sent again under the same ID.
const (
	NoticePending   NoticeState = "pending"
	NoticeSending   NoticeState = "sending"
	NoticeDelivered NoticeState = "delivered"
	NoticeCanceled  NoticeState = "canceled" // overtaken before it left: one combined notice went instead
)

// Notice is one message to one receiver by one way. It is a row in the outbox before it is anything else.
type Notice struct {
	ID        string      `json:"id"` // stable over retries: idempotency key, Message-ID, dedup key
	Incident  string      `json:"incident"`
	Kind      NoticeKind  `json:"kind"`
	Way       string      `json:"way"` // the notifier's name in the collector's settings
	State     NoticeState `json:"state"`
	Attempt   int         `json:"attempt"`
	Created   time.Time   `json:"created"`
	NextAt    time.Time   `json:"next_at,omitzero"`
	LastError string      `json:"last_error,omitempty"`
	Delivered time.Time   `json:"delivered,omitzero"`
	External  string      `json:"external,omitempty"` // what the far side calls it: a Slack ts, a queue id
}
