package alerting

import (
	"fmt"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
)

// accept puts one event on the timeline, moves the incident it is about, and writes the rows that follow from it.
// An event that is there already changes nothing.
func (dr *draft) accept(e dialtone.Event) error {
	e = tidy(e, dr.now)
	if e.ID == "" {
		e.ID = "desk/" + dr.desk.stamp(dr.now)
	}
	if dr.seen[e.ID] || dr.tx.Bucket(bucketEventIDs).Get([]byte(e.ID)) != nil {
		return nil
	}
	dr.seen[e.ID] = true
	in, err := dr.move(e)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	if in != nil && e.Incident == "" {
		e.Incident = in.ID
	}
	dr.events = append(dr.events, e)
	return nil
}

// move returns the incident that the event belongs to, or nil.
func (dr *draft) move(e dialtone.Event) (*incident, error) {
	in, err := dr.newest(keyOf(e))
	if err != nil {
		return nil, err
	}
	switch e.Kind {
	case dialtone.EventState:
		return dr.state(in, e)
	case dialtone.EventChange:
		return dr.change(in, e)
	case dialtone.EventHeal:
		return dr.heal(in, e), nil
	case dialtone.EventAgent:
		if e.From != e.To {
			return dr.state(in, e) // the agent was stopped, or is back
		}
	case dialtone.EventAction, dialtone.EventPage, dialtone.EventAck, dialtone.EventMute, dialtone.EventEscal:
	}
	if in == nil || !in.State.Open() {
		return nil, nil
	}
	return in, nil
}

func (dr *draft) state(in *incident, e dialtone.Event) (*incident, error) {
	open := in != nil && in.State.Open()
	switch e.To {
	case dialtone.Unknown:
		if !open {
			return nil, nil
		}
		in.Now = e.To
		return in, nil
	case dialtone.OK:
		if !open {
			return nil, nil
		}
		return in, dr.recover(in, e)
	case dialtone.Warning, dialtone.Critical:
	}
	p := dr.desk.policy
	if open {
		dr.apply(in, in.still(e, dr.now, p))
		return in, dr.hold(in)
	}
	holder, err := dr.downNode(e)
	if err != nil {
		return nil, err
	}
	if in != nil && e.At.Sub(in.Resolved) <= reopenWithin {
		in.HeldBy = holder
		dr.apply(in, in.again(e, dr.now, p))
		return in, dr.hold(in)
	}
	in = dr.add()
	in.HeldBy = holder
	dr.apply(in, in.broke(e, dr.now, p))
	return in, dr.hold(in)
}

// downNode returns the ID of the open incident that says that the event's node is down, or "".
func (dr *draft) downNode(e dialtone.Event) (string, error) {
	if e.Service == "" {
		return "", nil
	}
	node, err := dr.newest(e.Node + "/")
	if err != nil || node == nil || !node.State.Open() || node.Severity != dialtone.Critical {
		return "", err
	}
	return node.ID, nil
}

// hold makes the incidents of a node's services wait while the node itself is down.
func (dr *draft) hold(node *incident) error {
	if node.Service != "" || node.Severity != dialtone.Critical {
		return nil
	}
	services, err := dr.ofNode(node.Node)
	for _, in := range services {
		if in.HeldBy == "" {
			dr.apply(in, in.nodeDown(node.ID))
		}
	}
	return err
}

// recover ends an incident, and the wait of those that it held.
func (dr *draft) recover(in *incident, e dialtone.Event) error {
	dr.apply(in, in.recovered(e))
	return dr.release(in)
}

func (dr *draft) release(node *incident) error {
	if node.Service != "" {
		return nil
	}
	services, err := dr.ofNode(node.Node)
	for _, in := range services {
		if in.HeldBy == node.ID {
			dr.apply(in, in.nodeBack(dr.now, dr.desk.policy))
		}
	}
	return err
}

// change is told even while the node is down: it has happened, and nothing later will tell of it.
func (dr *draft) change(in *incident, e dialtone.Event) (*incident, error) {
	reopened := in != nil && e.At.Sub(in.Resolved) <= reopenWithin
	if !reopened {
		in = dr.add()
	}
	dr.apply(in, in.changed(e, reopened, dr.now))
	return in, nil
}

// heal attaches what a healer did to the incident it was for, also when that has just ended.
func (dr *draft) heal(in *incident, e dialtone.Event) *incident {
	if in == nil || e.Heal == nil {
		return nil
	}
	if !in.State.Open() && e.At.Sub(in.Resolved) > reopenWithin {
		return nil
	}
	dr.apply(in, in.heal(*e.Heal, dr.now, dr.desk.policy))
	return in
}

// Bounds of an event as kept on the timeline. Its texts come from nodes: they are data, never trusted, never too long.
const (
	maxName   = 256
	maxWhy    = 4 << 10
	maxOutput = 64 << 10
)

// tidy bounds the texts of an event and moves a time from the future, or from long before anything is kept, to now.
func tidy(e dialtone.Event, now time.Time) dialtone.Event {
	e.At = e.At.UTC().Round(0)
	if e.At.After(now) || e.At.Before(now.Add(-400*24*time.Hour)) {
		e.At = now
	}
	for _, name := range []*string{&e.ID, &e.Node, &e.Service, &e.ServiceKind, &e.Who, &e.Incident} {
		*name = firstBytes(strings.ReplaceAll(*name, "\x00", ""), maxName)
	}
	for _, text := range []*string{&e.Why, &e.Rule, &e.RuleText, &e.Runbook} {
		*text = firstBytes(*text, maxWhy)
	}
	if e.Heal != nil {
		heal := *e.Heal
		heal.Output = lastBytes(heal.Output, maxOutput)
		for _, text := range []*string{&heal.Seen, &heal.Command, &heal.Reason, &heal.Rule, &heal.Budget, &heal.Action, &heal.Service, &heal.ID} {
			*text = firstBytes(*text, maxWhy)
		}
		e.Heal = &heal
	}
	return e
}
