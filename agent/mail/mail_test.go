package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

func TestMain(m *testing.M) {
	if role := roleOfThisProcess(); role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}

// house is one node's mail: its control file, its collector, and a mail server of make-believe.
type house struct {
	t    *testing.T
	file *control.File
	db   *bbolt.DB
	*Mailer

	mu     sync.Mutex
	got    []*netmail.Message
	to     []string
	dead   error // what the mail server says
	most   int   // messages that it takes in one delivery; 0: all
	reach  *Reach
	number int
}

func newHouse(t *testing.T, alerts ...*control.MailAlert) *house {
	t.Helper()
	h := &house{t: t, db: openDB(t, filepath.Join(t.TempDir(), "state.db"))}
	h.file = &control.File{Path: "/etc/dialtone.conf", Settings: control.Settings{Interval: 5 * time.Second, Alerts: alerts}, Services: []*control.Service{
		{Kind: "process", Name: "nginx"}, {Kind: "process", Name: "mysql"}, {Kind: "system", Name: "web1"},
	}}
	return h
}

// run starts the mailer, and returns what ends it.
func (h *house) run() (end func()) {
	h.t.Helper()
	var collector func() Reach
	if h.reach != nil {
		collector = func() Reach { h.mu.Lock(); defer h.mu.Unlock(); return *h.reach }
	}
	m, err := newMailer(Config{File: func() *control.File { return h.file }, DB: h.db, Collector: collector, Hostname: "web1.example"}, usual, h.send)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Mailer = m
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
}

// send is the mail server.
func (h *house) send(_ context.Context, o order) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead != nil {
		return 0, h.dead
	}
	for i, text := range o.messages {
		if h.most > 0 && i == h.most {
			return i, errors.New("452 too many messages")
		}
		m, err := netmail.ReadMessage(strings.NewReader(string(text)))
		if err != nil {
			h.t.Errorf("no mail: %v\n%s", err, text)
		}
		h.got, h.to = append(h.got, m), append(h.to, o.to)
	}
	return len(o.messages), nil
}

func (h *house) set(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

// subjects is what arrived, "receiver: subject".
func (h *house) subjects() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for i, m := range h.got {
		all = append(all, h.to[i]+": "+subjectOf(h.t, m))
	}
	return all
}

func (h *house) expect(want ...string) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.subjects()); diff != "" {
		h.t.Errorf("mail (-want +got):\n%s", diff)
	}
}

func (h *house) event(e dialtone.Event) dialtone.Event {
	h.number++
	e.ID, e.Node = fmt.Sprintf("agent/boot/%d", h.number), "web1"
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	return e
}

// breaks tells that a service is down; mends, that nginx is well again; heals, what was done about it.
func (h *house) breaks(service string, healing bool) {
	h.Events(h.event(dialtone.Event{
		Kind: dialtone.EventState, Service: service, ServiceKind: "process", From: dialtone.OK, To: dialtone.Critical, Healing: healing,
		Why: "process is not running", Rule: "/etc/dialtone.conf:7", RuleText: "if not exist then restart",
		Turns: []dialtone.Turn{{Type: "nonexist", Failed: true, Why: "process is not running", Action: "restart"}},
	}))
}

func (h *house) mends() {
	h.Events(h.event(dialtone.Event{
		Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process", From: dialtone.Critical, To: dialtone.OK, Why: "it is there",
		Turns: []dialtone.Turn{{Type: "nonexist", Why: "it is there", Action: "alert"}},
	}))
}

func (h *house) heals(outcome dialtone.HealOutcome, next time.Time) {
	e := dialtone.Event{Kind: dialtone.EventHeal, Service: "nginx", ServiceKind: "process", To: dialtone.Critical, Heal: &dialtone.Heal{
		ID: fmt.Sprint("heal-", outcome), Service: "nginx", Action: "restart", Attempt: 1, Started: time.Now().UTC(), Took: 1200 * time.Millisecond,
		Outcome: outcome, Command: "/etc/init.d/nginx start", Output: "nginx: configuration file test failed\n", ExitCode: 1, Reason: "process is not running", Next: next,
	}}
	e.Healing = outcome == dialtone.HealRunning || !next.IsZero()
	h.Events(h.event(e))
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func openDB(t testing.TB, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func everything(address string) *control.MailAlert { return &control.MailAlert{Address: address} }

func TestWhatBreaksAndMendsIsMailedOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		h.mends() // a success of what was not broken
		h.breaks("nginx", false)
		pass(2 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
		pass(10 * time.Minute)
		h.mends()
		pass(2 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running",
			"ada@example.com: nginx on web1 is well again after 10 min")
		if a, b := h.got[0].Header, h.got[1].Header; a.Get("References") != b.Get("References") || a.Get("Message-Id") == b.Get("Message-Id") {
			t.Errorf("two mails of one thread: %v %v", a, b)
		}
	})
}

func TestTwoEventsOfTheSameSecondBothArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		h.breaks("nginx", false)
		h.breaks("mysql", false)
		pass(2 * time.Second)
		h.expect("ada@example.com: mysql on web1 is down: process is not running", "ada@example.com: nginx on web1 is down: process is not running")
	})
}

func TestAHealThatWorksIsOneMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		h.breaks("nginx", true)
		h.heals(dialtone.HealRunning, time.Time{})
		pass(1200 * time.Millisecond)
		h.expect()
		h.heals(dialtone.Healed, time.Time{})
		h.mends()
		pass(2 * time.Second)
		h.expect("ada@example.com: nginx on web1 was down for 1.2 s: restart worked")
	})
}

func TestAHealerHoldsMailNoLongerThanItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		h.breaks("nginx", true)
		h.heals(dialtone.HealFailed, time.Now().Add(time.Hour))
		pass(19 * time.Second)
		h.expect()
		pass(3 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
		h.heals(dialtone.HealParked, time.Time{})
		pass(3 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running",
			"ada@example.com: nginx on web1 is down, and healing was given up: process is not running")
	})
}

func TestAHealerThatGivesUpHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		h.breaks("nginx", true)
		h.heals(dialtone.HealRefused, time.Time{})
		pass(2 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
	})
}

func TestRemindersUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &control.MailAlert{Address: "ada@example.com", Reminder: 60}, everything("grace@example.com"))
		end := h.run()
		h.breaks("nginx", false)
		pass(11 * time.Minute)
		end() // a restart forgets no reminder
		end = h.run()
		defer end()
		pass(5 * time.Minute)
		h.mends()
		pass(10 * time.Minute)
		h.expect("ada@example.com: nginx on web1 is down: process is not running", "grace@example.com: nginx on web1 is down: process is not running",
			"ada@example.com: nginx on web1 is still down after 5 min: process is not running",
			"ada@example.com: nginx on web1 is still down after 10 min: process is not running",
			"ada@example.com: nginx on web1 is still down after 15 min: process is not running",
			"ada@example.com: nginx on web1 is well again after 16 min", "grace@example.com: nginx on web1 is well again after 16 min")
	})
}

func TestWhoIsTold(t *testing.T) {
	file := &control.File{Settings: control.Settings{Alerts: []*control.MailAlert{
		{Address: "all"},
		{Address: "only", Events: []string{"nonexist", "Timeout"}},
		{Address: "but", Events: []string{"resource", "instance"}, Not: true},
		{Address: "twice", Events: []string{"nonexist"}},
		{Address: "twice", Events: []string{"resource"}},
	}}, Services: []*control.Service{
		{Name: "nginx", NoAlert: []string{"all"}, Alerts: []*control.MailAlert{{Address: "only", Events: []string{"resource"}}, {Address: "own"}}},
		{Name: "web1", Kind: "system", Alerts: []*control.MailAlert{{Address: "machine"}}},
	}}
	for _, c := range []struct {
		service, types string
		want           string
	}{
		{"mysql", "nonexist", "all only but twice"},
		{"mysql", "timeout", "all only but"},
		{"mysql", "resource", "all twice"},
		{"mysql", "resource nonexist", "all only but twice"},
		{"nginx", "nonexist", "own but twice"},
		{"nginx", "resource", "only own twice"},
		{"", "instance", "machine all"},
	} {
		var got []string
		for _, r := range receiversOf(file, c.service, strings.Fields(c.types)) {
			got = append(got, r.address)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s of %q: %s, want %s", c.types, c.service, text, c.want)
		}
	}
}

func TestWhoAsksForNoMailCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.run()()
		h.breaks("nginx", false)
		pass(time.Minute)
		h.expect()
		if err := h.db.View(func(tx *bbolt.Tx) error {
			if tx.Bucket(bucketMail) != nil {
				return errors.New("something was written")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestADeadServerIsTriedUntilItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.dead = errors.New("connection refused")
		end := h.run()
		h.breaks("nginx", false)
		pass(time.Hour)
		h.expect()
		if s := h.Stats(); s.Waiting != 1 || s.LastError != "connection refused" || s.Sent != 0 {
			t.Errorf("%+v", s)
		}
		if got := h.Trouble(); got != "mail cannot leave: a message waits since 2000-01-01 00:00:00 UTC: connection refused" {
			t.Errorf("trouble: %q", got)
		}
		end()
		end = h.run()
		defer end()
		h.set(func() { h.dead = nil })
		pass(usual.retryMax)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
		if s := h.Stats(); s.Waiting != 0 || s.LastError != "" || s.Sent != 1 || h.Trouble() != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestAServerThatTakesSomeIsNotGivenThemAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.most = 1
		defer h.run()()
		h.breaks("nginx", false)
		h.breaks("mysql", false)
		pass(time.Minute)
		if got := h.subjects(); len(got) != 2 || got[0] == got[1] {
			t.Errorf("%q", got)
		}
	})
}

func TestAStormIsOneMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		for i := range 12 {
			h.breaks(fmt.Sprintf("service%02d", i), false)
		}
		pass(3 * time.Second)
		h.expect("ada@example.com: 12 messages from web1: service00 on web1 is down: process is not running, …")
	})
}

func TestAFullOutboxDropsTheOldestAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.file.Settings.EventQueue.Slots = 3
		h.dead = errors.New("connection refused")
		defer h.run()()
		for i := range 5 {
			h.breaks(fmt.Sprintf("service%d", i), false)
			pass(time.Minute)
		}
		h.set(func() { h.dead = nil })
		pass(usual.retryMax)
		h.expect("ada@example.com: service2 on web1 is down: process is not running", "ada@example.com: service3 on web1 is down: process is not running",
			"ada@example.com: service4 on web1 is down: process is not running")
		if text := bodyOf(t, h.got[0]); !strings.Contains(text, "2 earlier messages to you were dropped") {
			t.Errorf("the receiver does not know of the loss:\n%s", text)
		}
		if text := bodyOf(t, h.got[1]); strings.Contains(text, "dropped") {
			t.Errorf("told twice:\n%s", text)
		}
	})
}

func TestMailLeavesWhereNothingCanBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		if err := h.db.Close(); err != nil { // as a disk that is full: no transaction succeeds
			t.Fatal(err)
		}
		h.breaks("nginx", false)
		pass(time.Minute)
		h.mends()
		pass(time.Minute)
		h.expect("ada@example.com: nginx on web1 is down: process is not running", "ada@example.com: nginx on web1 is well again after 1 min")
	})
}

func TestMailThatNobodyTakesForDaysIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.dead = errors.New("550 no such mailbox")
		defer h.run()()
		h.breaks("nginx", false)
		pass(usual.stale + time.Hour)
		if s := h.Stats(); s.Waiting != 0 || s.Dropped != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhatIsUnderMaintenanceIsToldAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		defer h.run()()
		until := time.Now().Add(time.Hour).UTC()
		broken := dialtone.Event{
			Kind: dialtone.EventState, ServiceKind: "process", From: dialtone.OK, To: dialtone.Critical, Why: "process is not running", MutedUntil: until,
			Turns: []dialtone.Turn{{Type: "nonexist", Failed: true}},
		}
		for _, service := range []string{"nginx", "mysql"} {
			broken.Service = service
			h.Events(h.event(broken))
		}
		pass(30 * time.Minute)
		h.Events(h.event(dialtone.Event{Kind: dialtone.EventState, Service: "mysql", From: dialtone.Critical, To: dialtone.OK, MutedUntil: until}))
		pass(29 * time.Minute)
		h.expect()
		pass(2 * time.Minute)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
	})
}

func TestAnAgentThatStartsAnewDoesNotTellTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		end := h.run()
		h.breaks("nginx", false)
		h.breaks("mysql", false)
		pass(2 * time.Second)
		end()
		end = h.run()
		defer end()
		h.set(func() { h.got, h.to = nil, nil })
		h.Events(h.event(dialtone.Event{ // as the first look of a new agent tells it
			Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process", From: dialtone.Unknown, To: dialtone.Critical,
			Turns: []dialtone.Turn{{Type: "nonexist", Failed: true}},
		}))
		h.Events(h.event(dialtone.Event{Kind: dialtone.EventState, Service: "mysql", ServiceKind: "process", To: dialtone.OK, Why: "every rule passes"}))
		pass(2 * time.Second)
		h.expect("ada@example.com: mysql on web1 is well again after 2.0 s")
	})
}

func TestFactsThatStandAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &control.MailAlert{Address: "ada@example.com", Events: []string{"instance"}, Not: true}, everything("grace@example.com"))
		defer h.run()()
		for _, e := range []dialtone.Event{
			{Kind: dialtone.EventAgent, Why: "the agent started"},
			{Kind: dialtone.EventAction, Service: "nginx", ServiceKind: "process", Who: "root", Why: "restart was ordered by root", Turns: []dialtone.Turn{{Type: "action"}}},
			{Kind: dialtone.EventAction, Service: "nginx", ServiceKind: "process", Why: "ran /bin/true: exit status 0"},
			{Kind: dialtone.EventChange, Service: "passwd", ServiceKind: "file", Why: "checksum changed", Turns: []dialtone.Turn{{Type: "checksum", Failed: true}}},
			{Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process", From: dialtone.OK, To: dialtone.OK, Why: "restarted 3 times within 5 cycles", Turns: []dialtone.Turn{{Type: "timeout", Failed: true}}},
		} {
			h.Events(h.event(e))
			pass(2 * time.Second)
		}
		got := h.subjects()
		ada := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !strings.HasPrefix(s, "ada") })
		want := []string{
			"ada@example.com: nginx on web1: restart was ordered by root", "ada@example.com: passwd on web1 has changed: checksum changed",
			"ada@example.com: nginx on web1: restarted 3 times within 5 cycles",
		}
		if diff := cmp.Diff(want, ada); diff != "" || len(got) != 7 || got[0] != "grace@example.com: dialtone on web1: the agent started" {
			t.Errorf("mail (-want +got):\n%s\n%q", diff, got)
		}
	})
}

func TestWithACollectorMailIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &control.MailAlert{Address: "ada@example.com", Reminder: 1})
		h.reach = &Reach{Connected: true, Since: time.Now(), URL: "https://collector.example:8420"}
		defer h.run()()
		h.breaks("nginx", false)
		pass(time.Hour)
		h.mends()
		h.Events(h.event(dialtone.Event{Kind: dialtone.EventAgent, Why: "the control file was read again"}))
		pass(time.Minute)
		h.expect()
	})
}

func TestACollectorOutOfReachIsStoodInFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.reach = &Reach{Connected: true, Since: time.Now(), URL: "https://collector.example:8420"}
		defer h.run()()
		pass(time.Minute)
		h.set(func() { *h.reach = Reach{Since: time.Now(), Unacked: 1, URL: h.reach.URL} })
		h.breaks("nginx", false)
		pass(14 * time.Second)
		h.expect()
		pass(4 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
		if text := bodyOf(t, h.got[0]); !strings.Contains(text, "The collector https://collector.example:8420 is out of reach") {
			t.Errorf("it does not say why it comes from here:\n%s", text)
		}

		h.breaks("mysql", false) // out of reach for long: at once
		pass(3 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running", "ada@example.com: mysql on web1 is down: process is not running")

		h.set(func() { h.reach.Connected, h.reach.Unacked = true, 0 }) // it is back, and has heard all
		pass(time.Minute)
		h.mends() // who was mailed hears the end by mail
		h.breaks("mysql", false)
		pass(time.Minute)
		if got := h.subjects(); len(got) != 3 || got[2] != "ada@example.com: nginx on web1 is well again after 1 min" {
			t.Errorf("after its return: %q", got)
		}
	})
}

func TestACollectorThatComesBackInTimeTellsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.reach = &Reach{Connected: true, Since: time.Now()}
		defer h.run()()
		pass(time.Minute)
		h.set(func() { *h.reach = Reach{Since: time.Now(), Unacked: 1} })
		h.breaks("nginx", false)
		pass(10 * time.Second)
		h.set(func() { *h.reach = Reach{Connected: true, Since: time.Now()} })
		pass(time.Hour)
		h.expect()
	})
}

func TestACollectorThatKeepsNothingIsOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, everything("ada@example.com"))
		h.reach = &Reach{Connected: true, Since: time.Now(), Unacked: 1}
		defer h.run()()
		h.breaks("nginx", false)
		pass(18 * time.Second)
		h.expect("ada@example.com: nginx on web1 is down: process is not running")
	})
}
