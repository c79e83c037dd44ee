package alerting

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	_ "time/tzdata" // zones of settings exist on machines without them, too

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
)

// Settings is who is told, how and when: the collector's settings file. DefaultSettings is the zero file.
type Settings struct {
	BaseURL       string // of the pages, without a slash at its end; empty: the collector's own address
	TimeZone      string // IANA name, of the times in messages; empty: the machine's
	Grace         time.Duration
	RemindEvery   time.Duration
	EscalateAfter time.Duration
	Retention     Retention
	DeadMan       DeadMan
	Notifiers     []NotifierSettings
}

// Retention bounds what is kept. Whichever bound is met first counts; open incidents are always kept.
type Retention struct {
	Events       time.Duration
	MaxEvents    int
	Incidents    time.Duration // after their end
	MaxIncidents int
}

// DeadMan is an address outside that is asked (GET) at an interval, and raises the alarm there when that stops.
type DeadMan struct {
	URL   string // empty: none
	Every time.Duration
}

// NotifierSettings is one notifier. Which of the fields below Type are used depends on it.
type NotifierSettings struct {
	Name        string
	Type        string // slack, email, webhook
	Escalation  bool
	MinSeverity dialtone.State
	Slack       notify.SlackConfig
	Email       notify.EmailConfig
	Webhook     notify.WebhookConfig
}

// DefaultSettings returns what an empty file means: nobody is told, and everything is kept for a quarter.
func DefaultSettings() *Settings {
	return &Settings{
		Grace:       20 * time.Second,
		RemindEvery: 30 * time.Minute,
		Retention: Retention{
			Events: 90 * day, MaxEvents: 200_000,
			Incidents: 365 * day, MaxIncidents: 20_000,
		},
		DeadMan: DeadMan{Every: time.Minute},
	}
}

const day = 24 * time.Hour

// Policy returns the timing of incidents.
func (s *Settings) Policy() Policy {
	return Policy{Grace: s.Grace, RemindEvery: s.RemindEvery, EscalateAfter: s.EscalateAfter}
}

// Zone returns the zone of the times in messages. LoadSettings has checked that it exists.
func (s *Settings) Zone() *time.Location {
	if s.TimeZone == "" {
		return time.Local
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Ways makes the notifiers. It reads their secrets once, so that a missing one is known now and not at 3 am; they are read
// again for each message, so that they can be changed without a restart.
func (s *Settings) Ways() ([]Way, error) {
	var ways []Way
	var problems []error
	for _, n := range s.Notifiers {
		notifier, err := n.notifier()
		if err != nil {
			problems = append(problems, fmt.Errorf("notifier %s: %w", n.Name, err))
			continue
		}
		ways = append(ways, Way{Name: n.Name, Escalation: n.Escalation, MinSeverity: n.MinSeverity, Notifier: notifier})
	}
	return ways, errors.Join(problems...)
}

func (n NotifierSettings) notifier() (notify.Notifier, error) {
	switch n.Type {
	case "slack":
		return notify.NewSlack(n.Slack)
	case "email":
		return notify.NewEmail(n.Email)
	case "webhook":
		return notify.NewWebhook(n.Webhook)
	}
	return nil, fmt.Errorf("type %q is none of slack, email, webhook", n.Type)
}

// LoadSettings reads the settings file. Its error is SettingsErrors when the text is wrong, all mistakes at once; fs.ErrNotExist
// when there is no file; else it says why the file is not read and how to mend that.
func LoadSettings(path string) (*Settings, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("reading settings: %s can be written by others (mode %#o), who could then decide who is told: chmod go-w %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	return ParseSettings(path, text)
}

// WriteDefault makes a settings file with every key explained and nobody in it. It leaves a file that exists as it is.
func WriteDefault(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing settings: %w", err)
	}
	_, err = file.WriteString(defaultText)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing settings: %w", err), os.Remove(path))
	}
	return nil
}

const defaultText = `# Who is told about incidents, how and when. Every key may be left out; what stands here is what that means.
# All keys, and what each way of telling needs: docs/notices.md.

# Address of the pages, for the links in messages, as people reach it.
#base_url: https://dialtone.example:8420

# Zone of the times in messages; without it, this machine's.
#time_zone: Europe/Berlin

# How long a healer may try before a person is told.
grace: 20s

# How often an incident that nobody has taken is told again; 0 turns it off.
remind_every: 30m

# After how long without anybody taking it the notifiers with "escalation: true" are told; 0: only by hand.
escalate_after: 0

retention:
  events: 90d
  max_events: 200000
  incidents: 365d
  max_incidents: 20000

# An address outside that is asked at an interval, and raises the alarm when that stops: the only watch over this machine.
#dead_man:
#  url: https://hc.example/ping/123
#  every: 1m

# Nobody is told yet. Take the comment signs off what you have:
notifiers: []
#notifiers:
#  - name: oncall
#    type: webhook
#    url: https://pager.example/hook
#    secret_file: /etc/dialtone/webhook.secret
#  - name: mail
#    type: email
#    server: smtp.example:587
#    username: dialtone
#    password_file: /etc/dialtone/smtp.password
#    from: dialtone@example.com
#    to: [oncall@example.com]
#  - name: ops
#    type: slack
#    channel: C0123456789
#    token_file: /etc/dialtone/slack.token
#    min_severity: critical
`
