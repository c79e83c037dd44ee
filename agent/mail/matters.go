package mail

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
)

// Bounds of one matter: a mail holds no more, and events that come by the thousand must not fill the memory.
const (
	maxUnsaid  = 20
	maxHeals   = 6
	maxNotes   = 6
	keptOutput = 2 << 10 // the end of what a program printed
	keptWhy    = 2 << 10
)

// matter is what people may be told of one service: what broke and stands, and what happened and was not mailed yet. A fact that stands
// alone (something changed, the agent started) is a matter of its own.
type matter struct {
	Service string               `json:"service,omitempty"`
	Broke   *dialtone.Event      `json:"broke,omitempty"` // the failure that stands; nil: a fact that stands alone
	Types   []string             `json:"types,omitempty"` // Monit's names of what fails
	Unsaid  []dialtone.Event     `json:"unsaid,omitempty"`
	Heals   []dialtone.Heal      `json:"heals,omitempty"` // since it broke
	Notes   []note               `json:"notes,omitempty"` // what else was done: programs that rules ran
	Over    *dialtone.Event      `json:"over,omitempty"`  // the end of the failure
	Hold    time.Time            `json:"hold,omitzero"`   // nothing is mailed before
	Taken   time.Time            `json:"taken,omitzero"`  // when the oldest of Unsaid came
	Told    map[string]time.Time `json:"told,omitempty"`  // who knows that it is broken, and when they were last told
}

// note is something that was done.
type note struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// matters is all of them. It belongs to keep's goroutine.
type matters struct {
	cfg    Config
	timing timing
	began  time.Time
	all    map[string]*matter // by service, or by the event's ID with a slash before
	dirty  map[string]bool    // not on disk as they are
}

func openMatters(cfg Config, t timing) (*matters, error) {
	ms := &matters{cfg: cfg, timing: t, began: time.Now(), all: map[string]*matter{}, dirty: map[string]bool{}}
	err := cfg.DB.View(func(tx *bbolt.Tx) error {
		top := tx.Bucket(bucketMail)
		if top == nil || top.Bucket(bucketMatters) == nil {
			return nil
		}
		return top.Bucket(bucketMatters).ForEach(func(key, text []byte) error {
			m := &matter{}
			if err := json.Unmarshal(text, m); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			ms.all[string(key)] = m
			return nil
		})
	})
	return ms, err
}

// save writes the matters that changed; settle says that the transaction was good.
func (ms *matters) save(tx *bbolt.Tx) error {
	top, err := tx.CreateBucketIfNotExists(bucketMail)
	if err != nil {
		return err
	}
	bucket, err := top.CreateBucketIfNotExists(bucketMatters)
	if err != nil {
		return err
	}
	for key := range ms.dirty {
		m := ms.all[key]
		if m == nil {
			err = bucket.Delete([]byte(key))
		} else {
			err = put(bucket, []byte(key), m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (ms *matters) settle() { clear(ms.dirty) }

// take sorts events into matters.
func (ms *matters) take(events []dialtone.Event, now time.Time) {
	for _, e := range events {
		e = shortened(e)
		switch e.Kind {
		case dialtone.EventState:
			ms.takeState(e, now)
		case dialtone.EventHeal:
			ms.takeHeal(e, now)
		case dialtone.EventAction:
			ms.takeAction(e, now)
		case dialtone.EventChange, dialtone.EventAgent:
			ms.alone(e, now)
		case dialtone.EventPage, dialtone.EventAck, dialtone.EventMute, dialtone.EventEscal:
		}
	}
}

// takeState begins a matter, goes on with it, or ends it. A success of what was not broken is nobody's concern, as in Monit.
func (ms *matters) takeState(e dialtone.Event, now time.Time) {
	m := ms.all[e.Service]
	failing, passing := typesOf(e.Turns, true), typesOf(e.Turns, false)
	switch {
	case e.To == dialtone.OK && len(failing) > 0:
		ms.alone(e, now) // a restart limit: reached by a service that is well again
	case e.To == dialtone.OK && m != nil:
		m.Over, m.Hold = &e, time.Time{}
		if !e.MutedUntil.IsZero() && len(m.Told) == 0 {
			ms.forget(e.Service) // it began and ended in maintenance
			return
		}
		ms.say(e.Service, m, e, now)
	case len(failing) > 0 && m != nil && m.Over == nil && e.From == dialtone.Unknown && subset(failing, m.Types):
		// a new start of the agent finds what was known
	case len(failing) > 0:
		if m == nil {
			m = &matter{Service: e.Service, Broke: &e}
			ms.all[e.Service] = m
		}
		ms.fails(m, e, failing, now)
	case len(passing) > 0 && m != nil && e.To != dialtone.OK:
		m.Types = slices.DeleteFunc(m.Types, func(t string) bool { return slices.Contains(passing, t) })
		ms.say(e.Service, m, e, now)
	case e.To == dialtone.Unknown && m != nil:
		ms.forget(e.Service) // a person sent it to rest, and knows
	}
}

// fails adds a failure. While a healer is at work on what nobody was told of yet, mail waits for the grace.
func (ms *matters) fails(m *matter, e dialtone.Event, types []string, now time.Time) {
	if m.Over != nil { // broken again before its end was told
		m.Over, m.Broke, m.Types = nil, &e, nil
	}
	for _, t := range types {
		if !slices.Contains(m.Types, t) {
			m.Types = append(m.Types, t)
		}
	}
	first := len(m.Unsaid) == 0 && len(m.Told) == 0
	switch {
	case !e.MutedUntil.IsZero():
		m.Hold = e.MutedUntil.Add(ms.timing.settle) // at its end the agent says how it stands then
	case e.Healing && first:
		m.Hold = now.Add(ms.timing.grace)
	case !e.Healing:
		m.Hold = time.Time{}
	}
	ms.say(e.Service, m, e, now)
}

// takeHeal notes what was done. A heal that failed for good ends the wait; one that worked leaves a moment for the state that follows.
func (ms *matters) takeHeal(e dialtone.Event, now time.Time) {
	if e.Heal == nil {
		return
	}
	m := ms.all[e.Service]
	given := e.Heal.Outcome == dialtone.HealParked
	if m == nil {
		if given {
			ms.alone(e, now)
		}
		return
	}
	m.Heals = slices.DeleteFunc(m.Heals, func(h dialtone.Heal) bool { return h.ID == e.Heal.ID })
	m.Heals = last(append(m.Heals, *e.Heal), maxHeals)
	ms.dirty[e.Service] = true
	if given {
		ms.say(e.Service, m, e, now)
	}
	switch {
	case !e.MutedUntil.IsZero() || m.Hold.IsZero() || e.Healing:
	case e.Heal.Outcome == dialtone.Healed:
		m.Hold = now.Add(ms.timing.settle)
	default:
		m.Hold = time.Time{}
	}
}

// takeAction: what a person ordered is told as Monit tells it; what a rule ran belongs to the matter of its service.
func (ms *matters) takeAction(e dialtone.Event, now time.Time) {
	if e.Who != "" || len(e.Turns) > 0 {
		ms.alone(e, now)
		return
	}
	if m := ms.all[e.Service]; m != nil {
		m.Notes = last(append(m.Notes, note{e.At, e.Why}), maxNotes)
		ms.dirty[e.Service] = true
	}
}

// alone makes a matter of one fact.
func (ms *matters) alone(e dialtone.Event, now time.Time) {
	key := "/" + e.ID
	m := &matter{Service: e.Service, Hold: e.MutedUntil}
	ms.all[key] = m
	ms.say(key, m, e, now)
}

func (ms *matters) say(key string, m *matter, e dialtone.Event, now time.Time) {
	if len(m.Unsaid) == 0 {
		m.Taken = now
	}
	m.Unsaid = last(append(m.Unsaid, e), maxUnsaid)
	ms.dirty[key] = true
}

func (ms *matters) forget(key string) {
	delete(ms.all, key)
	ms.dirty[key] = true
}

// types are Monit's names of what is unsaid.
func (m *matter) types() []string {
	var types []string
	for _, e := range m.Unsaid {
		switch {
		case len(e.Turns) > 0:
			for _, t := range e.Turns {
				types = append(types, t.Type)
			}
		case e.Kind == dialtone.EventAgent:
			types = append(types, "instance")
		case e.Kind == dialtone.EventAction:
			types = append(types, "action")
		case e.Kind == dialtone.EventHeal:
			types = append(types, "timeout")
		default:
			types = append(types, m.Types...)
		}
	}
	if slices.ContainsFunc(m.Heals, func(h dialtone.Heal) bool {
		return h.Outcome == dialtone.HealFailed || h.Outcome == dialtone.HealParked
	}) {
		types = append(types, "exec") // what Monit calls a start that did not help
	}
	return types
}

func typesOf(turns []dialtone.Turn, failed bool) []string {
	var types []string
	for _, t := range turns {
		if t.Failed == failed {
			types = append(types, t.Type)
		}
	}
	return types
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }
