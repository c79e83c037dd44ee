package alerting

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"go.etcd.io/bbolt"
)

func TestFailureWithoutHealerPagesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		same(t, "after the break", hook.heard(), []string{"firing/new nginx on web1 is down"})
		o.pass(time.Minute)
		o.tell(nginxUp())
		same(t, "after the end", hook.heard(), []string{
			"firing/new nginx on web1 is down",
			"resolved/over nginx on web1 is well again",
		})
		same(t, "thread", hook.got[1].Thread, "ext-1")
		in := o.only()
		same(t, "state", in.State, dialtone.IncidentResolved)
		if !in.Paged || in.Resolved.Sub(in.Opened) != time.Minute {
			t.Errorf("paged %t, lasted %s", in.Paged, in.Resolved.Sub(in.Opened))
		}
	})
}

func TestHealedWithinTheGraceIsNeverPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(healing("nginx"))
		same(t, "state", o.only().State, dialtone.IncidentHealing)
		o.tell(heal("nginx", dialtone.HealRunning))
		o.tell(heal("nginx", dialtone.Healed), nginxUp())
		o.pass(time.Hour)
		same(t, "heard", hook.heard(), []string{})
		in := o.only()
		if in.Paged || in.State != dialtone.IncidentResolved || in.Heals != 1 || in.LastHeal.Outcome != dialtone.Healed {
			t.Errorf("unexpected end: %+v", in)
		}
		events, err := o.desk.Events(EventFilter{Incident: in.ID})
		if err != nil || len(events) != 4 {
			t.Errorf("the timeline has %d events, want 4 (%v)", len(events), err)
		}
	})
}

func TestGraceOverOrHealerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(healing("nginx"))
		o.pass(19 * time.Second)
		same(t, "within the grace", hook.heard(), []string{})
		o.pass(time.Second)
		same(t, "grace over", hook.heard(), []string{"firing/new nginx on web1 is down"})
		o.tell(healing("memcached"))
		o.pass(time.Second)
		o.tell(heal("memcached", dialtone.HealFailed), heal("memcached", dialtone.HealParked))
		same(t, "parked", hook.heard(), []string{"firing/new nginx on web1 is down", "firing/new memcached on web1 is down"})
		text := strings.Join(notify.Write(hook.got[1]).Lines, "\n")
		if !strings.Contains(text, "tried restart 3 times without success and has given up") {
			t.Errorf("the page does not say what the healer did:\n%s", text)
		}
	})
}

func TestOneCombinedNoticeWhenTheReceiverWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{down: errors.New("connection refused")}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		o.pass(40 * time.Second)
		o.tell(nginxUp())
		o.pass(110 * time.Second)
		same(t, "while away", hook.heard(), []string{})
		hook.back()
		o.pass(5 * time.Second)
		same(t, "five seconds after its return", hook.heard(), []string{"resolved/over nginx on web1 was broken for 40 s, is well again"})
		notices, err := o.desk.Notices(o.only().ID)
		if err != nil || len(notices) != 2 || notices[0].State != dialtone.NoticeCanceled || notices[1].State != dialtone.NoticeDelivered {
			t.Errorf("notices: %+v (%v)", notices, err)
		}
	})
}

func TestReceiverAwayForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{down: errors.New("connection refused")}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		for i := range 5 {
			o.tell(down(fmt.Sprintf("service%d", i)))
		}
		o.pass(10 * time.Minute)
		hook.back()
		o.pass(5 * time.Second)
		same(t, "messages", len(hook.heard()), 5)
		events, err := o.desk.Events(EventFilter{Kind: dialtone.EventPage})
		if err != nil || len(events) > 60 {
			t.Errorf("%d events about notices: failures are not coalesced (%v)", len(events), err)
		}
	})
}

func TestResolvedNeverOvertakesFiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{block: make(chan struct{})}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		o.tell(nginxUp())
		same(t, "while the firing notice is on its way", hook.heard(), []string{})
		close(hook.block)
		o.pass(time.Second)
		same(t, "order", hook.heard(), []string{"firing/new nginx on web1 is down", "resolved/over nginx on web1 is well again"})
	})
}

func TestBackWithinFiveMinutesIsTheSameIncidentAndPagesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		o.pass(time.Minute)
		o.tell(nginxUp())
		o.pass(4 * time.Minute)
		o.tell(healing("nginx"))
		same(t, "heard", hook.heard(), []string{
			"firing/new nginx on web1 is down",
			"resolved/over nginx on web1 is well again",
			"firing/again Again: nginx on web1 is down",
		})
		same(t, "reopened", o.only().Reopened, 1)
		o.tell(nginxUp())
		o.pass(6 * time.Minute)
		o.tell(down("nginx"))
		all, err := o.desk.Incidents(IncidentFilter{})
		if err != nil || len(all) != 2 {
			t.Errorf("after six minutes it is a new incident; have %d (%v)", len(all), err)
		}
	})
}

func TestAckStopsPagesAndWorseRearms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{down: errors.New("connection refused")}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		warning := down("rootfs")
		warning.To, warning.ServiceKind = dialtone.Warning, "filesystem"
		o.tell(warning)
		o.do(o.desk.Ack(t.Context(), o.only().ID, "ada"))
		hook.back()
		o.pass(2 * time.Hour)
		same(t, "after the ack", hook.heard(), []string{})
		same(t, "owner", o.only().Owner, "ada")
		critical := down("rootfs")
		critical.ServiceKind = "filesystem"
		o.tell(critical)
		same(t, "worse", hook.heard(), []string{"firing/worse Worse: rootfs on web1 is critical"})
		if in := o.only(); in.State != dialtone.IncidentTriggered || in.Owner != "" {
			t.Errorf("still taken: %+v", in)
		}
	})
}

func TestAckDuringAnAttemptEndsItsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{block: make(chan struct{}), down: errors.New("connection reset")}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		o.do(o.desk.Ack(t.Context(), o.only().ID, "ada"))
		close(hook.block)
		o.pass(time.Hour)
		same(t, "attempts", hook.attempts, 1)
		hook.back()
		o.tell(nginxUp())
		same(t, "the attempt may have arrived, so its end is told", hook.heard(), []string{"resolved/over nginx on web1 is well again"})
	})
}

func TestStopDuringAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{block: make(chan struct{})}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(down("nginx"))
		o.close()
		first, err := o.stored()
		if err != nil || first[0].State != dialtone.NoticeSending {
			t.Fatalf("%+v %v", first, err)
		}
		close(hook.block)
		o.open()
		synctest.Wait()
		if len(hook.got) != 1 || hook.got[0].ID != first[0].ID || hook.got[0].Attempt != 2 {
			t.Errorf("not sent again under its ID: %+v", hook.got)
		}
	})
}

// stored reads the notices of a desk that is closed.
func (o *office) stored() (rows []*row, err error) {
	db, err := openStore(o.cfg.Path)
	if err != nil {
		return nil, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketNotices).ForEach(func(id, _ []byte) error {
			r, err := getRow(tx, id)
			rows = append(rows, r)
			return err
		})
	})
	return rows, errors.Join(err, db.Close())
}
