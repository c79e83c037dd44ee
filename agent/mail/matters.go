package mail

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
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

// due are the letters that are to be written now, the oldest matter first.
func (ms *matters) due(file *control.File, now time.Time) []letter {
	here := ms.look(now)
	keys := slices.SortedFunc(maps.Keys(ms.all), func(a, b string) int {
		if c := ms.all[a].Taken.Compare(ms.all[b].Taken); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var letters []letter
	for _, key := range keys {
		m := ms.all[key]
		switch {
		case len(m.Unsaid) == 0 && specOf(file, m.Service) == nil:
			ms.forget(key) // it is not in the control file any more
		case len(m.Unsaid) == 0:
			if !here.collects {
				letters = append(letters, ms.remind(file, key, m, now)...)
			}
		case here.acked:
			letters = append(letters, ms.leave(file, key, m, now)...)
		case (here.alone || here.away || now.Sub(m.Taken) >= ms.timing.away) && !now.Before(m.Hold):
			letters = append(letters, ms.tell(file, key, m, here.url, now)...)
		}
	}
	return letters
}

// sight is how the collector stands at one moment.
type sight struct {
	alone    bool   // there is none
	acked    bool   // it has acknowledged all that is known here
	away     bool   // it has been out of reach for long enough
	collects bool   // it is in reach, and reminds by itself
	url      string // of one that is out of reach; what is mailed names it
}

// look asks how the collector stands. What is known here was handed to it before.
func (ms *matters) look(now time.Time) sight {
	if ms.cfg.Collector == nil {
		return sight{alone: true}
	}
	r := ms.cfg.Collector()
	since := r.Since
	if since.Before(ms.began) {
		since = ms.began // also of one that was never connected
	}
	return sight{
		acked: r.Unacked == 0, url: r.URL, collects: r.Connected && r.Unacked == 0,
		away: !r.Connected && now.Sub(since) >= ms.timing.away,
	}
}

// tell writes to all who want to know of what is unsaid, and to those who know that it broke.
func (ms *matters) tell(file *control.File, key string, m *matter, away string, now time.Time) []letter {
	to := receiversOf(file, m.Service, m.types())
	if m.Over != nil {
		to = slices.Concat(to, ms.knowing(file, m, to))
	}
	letters := make([]letter, 0, len(to))
	for _, r := range to {
		letters = append(letters, letter{receiver: r, matter: *m, away: away, at: now, known: !m.Told[r.address].IsZero()})
	}
	ms.said(key, m, to, now)
	return letters
}

// leave lets the collector tell what it has acknowledged. Only who was mailed that something broke is mailed its end.
func (ms *matters) leave(file *control.File, key string, m *matter, now time.Time) []letter {
	var letters []letter
	if m.Over != nil {
		for _, r := range ms.knowing(file, m, nil) {
			letters = append(letters, letter{receiver: r, matter: *m, at: now, known: true})
		}
	}
	ms.said(key, m, nil, now)
	return letters
}

// said ends what was told: a matter that stands stays, to be told the end of, or to be reminded of.
func (ms *matters) said(key string, m *matter, to []receiver, now time.Time) {
	ms.dirty[key] = true
	if m.Over != nil || m.Broke == nil {
		ms.forget(key)
		return
	}
	m.Unsaid, m.Hold = nil, time.Time{}
	told := maps.Clone(m.Told)
	if told == nil {
		told = map[string]time.Time{}
	}
	for _, r := range to {
		told[r.address] = now
	}
	m.Told = told
}

// knowing are those who were mailed that it broke and are not among others, with the format that they have now.
func (ms *matters) knowing(file *control.File, m *matter, others []receiver) []receiver {
	var found []receiver
	all := receiversOf(file, m.Service, nil)
	for _, address := range slices.Sorted(maps.Keys(m.Told)) {
		same := func(r receiver) bool { return r.address == address }
		if slices.ContainsFunc(others, same) {
			continue
		}
		if i := slices.IndexFunc(all, same); i >= 0 {
			found = append(found, all[i])
			continue
		}
		found = append(found, receiver{address: address, format: file.Settings.MailFormat})
	}
	return found
}

// remind writes again to those who asked for it and know that something is broken.
func (ms *matters) remind(file *control.File, key string, m *matter, now time.Time) []letter {
	var letters []letter
	for _, r := range ms.reminded(file, m) {
		if now.Sub(m.Told[r.address]) < r.reminder {
			continue
		}
		letters = append(letters, letter{receiver: r, matter: *m, at: now, known: true})
		m.Told = maps.Clone(m.Told)
		m.Told[r.address] = now
		ms.dirty[key] = true
	}
	return letters
}

func (ms *matters) reminded(file *control.File, m *matter) []receiver {
	if m.Broke == nil || len(m.Told) == 0 {
		return nil
	}
	return slices.DeleteFunc(receiversOf(file, m.Service, m.Types), func(r receiver) bool {
		return r.reminder <= 0 || m.Told[r.address].IsZero()
	})
}

// next is how long nothing will be due.
func (ms *matters) next(file *control.File, now time.Time) time.Duration {
	wait := time.Hour
	for _, m := range ms.all {
		if len(m.Unsaid) == 0 {
			for _, r := range ms.reminded(file, m) {
				wait = min(wait, max(m.Told[r.address].Add(r.reminder).Sub(now), ms.timing.poll))
			}
			continue
		}
		if ms.cfg.Collector != nil {
			return ms.timing.poll
		}
		wait = min(wait, max(m.Hold.Sub(now), 0))
	}
	return wait
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
