package mail

import (
	"flag"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

var update = flag.Bool("update", false, "write the golden files again")

func subjectOf(t *testing.T, m *netmail.Message) string {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Errorf("subject %q: %v", m.Header.Get("Subject"), err)
	}
	return subject
}

func bodyOf(t *testing.T, m *netmail.Message) string {
	t.Helper()
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Errorf("body: %v", err)
	}
	return string(text)
}

var night = time.Date(2026, 3, 2, 3, 12, 0, 0, time.UTC)

func broken() dialtone.Event {
	return dialtone.Event{
		ID: "agent/boot/17", At: night, Node: "web1", Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process",
		From: dialtone.OK, To: dialtone.Critical, Why: "process is not running", Healing: true,
		Rule: "/etc/dialtone/dialtone.conf:14", RuleText: "if not exist then restart", Runbook: "https://wiki.example/nginx",
		Turns: []dialtone.Turn{{Type: "nonexist", Failed: true, Why: "process is not running", Action: "restart"}},
	}
}

func attempt(n int, outcome dialtone.HealOutcome, reason string) dialtone.Heal {
	return dialtone.Heal{
		ID: string(outcome), Service: "nginx", Action: "restart", Attempt: n, Started: night.Add(time.Duration(n) * time.Second), Took: 5200 * time.Millisecond,
		Outcome: outcome, Command: "/usr/bin/systemctl start nginx", ExitCode: 1, Reason: reason,
		Output: "nginx: [emerg] unexpected \"}\" in /etc/nginx/nginx.conf:31\nnginx: configuration file /etc/nginx/nginx.conf test failed\n",
	}
}

// letters are one of each sort, as somebody gets them.
func letters() map[string]letter {
	ada := receiver{address: "ada@example.com", reminder: 10 * time.Minute}
	b := broken()
	over := dialtone.Event{
		ID: "agent/boot/20", At: night.Add(1300 * time.Millisecond), Node: "web1", Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process",
		From: dialtone.Critical, To: dialtone.OK, Why: "it is there", Turns: []dialtone.Turn{{Type: "nonexist", Why: "it is there", Action: "alert"}},
	}
	worked := attempt(1, dialtone.Healed, "")
	worked.ExitCode, worked.Output, worked.Took = 0, "", 1200*time.Millisecond
	parked := attempt(3, dialtone.HealParked, "3 heals within this hour are spent")
	parkedEvent := dialtone.Event{ID: "agent/boot/19", At: night.Add(3 * time.Minute), Node: "web1", Kind: dialtone.EventHeal, Service: "nginx", ServiceKind: "process", Heal: &parked, Why: "healing was given up: 3 heals within this hour are spent"}
	failing := matter{Service: "nginx", Broke: &b, Types: []string{"nonexist"}, Unsaid: []dialtone.Event{b}}
	held := failing
	held.Heals = []dialtone.Heal{attempt(1, dialtone.HealFailed, "the program exited with status 1: process is not running")}
	held.Heals[0].Next = night.Add(30 * time.Second)
	given := failing
	given.Unsaid, given.Heals = []dialtone.Event{parkedEvent}, []dialtone.Heal{held.Heals[0], parked}
	healed := failing
	healed.Unsaid, healed.Over, healed.Heals = []dialtone.Event{b, over}, &over, []dialtone.Heal{worked}
	mended := failing
	long := over
	long.At = night.Add(3 * time.Hour)
	mended.Unsaid, mended.Over = []dialtone.Event{long}, &long
	silent := failing
	silent.Unsaid = nil
	started := dialtone.Event{ID: "agent/boot/1", At: night, Node: "web1", Kind: dialtone.EventAgent, Why: "the agent started"}
	refused := started
	refused.Why = "the control file was refused, the last good one stays: a.conf:1:7: \"service\" is no kind of check\n    check service x\n          ^"
	raid := dialtone.Event{
		ID: "agent/boot/5", At: night, Node: "web1", Kind: dialtone.EventState, Service: "raid", ServiceKind: "program", From: dialtone.OK, To: dialtone.Warning,
		Why: "status is 1: md0 is degraded\n[U_]", Rule: "/etc/dialtone/dialtone.conf:9", Turns: []dialtone.Turn{{Type: "status", Failed: true}},
	}
	own := ada
	own.format = control.MailFormat{
		From: "Ops of $HOST <ops@example.com>", ReplyTo: "ops@example.com", Subject: "$SERVICE: $EVENT",
		Message: "Monit $ACTION $SERVICE at $DATE on $HOST: $DESCRIPTION.\n",
	}
	return map[string]letter{
		"firing":      {receiver: receiver{address: "ada@example.com"}, matter: failing, at: night.Add(time.Second)},
		"firing_held": {receiver: ada, matter: held, at: night.Add(20 * time.Second), away: "https://collector.example:8420"},
		"given_up":    {receiver: ada, matter: given, at: night.Add(3 * time.Minute), known: true},
		"healed":      {receiver: ada, matter: healed, at: night.Add(2 * time.Second)},
		"mended":      {receiver: ada, matter: mended, at: night.Add(3 * time.Hour), known: true},
		"reminder":    {receiver: ada, matter: silent, at: night.Add(10 * time.Minute), known: true},
		"agent":       {receiver: ada, matter: matter{Unsaid: []dialtone.Event{started}}, at: night},
		"refused":     {receiver: ada, matter: matter{Unsaid: []dialtone.Event{refused}}, at: night},
		"no_programs": {receiver: ada, matter: matter{Service: "raid", Broke: &raid, Unsaid: []dialtone.Event{raid}}, at: night},
		"own_format":  {receiver: own, matter: failing, at: night},
		"own_healed":  {receiver: own, matter: healed, at: night},
	}
}

func TestLettersAsPeopleReadThem(t *testing.T) {
	setZone(t)
	init := &control.Command{Argv: []string{"/etc/init.d/nginx"}}
	file := &control.File{Path: "/etc/dialtone/dialtone.conf", Services: []*control.Service{
		{Kind: "process", Name: "nginx", Start: init, Stop: init}, {Kind: "program", Name: "raid"},
	}}
	for name, l := range letters() {
		text := string(l.row(file, "web1.example").message())
		path := filepath.Join("testdata", name+".eml")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// setZone makes local time the same everywhere.
func setZone(t *testing.T) {
	t.Helper()
	was := time.Local
	time.Local = time.FixedZone("CET", 3600)
	t.Cleanup(func() { time.Local = was })
}

func TestHostileTextStaysText(t *testing.T) {
	l := letters()["firing_held"]
	bad := "down\r\nBcc: everybody@example.com\r\n\r\n\x1b[31mred\x00\xff"
	l.matter.Unsaid[0].Why, l.matter.Unsaid[0].RuleText, l.matter.Heals[0].Output = bad, bad, bad
	l.receiver.address = "ada@example.com\r\nBcc: everybody@example.com"
	l.receiver.format.From = "x\r\nBcc: everybody@example.com <x@example.com>"
	text := string(l.row(&control.File{Path: "/etc/dialtone.conf"}, "web1").message())
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || strings.ContainsAny(subjectOf(t, m)+bodyOf(t, m), "\x1b\x00") {
		t.Errorf("it got through:\n%s", text)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("nginx on web1 is down", "process is not running\n", "Ada <ada@example.com>", "root")
	f.Add("a\r\nb: c", ".\r\n.\r\n", "a\nb", "\"\" <@>")
	f.Fuzz(func(t *testing.T, subject, body, to, from string) {
		r := row{ID: "x@y", To: to, From: from, ReplyTo: to, Subject: firstBytes(oneLine(printable(subject)), maxSubject), Body: body, At: night}
		text := r.message()
		m, err := netmail.ReadMessage(strings.NewReader(string(text)))
		if err != nil {
			t.Fatalf("%v\n%q", err, text)
		}
		for name := range m.Header {
			switch name {
			case "From", "To", "Reply-To", "Subject", "Date", "Message-Id", "Auto-Submitted", "Mime-Version", "Content-Type", "Content-Transfer-Encoding":
			default:
				t.Errorf("a header of somebody else's: %s\n%q", name, text)
			}
		}
		if strings.ContainsAny(addressOf(to), " \r\n") {
			t.Errorf("address %q", addressOf(to))
		}
	})
}
