package alerting

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
	"go.yaml.in/yaml/v3"
)

// keys are the keys of one mapping, each with what reads its value.
type keys map[string]func(*yaml.Node)

// reader walks the settings' YAML and gathers every mistake.
type reader struct {
	file     string
	lines    []string
	problems SettingsErrors
}

// ParseSettings reads the text of a settings file; name stands in its errors, which are SettingsErrors.
func ParseSettings(name string, text []byte) (*Settings, error) {
	r := &reader{file: name, lines: strings.Split(string(text), "\n")}
	s := DefaultSettings()
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, r.syntax(err)
	}
	if len(doc.Content) > 0 {
		r.settings(doc.Content[0], s)
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return s, nil
}

func (r *reader) settings(n *yaml.Node, s *Settings) {
	r.mapping(n, "settings", keys{
		"base_url":       func(n *yaml.Node) { s.BaseURL = strings.TrimRight(r.url(n), "/") },
		"time_zone":      func(n *yaml.Node) { s.TimeZone = r.zone(n) },
		"grace":          func(n *yaml.Node) { s.Grace = r.duration(n, 0, 10*time.Minute) },
		"remind_every":   func(n *yaml.Node) { s.RemindEvery = r.interval(n, time.Minute, 7*day) },
		"escalate_after": func(n *yaml.Node) { s.EscalateAfter = r.duration(n, 0, 7*day) },
		"retention":      func(n *yaml.Node) { r.retention(n, &s.Retention) },
		"dead_man":       func(n *yaml.Node) { r.deadMan(n, &s.DeadMan) },
		"notifiers":      func(n *yaml.Node) { s.Notifiers = r.notifiers(n) },
	})
}

func (r *reader) retention(n *yaml.Node, keep *Retention) {
	r.mapping(n, "retention", keys{
		"events":        func(n *yaml.Node) { keep.Events = r.duration(n, time.Hour, 3650*day) },
		"max_events":    func(n *yaml.Node) { keep.MaxEvents = r.number(n, 1000, 10_000_000) },
		"incidents":     func(n *yaml.Node) { keep.Incidents = r.duration(n, time.Hour, 3650*day) },
		"max_incidents": func(n *yaml.Node) { keep.MaxIncidents = r.number(n, 100, 1_000_000) },
	})
}

func (r *reader) deadMan(n *yaml.Node, d *DeadMan) {
	r.mapping(n, "dead_man", keys{
		"url":   func(n *yaml.Node) { d.URL = r.url(n) },
		"every": func(n *yaml.Node) { d.Every = r.duration(n, 5*time.Second, day) },
	}, "url")
}

func (r *reader) notifiers(n *yaml.Node) []NotifierSettings {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "notifiers must be a list", "each begins with \"- name:\"")
		return nil
	}
	var all []NotifierSettings
	names := map[string]int{}
	for _, item := range n.Content {
		one := r.notifier(item)
		if line, taken := names[one.Name]; taken && one.Name != "" {
			r.fail(item, fmt.Sprintf("the name %q is already taken in line %d", one.Name, line), "names tell notifiers apart on the timeline; choose another")
		}
		names[one.Name] = item.Line
		all = append(all, one)
	}
	return all
}

// notifier reads the type first, because it decides which other keys there may be.
func (r *reader) notifier(n *yaml.Node) NotifierSettings {
	var one NotifierSettings
	known := keys{
		"name":         func(n *yaml.Node) { one.Name = r.name(n) },
		"type":         func(n *yaml.Node) { one.Type = n.Value },
		"escalation":   func(n *yaml.Node) { one.Escalation = r.boolean(n) },
		"min_severity": func(n *yaml.Node) { one.MinSeverity = r.severity(n) },
	}
	kind := lookup(n, "type")
	if kind == nil {
		r.fail(n, "a notifier needs a type", "one of slack, email, webhook")
		return one
	}
	var needed []string
	switch kind.Value {
	case "slack":
		needed = r.slack(known, &one.Slack)
	case "email":
		needed = r.email(known, &one.Email)
	case "webhook":
		needed = r.webhook(known, &one.Webhook)
	default:
		r.fail(kind, fmt.Sprintf("there is no type %q", kind.Value), suggest(kind.Value, []string{"slack", "email", "webhook"}))
		return one
	}
	r.mapping(n, kind.Value+" notifier", known, append(needed, "name")...)
	return one
}

func (r *reader) slack(known keys, c *notify.SlackConfig) (needed []string) {
	known["channel"] = func(n *yaml.Node) { c.Channel = r.channel(n) }
	known["api_url"] = func(n *yaml.Node) { c.APIURL = r.url(n) }
	r.secret(known, "token", &c.Token)
	return []string{"channel", "token_file|token_env"}
}

func (r *reader) email(known keys, c *notify.EmailConfig) (needed []string) {
	c.TLS = notify.TLSMandatory
	known["server"] = func(n *yaml.Node) { c.Server = r.hostPort(n) }
	known["from"] = func(n *yaml.Node) { c.From = r.address(n) }
	known["to"] = func(n *yaml.Node) { c.To = r.addresses(n) }
	known["username"] = func(n *yaml.Node) { c.Username = r.text(n) }
	known["tls"] = func(n *yaml.Node) { c.TLS = r.tls(n) }
	known["ca_file"] = func(n *yaml.Node) { c.CAFile = r.text(n) }
	r.secret(known, "password", &c.Password)
	return []string{"server", "from", "to"}
}

func (r *reader) webhook(known keys, c *notify.WebhookConfig) (needed []string) {
	known["url"] = func(n *yaml.Node) { c.URL = r.url(n) }
	known["ca_file"] = func(n *yaml.Node) { c.CAFile = r.text(n) }
	r.secret(known, "secret", &c.Secret)
	return []string{"url", "secret_file|secret_env"}
}

// secret adds NAME_file and NAME_env. NAME itself is refused, since settings are shown, copied and kept in repositories.
func (r *reader) secret(known keys, name string, s *notify.Secret) {
	known[name+"_file"] = func(n *yaml.Node) { s.File = r.text(n) }
	known[name+"_env"] = func(n *yaml.Node) { s.Env = r.text(n) }
	known[name] = func(n *yaml.Node) {
		r.fail(n, "a "+name+" does not stand in the settings", "put it into a file of mode 0600 and name that with "+name+"_file")
	}
}

// mapping reads a mapping's keys; unknown ones, doubled ones and missing needed ones are mistakes. A needed "a|b" means
// exactly one of the two.
func (r *reader) mapping(n *yaml.Node, what string, known keys, needed ...string) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, what+" must be keys and values", "\"key: value\", one a line")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.fail(key, fmt.Sprintf("%s has no key %q", what, key.Value), suggest(key.Value, slices.Sorted(maps.Keys(known))))
		case seen[key.Value]:
			r.fail(key, fmt.Sprintf("%q stands here twice", key.Value), "keep one of the two")
		default:
			seen[key.Value] = true
			read(value)
		}
	}
	for _, choice := range needed {
		r.need(n, what, choice, seen)
	}
}

func (r *reader) need(n *yaml.Node, what, choice string, seen map[string]bool) {
	first, second, either := strings.Cut(choice, "|")
	switch {
	case !either && !seen[first]:
		r.fail(n, what+" needs "+first, "")
	case either && !seen[first] && !seen[second] && !seen[strings.TrimSuffix(first, "_file")]:
		r.fail(n, what+" needs "+first+" or "+second, "")
	case either && seen[first] && seen[second]:
		r.fail(n, what+" has both "+first+" and "+second, "keep one of the two")
	}
}

func (r *reader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		r.fail(n, "a text is wanted here", "")
		return ""
	}
	return n.Value
}

var (
	nameForm    = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$`)
	channelForm = regexp.MustCompile(`^[CGD][A-Z0-9]{7,}$`)
	daysForm    = regexp.MustCompile(`^(\d{1,5})d$`)
)

func (r *reader) name(n *yaml.Node) string {
	if !nameForm.MatchString(n.Value) {
		r.fail(n, fmt.Sprintf("%q is not a name", n.Value), "letters, digits, dot, dash and underscore")
	}
	return n.Value
}

func (r *reader) channel(n *yaml.Node) string {
	if !channelForm.MatchString(n.Value) {
		r.fail(n, fmt.Sprintf("%q is not a Slack channel ID", n.Value), "in Slack, click the channel's name; the ID (C0123456789) is at the end of About")
	}
	return n.Value
}

func (r *reader) duration(n *yaml.Node, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(n.Value)
	if m := daysForm.FindStringSubmatch(n.Value); m != nil {
		days, _ := strconv.Atoi(m[1])
		d, err = time.Duration(days)*day, nil
	}
	if err != nil {
		r.fail(n, fmt.Sprintf("%q is not a duration", n.Value), "a number and a unit: 20s, 30m, 12h, 90d")
		return 0
	}
	if d < least || d > most {
		r.fail(n, fmt.Sprintf("%s is out of bounds", n.Value), fmt.Sprintf("from %s to %s", short(least), short(most)))
	}
	return d
}

// interval is a duration of which 0 means never.
func (r *reader) interval(n *yaml.Node, least, most time.Duration) time.Duration {
	if n.Value == "0" || n.Value == "0s" {
		return 0
	}
	return r.duration(n, least, most)
}

// short is a duration as people write it in the settings.
func short(d time.Duration) string {
	if d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return strings.NewReplacer("m0s", "m", "h0m0s", "h").Replace(d.String())
}

func (r *reader) number(n *yaml.Node, least, most int) int {
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < least || v > most {
		r.fail(n, fmt.Sprintf("%q is not a number from %d to %d", n.Value, least, most), "")
	}
	return v
}

func (r *reader) boolean(n *yaml.Node) bool {
	if n.Value != "true" && n.Value != "false" {
		r.fail(n, fmt.Sprintf("%q is neither true nor false", n.Value), "")
	}
	return n.Value == "true"
}

func (r *reader) severity(n *yaml.Node) dialtone.State {
	switch n.Value {
	case "warning":
		return dialtone.Warning
	case "critical":
		return dialtone.Critical
	}
	r.fail(n, fmt.Sprintf("%q is not a severity", n.Value), "warning or critical")
	return dialtone.Unknown
}

func (r *reader) tls(n *yaml.Node) notify.TLSPolicy {
	policies := []string{string(notify.TLSMandatory), string(notify.TLSImplicit), string(notify.TLSNone)}
	if !slices.Contains(policies, n.Value) {
		r.fail(n, fmt.Sprintf("there is no tls %q", n.Value), suggest(n.Value, policies))
	}
	return notify.TLSPolicy(n.Value)
}

func (r *reader) url(n *yaml.Node) string {
	u, err := url.Parse(n.Value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		r.fail(n, fmt.Sprintf("%q is not an address", n.Value), "it begins with https:// or http://")
	}
	return n.Value
}

func (r *reader) zone(n *yaml.Node) string {
	if _, err := time.LoadLocation(n.Value); err != nil || n.Value == "" {
		r.fail(n, fmt.Sprintf("there is no time zone %q", n.Value), "a name as in Europe/Berlin, or UTC")
	}
	return n.Value
}

func (r *reader) hostPort(n *yaml.Node) string {
	host, port, _ := strings.Cut(n.Value, ":")
	if v, err := strconv.Atoi(port); host == "" || err != nil || v < 1 || v > 65535 {
		r.fail(n, fmt.Sprintf("%q is not HOST:PORT", n.Value), "587 is the usual port: smtp.example:587")
	}
	return n.Value
}

func (r *reader) address(n *yaml.Node) string {
	if _, err := mail.ParseAddress(n.Value); err != nil {
		r.fail(n, fmt.Sprintf("%q is not a mail address", n.Value), "")
	}
	return n.Value
}

func (r *reader) addresses(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode {
		return []string{r.address(n)}
	}
	var all []string
	for _, item := range n.Content {
		all = append(all, r.address(item))
	}
	if len(all) == 0 {
		r.fail(n, "mail needs at least one receiver", "to: [oncall@example.com]")
	}
	return all
}

func lookup(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

var errLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntax gives the YAML library's error a place.
func (r *reader) syntax(err error) error {
	m := errLine.FindStringSubmatch(err.Error())
	if m == nil {
		return errors.Join(SettingsErrors{{File: r.file, Line: 1, Column: 1, Message: err.Error()}})
	}
	line, _ := strconv.Atoi(m[1])
	r.fail(&yaml.Node{Line: line, Column: 1}, m[2], "indent with spaces; a value with \": \" or \"#\" in it stands in quotes")
	return r.problems
}

func (r *reader) fail(n *yaml.Node, message, hint string) {
	e := &SettingsError{File: r.file, Line: n.Line, Column: n.Column, Message: message, Hint: hint}
	if n.Line >= 1 && n.Line <= len(r.lines) {
		e.Source = r.lines[n.Line-1]
	}
	r.problems = append(r.problems, e)
}
