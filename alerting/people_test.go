package alerting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
)

func TestRemindersEscalationAndMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &receiver{}, &receiver{}
		o := newOffice(t, func(s *Settings) { s.EscalateAfter = 45 * time.Minute },
			Way{Name: "first", Notifier: first}, Way{Name: "second", Notifier: second, Escalation: true})
		o.tell(down("nginx"))
		o.pass(30 * time.Minute)
		same(t, "reminder", first.heard(), []string{"firing/new nginx on web1 is down", "update/reminder Still: nginx on web1 is down"})
		same(t, "second line", second.heard(), []string{})
		o.pass(15 * time.Minute)
		same(t, "second line after 45 minutes", second.heard(), []string{"firing/escalated Escalated: nginx on web1 is down"})
		o.do(o.desk.Mute(t.Context(), o.only().ID, "ada", time.Now().Add(2*time.Hour)))
		o.pass(2*time.Hour - time.Second)
		same(t, "muted", len(first.heard())+len(second.heard()), 3)
		o.pass(time.Second)
		same(t, "mute over", first.heard()[2:], []string{"update/unmuted Still: nginx on web1 is down"})
		o.tell(nginxUp())
		same(t, "end, first line", first.heard()[3:], []string{"resolved/over nginx on web1 is well again"})
		same(t, "end, second line", second.heard()[2:], []string{"resolved/over nginx on web1 is well again"})
	})
}

func TestPeopleAreToldWhatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil, Way{Name: "hook", Notifier: &receiver{}})
		o.tell(down("nginx"))
		id := o.only().ID
		ctx := t.Context()
		for name, c := range map[string]struct{ err, want error }{
			"unknown":    {o.desk.Ack(ctx, "nonsense", "ada"), ErrNoIncident},
			"past":       {o.desk.Mute(ctx, id, "ada", time.Now().Add(-time.Second)), ErrMuteTime},
			"for ever":   {o.desk.Mute(ctx, id, "ada", time.Now().Add(40*day)), ErrMuteTime},
			"no second":  {o.desk.Escalate(ctx, id, "ada"), ErrNoWay},
			"resolve":    {o.desk.Resolve(ctx, id, "ada"), nil},
			"after that": {nil, nil},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: got %v, want %v", name, c.err, c.want)
			}
		}
		if err := o.desk.Ack(ctx, id, "ada"); !errors.Is(err, ErrResolved) {
			t.Errorf("ack of a resolved incident: %v", err)
		}
		if _, err := o.desk.Incident("nonsense"); !errors.Is(err, ErrNoIncident) {
			t.Errorf("reading an unknown incident: %v", err)
		}
	})
}

func TestServicesOfADownNodeWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(webDown())
		o.tell(down("nginx"), healing("memcached"), healing("mysql"))
		o.pass(10 * time.Minute)
		same(t, "one page for the node", hook.heard(), []string{"firing/new web1 is down"})
		held, err := o.desk.Incidents(IncidentFilter{Service: "nginx"})
		if err != nil || len(held) != 1 || held[0].HeldBy == "" {
			t.Fatalf("nginx does not wait for its node: %+v (%v)", held, err)
		}
		o.tell(webBack())
		same(t, "what nobody heals pages at once", hook.heard()[1:], []string{
			"resolved/over web1 is well again",
			"firing/new nginx on web1 is down",
		})
		up := nginxUp()
		up.Service = "mysql"
		o.tell(up)
		o.pass(20 * time.Second)
		same(t, "what is not healed pages after the grace", hook.heard()[3:], []string{"firing/new memcached on web1 is down"})
	})
}

// TestBrokenAgainWhileItsNodeWasAway: the second outage is told as what it is, at once, and its times are its own.
func TestBrokenAgainWhileItsNodeWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		first := time.Now().UTC()
		o.tell(down("nginx"))
		o.pass(74 * time.Second)
		o.tell(nginxUp())
		o.pass(time.Minute)
		second := time.Now().UTC()
		o.tell(webDown(), down("nginx"))
		o.pass(50 * time.Second)
		o.tell(webBack())
		same(t, "heard", hook.heard()[2:], []string{
			"firing/new web1 is down",
			"resolved/over web1 is well again",
			"firing/again Again: nginx on web1 is down",
		})
		lines := strings.Join(notify.Write(hook.got[len(hook.got)-1]).Lines, "\n")
		if !strings.Contains(lines, "50 s ago") {
			t.Errorf("the well time counts as broken:\n%s", lines)
		}
		in := o.of("nginx")
		same(t, "opened", in.Opened.Equal(first), true)
		same(t, "began", in.Began.Equal(second), true)
		same(t, "before", in.Before.To.Sub(in.Before.From), 74*time.Second)
		o.reopen()
		o.pass(10 * time.Second)
		o.tell(nginxUp())
		in = o.of("nginx")
		same(t, "lasted", in.Resolved.Sub(in.Began), time.Minute)
	})
}

func webDown() dialtone.Event {
	return dialtone.Event{Kind: dialtone.EventState, Node: "web1", From: dialtone.OK, To: dialtone.Critical, Why: "no heartbeat for 15 s"}
}

func webBack() dialtone.Event {
	return dialtone.Event{Kind: dialtone.EventState, Node: "web1", From: dialtone.Critical, To: dialtone.OK, Why: "heartbeat again"}
}

func TestChangeIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(dialtone.Event{Kind: dialtone.EventChange, Node: "web1", Service: "passwd", ServiceKind: "file", From: dialtone.OK, To: dialtone.OK, Why: "checksum of /etc/passwd changed"})
		o.pass(2 * time.Hour)
		same(t, "heard", hook.heard(), []string{"firing/change passwd on web1 has changed"})
		same(t, "state", o.only().State, dialtone.IncidentResolved)
	})
}

func TestUnknownIsRecordedAndPagesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		e := down("nginx")
		e.To = dialtone.Unknown
		o.tell(e)
		o.tell(heal("nginx", dialtone.HealRefused))
		events, err := o.desk.Events(EventFilter{Node: "web1", Service: "nginx"})
		if err != nil || len(events) != 2 || len(hook.heard()) != 0 {
			t.Errorf("%d events, heard %v (%v)", len(events), hook.heard(), err)
		}
	})
}

func TestResendsAreHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		e := down("nginx")
		e.ID = "web1/boot/7"
		o.tell(e, e)
		o.tell(e)
		o.reopen()
		o.tell(e)
		events, err := o.desk.Events(EventFilter{Kind: dialtone.EventState})
		if err != nil || len(events) != 1 || len(hook.heard()) != 1 {
			t.Errorf("%d events, heard %v (%v)", len(events), hook.heard(), err)
		}
	})
}

func TestSeverityAndWayOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, worst := &receiver{}, &receiver{}
		o := newOffice(t, nil, Way{Name: "all", Notifier: all}, Way{Name: "worst", Notifier: worst, MinSeverity: dialtone.Critical})
		e := down("nginx")
		e.To = dialtone.Warning
		o.tell(e)
		same(t, "warning", len(all.heard())+len(worst.heard()), 1)
		o.tell(down("nginx"))
		same(t, "critical, knows", all.heard()[1:], []string{"update/worse Worse: nginx on web1 is down"})
		same(t, "critical, new", worst.heard(), []string{"firing/worse Worse: nginx on web1 is down"})
	})
}

func TestOneWaysTroubleDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, quick := &receiver{block: make(chan struct{})}, &receiver{}
		o := newOffice(t, nil, Way{Name: "stuck", Notifier: stuck}, Way{Name: "quick", Notifier: quick})
		start := time.Now()
		for i := range 10 {
			o.tell(down(fmt.Sprintf("service%d", i)))
		}
		if len(quick.heard()) != 10 || time.Since(start) != 0 {
			t.Errorf("%d of 10 after %s", len(quick.heard()), time.Since(start))
		}
		close(stuck.block)
	})
}

func TestRefusedMessageDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{down: &notify.RejectedError{Why: "answered 400"}}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		hook.back()
		o.tell(down("memcached"))
		same(t, "the other one", hook.heard(), []string{"firing/new memcached on web1 is down"})
		o.pass(time.Second)
		same(t, "both", len(hook.heard()), 2)
	})
}

func TestStormBecomesDigests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		var storm []dialtone.Event
		for i := range 200 {
			storm = append(storm, down(fmt.Sprintf("service%03d", i)))
		}
		start := time.Now()
		o.tell(storm...)
		told := map[string]bool{}
		for _, m := range hook.got {
			if m.Incident.ID != "" {
				told[m.Incident.ID] = true
			}
			for _, line := range m.Digest {
				told[line.Incident.ID] = true
			}
		}
		if len(told) != 200 || len(hook.got) != stormMessages+1 || time.Since(start) > time.Second {
			t.Errorf("%d incidents in %d messages after %s", len(told), len(hook.got), time.Since(start))
		}
		same(t, "digest", notify.Write(hook.got[stormMessages]).Title, "180 incidents at once: 180 broken, 0 well again")
	})
}

func TestRestartFiresWhatIsLateOnceAndForgetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(healing("nginx"))
		o.close()
		<-time.After(time.Hour)
		o.open()
		synctest.Wait()
		same(t, "late", hook.heard(), []string{"firing/new nginx on web1 is down"})
		o.do(o.desk.Ack(t.Context(), o.only().ID, "ada"))
		o.reopen()
		o.pass(3 * time.Hour)
		same(t, "after the ack and a restart", hook.heard(), []string{"firing/new nginx on web1 is down"})
		same(t, "state", o.only().State, dialtone.IncidentAcked)
	})
}

func TestRenamedNotifierLosesNoPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, renamed := &receiver{down: errors.New("connection refused")}, &receiver{}
		o := newOffice(t, nil, Way{Name: "old", Notifier: old})
		o.tell(down("nginx"))
		o.close()
		o.cfg.Ways = []Way{{Name: "new", Notifier: renamed}}
		o.open()
		synctest.Wait()
		same(t, "heard", renamed.heard(), []string{"firing/new nginx on web1 is down"})
	})
}

func TestGraphThatHangsDoesNotHoldThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil)
		o.close()
		o.cfg.Ways, o.cfg.Grapher = []Way{{Name: "hook", Notifier: hook}}, hangingGrapher{}
		o.open()
		o.tell(down("nginx"))
		o.pass(drawTimeout)
		same(t, "heard", hook.heard(), []string{"firing/new nginx on web1 is down"})
	})
}

type hangingGrapher struct{}

func (hangingGrapher) IncidentPNG(ctx context.Context, _ dialtone.Incident) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSubscribersSeeChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		changes, stop := o.desk.Subscribe()
		defer stop()
		o.tell(down("nginx"))
		select {
		case <-changes:
		default:
			t.Error("no token after a change")
		}
	})
}

func TestClosedDeskSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		o.close()
		if err := o.desk.Accept(t.Context(), []dialtone.Event{down("nginx")}); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// TestEndIsToldAfterALostReopening holds a case that the random days found: the end did not arrive, the second break was
// taken before it could be told, and then all was well.
func TestEndIsToldAfterALostReopening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		hook.down = errors.New("connection refused")
		o.tell(nginxUp())
		o.tell(down("nginx"))
		o.do(o.desk.Ack(t.Context(), o.only().ID, "ada"))
		o.tell(nginxUp())
		hook.back()
		o.pass(5 * time.Second)
		same(t, "heard", hook.heard(), []string{"firing/new nginx on web1 is down", "resolved/over nginx on web1 is well again"})
	})
}
