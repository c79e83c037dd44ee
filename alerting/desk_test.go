package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// receiver is a notifier that keeps what it was sent. While down is set every attempt fails with it; block, when set, is
// waited for inside Send.
type receiver struct {
	mu       sync.Mutex
	got      []notify.Message
	attempts int
	down     error
	block    chan struct{}
}

func (r *receiver) Send(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	r.mu.Lock()
	r.attempts++
	down, block := r.down, r.block
	r.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return notify.Receipt{}, ctx.Err()
		}
	}
	if down != nil {
		return notify.Receipt{}, down
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
	return notify.Receipt{External: fmt.Sprintf("ext-%d", len(r.got))}, nil
}

// back ends the receiver's trouble.
func (r *receiver) back() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = nil
}

// heard is what the receiver read, one line a message: kind/reason and title.
func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := []string{}
	for _, m := range r.got {
		line := fmt.Sprintf("%s/%s %s", m.Kind, m.Reason, notify.Write(m).Title)
		lines = append(lines, line)
	}
	return lines
}

// office is a desk under test with its receivers, inside a synctest bubble.
type office struct {
	t    *testing.T
	desk *Desk
	cfg  Config
	stop func()
	seq  int
}

func newOffice(t *testing.T, change func(*Settings), ways ...Way) *office {
	t.Helper()
	settings := DefaultSettings()
	settings.BaseURL, settings.TimeZone = "http://dialtone.test", "UTC"
	if change != nil {
		change(settings)
	}
	o := &office{t: t}
	o.cfg = Config{Path: filepath.Join(memoryDir(t), "desk.db"), Settings: settings, Ways: ways, Log: slog.New(slog.DiscardHandler)}
	o.open()
	t.Cleanup(func() { o.close() })
	return o
}

// memoryDir is a folder in memory where there is one: these tests turn on what is written, not on how long an fsync takes.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "desk")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (o *office) open() {
	o.t.Helper()
	desk, err := Open(o.cfg)
	if err != nil {
		o.t.Fatalf("opening the desk: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	o.desk = desk
	o.stop = func() {
		cancel()
		if err := errors.Join(<-done, desk.Close()); err != nil {
			o.t.Errorf("closing the desk: %v", err)
		}
	}
}

func (o *office) close() {
	if o.stop != nil {
		o.stop()
		o.stop = nil
	}
}

func (o *office) reopen() {
	o.close()
	o.open()
}

// tell accepts events, filling in ID and time, and waits until everything that follows at once has happened.
func (o *office) tell(events ...dialtone.Event) {
	o.t.Helper()
	for i := range events {
		o.seq++
		if events[i].ID == "" {
			events[i].ID = fmt.Sprintf("web1/boot/%d", o.seq)
		}
		if events[i].At.IsZero() {
			events[i].At = time.Now()
		}
	}
	if err := o.desk.Accept(o.t.Context(), events); err != nil {
		o.t.Fatalf("accepting: %v", err)
	}
	synctest.Wait()
}

// pass lets the clock run.
func (o *office) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (o *office) only() dialtone.Incident {
	o.t.Helper()
	all, err := o.desk.Incidents(IncidentFilter{})
	if err != nil || len(all) != 1 {
		o.t.Fatalf("want one incident, have %d (%v)", len(all), err)
	}
	return all[0]
}

func (o *office) do(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	synctest.Wait()
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func down(service string) dialtone.Event {
	return dialtone.Event{
		Kind: dialtone.EventState, Node: "web1", Service: service, ServiceKind: "process",
		From: dialtone.OK, To: dialtone.Critical, Why: "process " + service + " is not running",
		Rule: "web1.conf:12", RuleText: "if does not exist then restart",
	}
}

func healing(service string) dialtone.Event {
	e := down(service)
	e.Healing = true
	return e
}

func nginxUp() dialtone.Event {
	return dialtone.Event{
		Kind: dialtone.EventState, Node: "web1", Service: "nginx", ServiceKind: "process",
		From: dialtone.Critical, To: dialtone.OK, Why: "nginx is running",
	}
}

func heal(service string, outcome dialtone.HealOutcome) dialtone.Event {
	return dialtone.Event{
		Kind: dialtone.EventHeal, Node: "web1", Service: service, ServiceKind: "process", Why: "restart of " + service + ": " + string(outcome),
		Heal: &dialtone.Heal{
			ID: "h1", Service: service, Action: "restart", Command: "/usr/sbin/nginx", Attempt: 3, Outcome: outcome,
			ExitCode: 1, Output: "nginx: [emerg] unexpected end of file\n", Took: 40 * time.Millisecond,
		},
	}
}

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
		if err != nil || len(notices) != 2 || notices[0].State != dialtone.NoticeCancelled || notices[1].State != dialtone.NoticeDelivered {
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
		node := dialtone.Event{Kind: dialtone.EventState, Node: "web1", To: dialtone.Critical, Why: "no heartbeat for 15 s"}
		o.tell(node)
		o.tell(down("nginx"), down("memcached"))
		o.pass(10 * time.Minute)
		same(t, "one page for the node", hook.heard(), []string{"firing/new web1 is down"})
		held, err := o.desk.Incidents(IncidentFilter{Service: "nginx"})
		if err != nil || len(held) != 1 || held[0].HeldBy == "" {
			t.Fatalf("nginx does not wait for its node: %+v (%v)", held, err)
		}
		back := node
		back.ID, back.To, back.Why, back.At = "", dialtone.OK, "heartbeat again", time.Time{}
		o.tell(back)
		o.tell(nginxUp())
		o.pass(20 * time.Second)
		same(t, "what is still broken pages after the grace", hook.heard()[1:], []string{
			"resolved/over web1 is well again",
			"firing/new memcached on web1 is down",
		})
	})
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
