package alerting

import (
	"errors"
	"time"

	"github.com/dialtone/dialtone"
)

// foreverMute is the longest mute: one that outlives everybody's memory of it would be a hole in the watch.
const foreverMute = 31 * 24 * time.Hour

// What a person asked for and the incident cannot do. errors.Is tells them from trouble with the disk.
var (
	ErrNoIncident = errors.New("no such incident")
	ErrResolved   = errors.New("the incident is already resolved")
	ErrMuteTime   = errors.New("a mute must end in the future, within 31 days")
	ErrNoWay      = errors.New("the settings name no notifier with escalation: true")
)

// ack gives the incident to who: every page that has not left stays here.
func (in *incident) ack(who string, now time.Time) outcome {
	in.State = dialtone.IncidentAcked
	in.Owner, in.Acked = who, now
	in.HoldUntil, in.RemindAt, in.EscalateAt = time.Time{}, time.Time{}, time.Time{}
	return outcome{hush: true}
}

// mute keeps the incident quiet until a time. Recording goes on, and so does the notice of its end.
func (in *incident) mute(until time.Time) outcome {
	in.MutedUntil = until
	return outcome{hush: true}
}

// unmute pages what is still broken and nobody has taken.
func (in *incident) unmute(now time.Time, p Policy) outcome {
	in.MutedUntil = time.Time{}
	if in.HeldBy != "" || in.State != dialtone.IncidentTriggered {
		return outcome{}
	}
	return in.trigger(reasonUnmuted, now, p)
}

// escalate calls the second line now. Nobody of it has taken the incident yet, so reminders begin again.
func (in *incident) escalate(now time.Time, p Policy) outcome {
	in.State = dialtone.IncidentTriggered
	in.HoldUntil, in.EscalateAt, in.MutedUntil = time.Time{}, time.Time{}, time.Time{}
	in.HeldBy = ""
	in.Escalated = now
	if in.Triggered.IsZero() {
		in.Triggered = now
	}
	in.RemindAt = after(now, p.RemindEvery)
	return update(reasonEscalated)
}
