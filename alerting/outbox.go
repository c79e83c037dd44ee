package alerting

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
)

// lateness is how long a notice of a resolved incident is still worth sending.
const lateness = 24 * time.Hour

// Way is one notifier with its place in the settings.
type Way struct {
	Name        string         // unique; stands in Notice.Way
	Escalation  bool           // second line: told only of escalated incidents
	MinSeverity dialtone.State // least severity it is told of; Unknown, the zero value, means all
	Notifier    notify.Notifier
}

// row is a notice in the outbox. For one incident and way at most two are unfinished: one on its way, and the newest
// behind it. Everything that waits is overtaken by what comes later, so a receiver that was away for a day gets one
// message about each incident, and the outbox cannot grow beyond two rows for each.
type row struct {
	dialtone.Notice
	Reason   Reason `json:"reason"`
	Combined bool   `json:"combined,omitempty"` // tells of the break too, since no firing notice left
	Batch    string `json:"batch,omitempty"`    // ID of the digest it was sent in: a resend uses the same
}

func (r *row) finished() bool {
	return r.State == dialtone.NoticeDelivered || r.State == dialtone.NoticeCanceled
}

// alarm reports whether the row says that something is broken.
func (r *row) alarm() bool { return r.Kind != dialtone.NoticeResolved }

// apply does what a transition asked for, in the transaction of the event that caused it.
func (dr *draft) apply(in *incident, out outcome) {
	if out.hush {
		dr.hush(in)
	}
	for _, t := range out.tell {
		for _, way := range dr.desk.ways {
			dr.tell(in, way, t)
		}
	}
}

// tell writes a row when the way's receiver should hear of t.
func (dr *draft) tell(in *incident, way Way, t tell) {
	waiting := dr.unfinished(way.Name, in.ID)
	r := compose(in, way, t, waiting)
	if r == nil {
		return
	}
	for _, old := range waiting {
		if old.State == dialtone.NoticePending {
			dr.cancel(old, "overtaken by a newer notice")
		}
	}
	r.ID = dr.desk.stamp(dr.now) + strings.ToLower(rand.Text()[:10])
	r.Incident, r.Way, r.Reason = in.ID, way.Name, t.Reason
	r.State, r.Created = dialtone.NoticePending, dr.now
	dr.fresh = append(dr.fresh, r)
}

// compose decides what, if anything, the receiver of way is told: the resolved notice goes to those who heard, or may
// have heard, of the break, and one that tells both goes to those who would have.
func compose(in *incident, way Way, t tell, waiting []*row) *row {
	alarms, onItsWay := 0, false
	for _, r := range waiting {
		if r.alarm() {
			alarms++
			onItsWay = onItsWay || r.State == dialtone.NoticeSending
		}
	}
	knows := in.Told[way.Name]
	if t.Kind == dialtone.NoticeResolved {
		if knows == "" && alarms == 0 {
			return nil
		}
		return &row{Notice: dialtone.Notice{Kind: t.Kind}, Combined: knows == "" && !onItsWay}
	}
	if !listens(in, way, t.Reason) {
		return nil
	}
	kind := dialtone.NoticeFiring
	switch {
	case knows == toldYes && t.Reason == reasonNew:
		return nil
	case knows == toldYes || onItsWay:
		kind = dialtone.NoticeUpdate
	case t.Kind == dialtone.NoticeUpdate && alarms > 0:
		return nil // what waits is written when it leaves, so it will say this too
	}
	return &row{Notice: dialtone.Notice{Kind: kind}}
}

func listens(in *incident, way Way, reason Reason) bool {
	if in.Severity != way.MinSeverity && !in.Severity.Worse(way.MinSeverity) {
		return false
	}
	if way.Escalation {
		return !in.Escalated.IsZero()
	}
	return reason != reasonEscalated
}

// hush cancels the alarms of an incident that have not left. A notice that is being sent at this moment cannot be called
// back; if that attempt fails, it is not repeated.
func (dr *draft) hush(in *incident) {
	for _, way := range dr.desk.ways {
		for _, r := range dr.unfinished(way.Name, in.ID) {
			if r.alarm() && r.State == dialtone.NoticePending {
				dr.cancel(r, "no longer wanted")
				in.doubt(r)
			}
		}
	}
}

func (dr *draft) cancel(r *row, why string) {
	r = dr.row(r)
	r.State = dialtone.NoticeCanceled
	r.NextAt = time.Time{}
	if r.LastError == "" {
		r.LastError = why
	}
}

// doubt remembers that a canceled alarm may have arrived all the same.
func (in *incident) doubt(r *row) {
	if r.Attempt > 0 && in.Told[r.Way] == "" {
		in.know(r.Way, toldMaybe)
	}
}

func (in *incident) know(way string, t told) {
	if in.Told == nil {
		in.Told = map[string]told{}
	}
	in.Told[way] = t
}

// claim marks rows as being sent, so that a crash from here on leaves a trace. It returns those that are still wanted.
func (dr *draft) claim(ids []string, way, batch string) ([]*row, []*incident, error) {
	var rows []*row
	var incidents []*incident
	for _, r := range dr.books.queue[way] {
		if !slices.Contains(ids, r.ID) || r.State != dialtone.NoticePending {
			continue
		}
		if changed, ok := dr.rows[r.ID]; ok && changed.State != dialtone.NoticePending {
			continue
		}
		in, err := dr.incident(r.Incident)
		if in == nil || err != nil {
			return nil, nil, fmt.Errorf("reading incident of notice %s: %w", r.ID, err)
		}
		r = dr.row(r)
		r.State, r.Batch = dialtone.NoticeSending, batch
		r.Attempt++
		rows, incidents = append(rows, r), append(incidents, in)
	}
	return rows, incidents, nil
}

// delivered closes a row that the far side has taken.
func (dr *draft) delivered(sent *row, receipt notify.Receipt) error {
	in, err := dr.incident(sent.Incident)
	if in == nil || err != nil {
		return err
	}
	r := dr.row(sent)
	r.State, r.Delivered, r.External = dialtone.NoticeDelivered, dr.now, receipt.External
	r.LastError, r.NextAt = "", time.Time{}
	in.Paged = true
	if r.alarm() {
		in.know(r.Way, toldYes)
	} else {
		delete(in.Told, r.Way)
	}
	begins := r.Kind == dialtone.NoticeFiring || r.Reason == reasonAgain
	if begins && receipt.External != "" && r.Batch == "" {
		if in.Threads == nil {
			in.Threads = map[string]string{}
		}
		in.Threads[r.Way] = receipt.External
	}
	why := fmt.Sprintf("%s: %s notice delivered, attempt %d", r.Way, r.Kind, r.Attempt)
	if receipt.Note != "" {
		why += "; " + firstBytes(receipt.Note, keptWhy)
	}
	dr.record(in, dialtone.Event{Kind: dialtone.EventPage, Why: why})
	return nil
}

// failed gives a row its next attempt, or ends it when nobody needs it any more.
func (dr *draft) failed(sent *row, why string, next time.Time) error {
	in, err := dr.incident(sent.Incident)
	if in == nil || err != nil {
		return err
	}
	r := dr.row(sent)
	r.LastError = firstBytes(why, keptWhy)
	if powerOfTwo(r.Attempt) {
		dr.record(in, dialtone.Event{Kind: dialtone.EventPage, Why: fmt.Sprintf("%s: attempt %d of the %s notice: %s", r.Way, r.Attempt, r.Kind, r.LastError)})
	}
	if later := dr.behind(r); later != nil {
		if r.alarm() && !later.alarm() && in.Told[r.Way] == "" {
			dr.row(later).Combined = true
		}
		dr.cancel(r, "")
		return nil
	}
	if r.alarm() && !in.Changed && !in.wantsPage(dr.now) {
		dr.cancel(r, "")
		in.doubt(r)
		return nil
	}
	if !in.State.Open() && dr.now.Sub(r.Created) > lateness {
		dr.cancel(r, "")
		dr.record(in, dialtone.Event{Kind: dialtone.EventPage, Why: fmt.Sprintf("%s: %s notice given up after %d attempts", r.Way, r.Kind, r.Attempt)})
		return nil
	}
	r.State, r.NextAt = dialtone.NoticePending, next
	return nil
}

// behind returns the unfinished row that waits behind r, or nil.
func (dr *draft) behind(r *row) *row {
	for _, other := range dr.unfinished(r.Way, r.Incident) {
		if other.ID > r.ID {
			return other
		}
	}
	return nil
}

// powerOfTwo thins out the failures on the timeline: the 1st, 2nd, 4th, 8th and so on.
func powerOfTwo(n int) bool { return n > 0 && n&(n-1) == 0 }

// ready returns the rows of a way that may leave now, oldest first, never one that has an older one of its incident
// before it; and when the next one is due, zero when none waits for a time.
func (b *books) ready(way string, now time.Time) (rows []*row, next time.Time) {
	ahead := map[string]bool{}
	for _, r := range b.queue[way] {
		if ahead[r.Incident] {
			continue
		}
		ahead[r.Incident] = true
		if r.State != dialtone.NoticePending {
			continue
		}
		if r.NextAt.IsZero() || due(r.NextAt, now, longestPause) {
			rows = append(rows, r)
			continue
		}
		next = earlier(next, r.NextAt)
	}
	return rows, next
}
