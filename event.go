package dialtone

import "time"

// EventKind says what sort of fact an event is.
type EventKind string

// The kinds of events on the timeline.
const (
	EventState  EventKind = "state"  // a service or node went from one state to another
	EventChange EventKind = "change" // something watched changed (checksum, pid, …): told once, nothing to recover from
	EventHeal   EventKind = "heal"   // a heal started, or ended; Heal is set
	EventAction EventKind = "action" // a person, or a rule's exec, did something to a service; Who is set for a person
	EventAgent  EventKind = "agent"  // the agent itself: started, stopped, reloaded, refused a file, lost what a full spool could not keep
	EventPage   EventKind = "page"   // a notice was delivered, or given up on one way; Incident is set
	EventAck    EventKind = "ack"    // somebody took an incident; Who and Incident are set
	EventMute   EventKind = "mute"   // somebody muted an incident's notices until a time; Who, Incident and Why are set
	EventEscal  EventKind = "escalate"
)

// Event is an immutable fact on the timeline. ID makes resends harmless: the same ID is the same event, and an agent keeps
// the ID when it sends again. Agents use "<agent id>/<boot id>/<sequence number>".
type Event struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at"` // UTC, on the clock of the node where it happened
	Kind        EventKind `json:"kind"`
	Node        string    `json:"node"`
	Service     string    `json:"service,omitempty"` // empty: about the node itself
	ServiceKind string    `json:"service_kind,omitempty"`
	From        State     `json:"from"`
	To          State     `json:"to"`
	Why         string    `json:"why"`                  // one sentence that a person reads at 3 am
	Rule        string    `json:"rule,omitempty"`       // file:line of the rule that fired
	RuleText    string    `json:"rule_text,omitempty"`  // the rule as written
	Runbook     string    `json:"runbook,omitempty"`    // URL: what to do about it
	MutedUntil  time.Time `json:"muted_until,omitzero"` // end of the maintenance that it happened in: nobody is told of it before
	Healing     bool      `json:"healing,omitempty"`    // a healer is at work on it, or about to be: hold the page for the grace
	Turns       []Turn    `json:"turns,omitempty"`      // what each rule says that turned or fired; those that fail first
	Heal        *Heal     `json:"heal,omitempty"`
	Who         string    `json:"who,omitempty"`
	Incident    string    `json:"incident,omitempty"`
}

// Turn is one rule that turned, or fired, in an event.
type Turn struct {
	Type   string `json:"type"`             // Monit's name for it, as in alert filters: nonexist, resource, connection, …
	Failed bool   `json:"failed,omitempty"` // false: it passes again
	Why    string `json:"why,omitempty"`
	Action string `json:"action,omitempty"` // what it asks for: alert, restart, exec, …
}

// HealOutcome is how a heal stands. The zero value is not a valid outcome.
type HealOutcome string

// The outcomes of a heal.
const (
	HealRunning HealOutcome = "running" // journalled and begun
	Healed      HealOutcome = "healed"  // the check that failed passes again
	HealFailed  HealOutcome = "failed"  // acted, but the check still fails; tried again after the back-off
	HealRefused HealOutcome = "refused" // a guard said no (nothing was done); Reason says which
	HealParked  HealOutcome = "parked"  // the budget is spent: left alone until a person, or its own check, says otherwise
)

// Heal is one guarded, journalled run of a healer on a service.
type Heal struct {
	ID       string        `json:"id"` // unique on its node for ever
	Service  string        `json:"service"`
	Action   string        `json:"action"` // start, stop, restart, exec
	Rule     string        `json:"rule,omitempty"`
	Seen     string        `json:"seen"`              // what the check saw that made it act
	Command  string        `json:"command,omitempty"` // what was run, as argv joined for reading
	Attempt  int           `json:"attempt"`           // 1 for the first of this failure
	Budget   string        `json:"budget,omitempty"`  // "2 of 3 this hour, 2 of 6 today"
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"` // up to the verdict, verification included
	Outcome  HealOutcome   `json:"outcome"`
	ExitCode int           `json:"exit_code"`
	Output   string        `json:"output,omitempty"` // stdout and stderr together, at most 64 KiB, hostile text
	Reason   string        `json:"reason,omitempty"` // why refused, failed or parked
	Next     time.Time     `json:"next,omitzero"`    // when it is tried again; zero when it is not
}
