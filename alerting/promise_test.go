package alerting

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"pgregory.net/rapid"
)

// TestReceiversAlwaysLearnTheTruth plays random days: services and their node break and recover, receivers go away and come
// back, people take and mute, the desk restarts. At the end, with node and receiver reachable, the receiver's last word on
// each incident must be how that stands.
func TestReceiversAlwaysLearnTheTruth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		services := rapid.IntRange(1, 3).Draw(rt, "services")
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{
			"critical", "warning", "healing", "ok", "parked", "away", "refuse", "back", "second", "minute", "hour", "restart", "ack", "mute", "unmute",
			"node down", "node back",
		}), 1, 30).Draw(rt, "day")
		which := rapid.SliceOfN(rapid.IntRange(0, services-1), len(steps), len(steps)).Draw(rt, "which")
		synctest.Test(t, func(t *testing.T) {
			hook := &receiver{}
			o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
			for i, step := range steps {
				o.live(hook, step, fmt.Sprintf("service%d", which[i]))
			}
			o.tell(webBack())
			hook.back()
			o.pass(2 * time.Minute)
			for _, problem := range o.untold(hook) {
				rt.Errorf("%s", problem)
			}
		})
	})
}

// live does one step. What people want from an incident that is not there fails, and that is all right.
func (o *office) live(hook *receiver, step, service string) {
	e := down(service)
	switch step {
	case "warning":
		e.To = dialtone.Warning
		o.tell(e)
	case "critical":
		o.tell(e)
	case "healing":
		o.tell(healing(service))
	case "ok":
		e.To = dialtone.OK
		o.tell(e)
	case "parked":
		o.tell(heal(service, dialtone.HealParked))
	case "away", "refuse":
		hook.mu.Lock()
		hook.down = map[string]error{"away": errors.New("connection refused"), "refuse": &notify.RejectedError{Why: "400"}}[step]
		hook.mu.Unlock()
	case "back":
		hook.back()
	case "second", "minute", "hour":
		o.pass(map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}[step])
	case "node down":
		o.tell(webDown())
	case "node back":
		o.tell(webBack())
	case "restart":
		o.reopen()
	default:
		o.person(step, service)
	}
}

func (o *office) person(step, service string) {
	all, err := o.desk.Incidents(IncidentFilter{Service: service, Limit: 1})
	if err != nil || len(all) == 0 {
		return
	}
	ctx := o.t.Context()
	switch step {
	case "ack":
		err = o.desk.Ack(ctx, all[0].ID, "ada")
	case "mute":
		err = o.desk.Mute(ctx, all[0].ID, "ada", time.Now().Add(10*time.Minute))
	case "unmute":
		err = o.desk.Unmute(ctx, all[0].ID, "ada")
	}
	if err != nil && !errors.Is(err, ErrResolved) {
		o.t.Errorf("%s: %v", step, err)
	}
	synctest.Wait()
}

// untold compares each receiver's last word with the incident.
func (o *office) untold(hook *receiver) []string {
	all, err := o.desk.Incidents(IncidentFilter{})
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, in := range all {
		var last dialtone.NoticeKind
		for _, m := range hook.got {
			if m.Incident.ID == in.ID {
				last = m.Kind
			}
			for _, line := range m.Digest {
				if line.Incident.ID == in.ID {
					last = line.Kind
				}
			}
		}
		switch {
		case in.State == dialtone.IncidentTriggered && in.MutedUntil.IsZero() && (last == "" || last == dialtone.NoticeResolved):
			problems = append(problems, fmt.Sprintf("%s is broken and nobody knows: %+v", in.ID, in))
		case in.State == dialtone.IncidentResolved && last != "" && last != dialtone.NoticeResolved:
			problems = append(problems, in.ID+" is well and nobody knows")
		}
	}
	return problems
}
