package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/google/go-cmp/cmp"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// onePixel is the smallest PNG.
var onePixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\b\x00\x00\x00\x00:~\x9bU\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82")

// boundary is what mail parts are separated by; it differs each time.
var boundary = regexp.MustCompile(`[0-9a-f]{60}`)

func at(clock string) time.Time {
	t, err := time.Parse("15:04:05", clock)
	if err != nil {
		return time.Time{}
	}
	return time.Date(2026, 3, 2, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func incident() dialtone.Incident {
	return dialtone.Incident{
		ID: "1kq3x9v2m", Key: "web1/nginx", Node: "web1", Service: "nginx", ServiceKind: "process",
		State: dialtone.IncidentTriggered, Severity: dialtone.Critical, Title: "nginx on web1 is down",
		Why: "process nginx is not running", Rule: "/etc/dialtone/web1.conf:12", RuleText: "if does not exist then restart",
		Opened: at("03:12:00"), Began: at("03:12:00"), Triggered: at("03:12:20"),
	}
}

func healed3() dialtone.Incident {
	in := incident()
	in.Heals = 3
	in.LastHeal = &dialtone.Heal{
		ID: "h3", Service: "nginx", Action: "restart", Command: "/usr/bin/systemctl restart nginx", Attempt: 3,
		Budget: "3 of 3 this hour, 3 of 6 today", Outcome: dialtone.HealParked, ExitCode: 1, Took: 1200 * time.Millisecond,
		Reason: "The budget is spent.",
		Output: "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nnginx: [emerg] unexpected \"}\" in <nginx.conf>:31 & @channel\nnginx: configuration file test failed\n",
	}
	return in
}

func resolved(in dialtone.Incident) dialtone.Incident {
	in.State, in.Resolved = dialtone.IncidentResolved, at("03:12:40")
	return in
}

// reopened is an incident that was well for a while before the outage that the notice is about.
func reopened(times int) dialtone.Incident {
	in := incident()
	in.Reopened, in.Opened = times, at("03:08:00")
	in.Before = dialtone.Outage{From: at("03:09:00"), To: at("03:10:14")}
	return in
}

// messages are what people read at 3 am, by the name of their golden files.
func messages() map[string]Message {
	base := Message{ID: "1kq3x9v2nabcdefghij", Kind: dialtone.NoticeFiring, Reason: "new", Attempt: 1, Created: at("03:12:20"), At: at("03:12:20"), Zone: time.UTC, Link: "https://dialtone.example/i/1kq3x9v2m"}
	with := func(change func(*Message)) Message {
		m := base
		m.Incident = incident()
		change(&m)
		return m
	}
	over := func(m *Message) { m.Kind, m.Reason, m.At = dialtone.NoticeResolved, "over", at("03:12:41") }
	return map[string]Message{
		"firing":        with(func(*Message) {}),
		"firing_healed": with(func(m *Message) { m.Incident = healed3(); m.Image = onePixel }),
		"again":         with(func(m *Message) { m.Reason, m.Incident = "again", reopened(1) }),
		"reminder": with(func(m *Message) {
			m.Kind, m.Reason, m.At, m.Incident = dialtone.NoticeUpdate, "reminder", at("05:42:20"), healed3()
		}),
		"change": with(func(m *Message) {
			m.Reason = "change"
			m.Incident = dialtone.Incident{
				ID: "1kq3x9v2m", Node: "web1", Service: "passwd", ServiceKind: "file", Severity: dialtone.Warning,
				Title: "passwd on web1 has changed", Why: "checksum of /etc/passwd changed", Opened: at("03:12:00"), Began: at("03:12:00"),
			}
		}),
		"resolved":       with(func(m *Message) { over(m); m.Incident = resolved(healed3()); m.Incident.Owner = "ada" }),
		"combined":       with(func(m *Message) { over(m); m.Combined = true; m.Incident = resolved(incident()) }),
		"resolved_again": with(func(m *Message) { over(m); m.Incident = resolved(reopened(2)) }),
		"combined_again": with(func(m *Message) { over(m); m.Combined = true; m.Incident = resolved(reopened(1)) }),
		"hostile": with(func(m *Message) {
			m.Incident.Title = "<script>alert(1)</script> <!channel> on web1 is down\x1b[2J\u202e"
			m.Incident.Why = "a\r\nBcc: everybody@example.com\r\n\r\n```*_~" + strings.Repeat("long ", 200)
		}),
		"digest": with(func(m *Message) {
			m.Incident, m.Link = dialtone.Incident{}, "https://dialtone.example/"
			for range 35 {
				m.Digest = append(m.Digest, Line{Kind: dialtone.NoticeFiring, Incident: incident(), Link: base.Link})
			}
			m.Digest[1].Kind = dialtone.NoticeResolved
		}),
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", path, diff)
	}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGoldenWords(t *testing.T) {
	for name, m := range messages() {
		golden(t, name+".txt", []byte(plain(Write(m))))
	}
}

func TestGoldenWebhook(t *testing.T) {
	for name, m := range messages() {
		golden(t, name+".webhook.json", indented(t, payload(m)))
	}
}

func TestGoldenSlack(t *testing.T) {
	for name, m := range messages() {
		all := blocks(m, Write(m))
		if problem := checkBlocks(indented(t, all)); problem != "" {
			t.Errorf("%s: Slack would answer %s", name, problem)
		}
		golden(t, name+".slack.json", indented(t, all))
	}
}

func TestGoldenMail(t *testing.T) {
	e, err := NewEmail(EmailConfig{Server: "mail.example:587", From: "dialtone@example.com", To: []string{"oncall@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range messages() {
		msg, err := e.compose("oncall@example.com", m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var b bytes.Buffer
		if _, err := msg.WriteTo(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
		golden(t, name+".eml", boundary.ReplaceAll(text, []byte("BOUNDARY")))
	}
}

func TestSpansAsPeopleSayThem(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 s": -time.Second, "250 ms": 250 * time.Millisecond, "1.2 s": 1200 * time.Millisecond, "40 s": 40 * time.Second, "100 s": 100 * time.Second, "12 min": 12*time.Minute + 30*time.Second,
		"3 h 5 min": 3*time.Hour + 5*time.Minute, "2 d 4 h": 52 * time.Hour, "2 d": 48 * time.Hour,
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestTextsFromNodesAreHarmless(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a\r\nBcc: x", "a  Bcc: x"},
		{"\x1b[31mred\x00", "[31mred"},
		{"right\u202eleft\u2066", "rightleft"},
		{"bad \xff utf", "bad \uFFFD utf"},
		{strings.Repeat("é", 100), strings.Repeat("é", 8) + "…"},
	} {
		if got := clean(c.in, 20); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("nginx on web1 is down", "why", "output")
	f.Add("\xff\x00", "\r\n.\r\n", "```")
	e, err := NewEmail(EmailConfig{Server: "mail.example:587", From: "dialtone@example.com", To: []string{"oncall@example.com"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, title, why, output string) {
		m := messages()["firing_healed"]
		m.Incident.Title, m.Incident.Why, m.Incident.Node, m.Incident.LastHeal.Output = title, why, title, output
		for _, kind := range []dialtone.NoticeKind{dialtone.NoticeFiring, dialtone.NoticeResolved} {
			m.Kind = kind
			letter := Write(m)
			if strings.ContainsAny(letter.Title, "\r\n\x00") || len(letter.Title) > 2*maxTitle {
				t.Errorf("title %q", letter.Title)
			}
			if problem := checkBlocks(indented(t, blocks(m, letter))); problem != "" {
				t.Errorf("Slack would answer %s", problem)
			}
			msg, err := e.compose("oncall@example.com", m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := msg.WriteTo(new(bytes.Buffer)); err != nil {
				t.Error(err)
			}
		}
	})
}
