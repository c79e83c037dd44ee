package alerting

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"github.com/google/go-cmp/cmp"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// TestBadSettings holds the exact text of every mistake: NAME.yaml is the file, NAME.error what a person reads.
func TestBadSettings(t *testing.T) {
	files, err := filepath.Glob("testdata/settings/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad settings: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseSettings(filepath.Base(file), text)
		if _, ok := errors.AsType[SettingsErrors](err); !ok {
			t.Errorf("%s: %v is not SettingsErrors", file, err)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".error"
		if *updateGolden {
			if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, readErr := os.ReadFile(golden)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestFullSettings(t *testing.T) {
	got, err := ParseSettings("full.yaml", []byte(`
base_url: https://dialtone.example:8420/
time_zone: UTC
grace: 0
remind_every: 0
escalate_after: 15m
retention: {events: 30d, max_events: 5000, incidents: 48h, max_incidents: 200}
dead_man: {url: "https://hc.example/ping/123", every: 30s}
notifiers:
  - {name: ops, type: slack, channel: C0123456789, token_env: SLACK_TOKEN, escalation: true, min_severity: critical}
  - {name: mail, type: email, server: "smtp.example:465", tls: implicit, from: dialtone@example.com, to: [a@example.com, b@example.com], username: u, password_file: /p, ca_file: /ca}
  - {name: hook, type: webhook, url: "https://pager.example/hook", secret_file: /s}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Settings{
		BaseURL: "https://dialtone.example:8420", TimeZone: "UTC", EscalateAfter: 15 * time.Minute,
		Retention: Retention{Events: 30 * day, MaxEvents: 5000, Incidents: 2 * day, MaxIncidents: 200},
		DeadMan:   DeadMan{URL: "https://hc.example/ping/123", Every: 30 * time.Second},
		Notifiers: []NotifierSettings{
			{Name: "ops", Type: "slack", Escalation: true, MinSeverity: dialtone.Critical, Slack: notify.SlackConfig{Channel: "C0123456789", Token: notify.Secret{Env: "SLACK_TOKEN"}}},
			{Name: "mail", Type: "email", Email: notify.EmailConfig{
				Server: "smtp.example:465", TLS: notify.TLSImplicit, From: "dialtone@example.com", To: []string{"a@example.com", "b@example.com"},
				Username: "u", Password: notify.Secret{File: "/p"}, CAFile: "/ca",
			}},
			{Name: "hook", Type: "webhook", Webhook: notify.WebhookConfig{URL: "https://pager.example/hook", Secret: notify.Secret{File: "/s"}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDefaultFileMeansTheDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "collector.yaml")
	if err := WriteDefault(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadSettings(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultSettings(), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := os.WriteFile(path, []byte("grace: 5s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteDefault(path); err != nil {
		t.Fatal(err)
	}
	if got, err = LoadSettings(path); err != nil || got.Grace != 5*time.Second {
		t.Errorf("a file that exists was not left alone: %+v %v", got, err)
	}
	if empty, err := ParseSettings("empty.yaml", nil); err != nil || !cmp.Equal(DefaultSettings(), empty) {
		t.Errorf("an empty file: %+v %v", empty, err)
	}
}

// TestDefaultFileWithoutComments takes the comment signs off, as its reader will.
func TestDefaultFileWithoutComments(t *testing.T) {
	var lines []string
	for line := range strings.Lines(defaultText) {
		if line == "notifiers: []\n" {
			continue
		}
		prose := strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "#  ")
		if strings.HasPrefix(line, "#") && !prose {
			line = line[1:]
		}
		lines = append(lines, line)
	}
	s, err := ParseSettings("default.yaml", []byte(strings.Join(lines, "")))
	if err != nil || len(s.Notifiers) != 3 || s.DeadMan.URL == "" {
		t.Errorf("%+v\n%v", s, err)
	}
}

func TestSettingsThatOthersCanWriteAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(path, []byte("grace: 5s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSettings(path); err == nil || !strings.Contains(err.Error(), "chmod go-w "+path) {
		t.Errorf("got %v", err)
	}
	if _, err := LoadSettings(path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestSettingsOfTheDocs loads every YAML block of docs/notices.md.
func TestSettingsOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("no example in docs/notices.md")
	}
	for _, block := range blocks {
		example, _, _ := strings.Cut(block, "```")
		s, err := ParseSettings("docs/notices.md", []byte(example))
		if err != nil || len(s.Notifiers) == 0 {
			t.Errorf("%v\n%s", err, example)
		}
	}
}

func TestWaysSayWhichSecretIsMissing(t *testing.T) {
	t.Setenv("DIALTONE_TEST_HOOK", "secret")
	s := DefaultSettings()
	s.Notifiers = []NotifierSettings{
		{Name: "good", Type: "webhook", Webhook: notify.WebhookConfig{URL: "http://x.example", Secret: notify.Secret{Env: "DIALTONE_TEST_HOOK"}}},
		{Name: "bad", Type: "slack", Slack: notify.SlackConfig{Token: notify.Secret{Env: "DIALTONE_TEST_NONE"}}},
		{Name: "none", Type: "pigeon"},
	}
	ways, err := s.Ways()
	if len(ways) != 1 || err == nil || !strings.Contains(err.Error(), `notifier bad: reading secret: the environment variable "DIALTONE_TEST_NONE" is not set`) {
		t.Errorf("%d ways, %v", len(ways), err)
	}
}

func FuzzParseSettings(f *testing.F) {
	files, err := filepath.Glob("testdata/settings/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(defaultText))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseSettings("fuzz.yaml", text)
		if (s == nil) == (err == nil) {
			t.Errorf("settings %v and error %v", s, err)
		}
	})
}
