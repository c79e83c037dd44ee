package mail

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// letter is a matter as one receiver is told of it.
type letter struct {
	receiver receiver
	matter   matter
	at       time.Time
	known    bool   // the receiver knows that it is broken
	away     string // the collector that is out of reach; empty: there is none, or it is in reach
}

const (
	maxSubject = 150
	maxBody    = 48 << 10
)

// row writes the letter, with the receiver's own format where there is one.
func (l letter) row(file *control.File, hostname string) row {
	lead := l.lead()
	f, w := l.receiver.format, l.words(lead)
	id := digest(lead.ID, fmt.Sprint(len(l.matter.Unsaid)), l.at.UTC().String(), l.receiver.address)
	r := row{
		ID: id + "@" + hostname, Node: lead.Node, At: l.at.UTC(), To: l.receiver.address, ReplyTo: w.expand(f.ReplyTo),
		From: cmp.Or(w.expand(f.From), "dialtone@"+lead.Node), Urgent: l.stands(),
		Subject: l.subject(lead), Body: l.body(file, lead),
	}
	if l.matter.Broke != nil {
		r.Thread = digest(l.matter.Broke.ID, l.receiver.address) + "@" + hostname
	}
	if f.Subject != "" {
		r.Subject = w.expand(f.Subject)
	}
	if f.Message != "" {
		r.Body = w.expand(f.Message)
	}
	r.Subject = firstBytes(oneLine(printable(r.Subject)), maxSubject)
	r.Body = firstBytes(printable(r.Body), maxBody)
	return r
}

// digest makes a name out of texts: the same for the same.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// lead is the event that a letter is about: of a reminder the failure, else the newest.
func (l letter) lead() dialtone.Event {
	if n := len(l.matter.Unsaid); n > 0 {
		return l.matter.Unsaid[n-1]
	}
	return *l.matter.Broke
}

// stands reports whether something is broken now.
func (l letter) stands() bool { return l.matter.Broke != nil && l.matter.Over == nil }

// subject says what broke and where, short enough for a telephone.
func (l letter) subject(e dialtone.Event) string {
	m := l.matter
	if m.Broke == nil {
		return about(e)
	}
	name := nameOf(e)
	switch {
	case m.Over != nil && l.known:
		return fmt.Sprintf("%s is well again after %s", name, spoken(m.Over.At.Sub(m.Broke.At)))
	case m.Over != nil:
		return fmt.Sprintf("%s %s for %s%s", name, verbOf(*m.Broke).was, spoken(m.Over.At.Sub(m.Broke.At)), helped(m.Heals))
	case len(m.Unsaid) == 0:
		return fmt.Sprintf("%s %s after %s: %s", name, verbOf(*m.Broke).still, spoken(l.at.Sub(m.Broke.At)), firstLine(m.Broke.Why))
	case e.Kind == dialtone.EventHeal:
		return fmt.Sprintf("%s %s, and healing was given up: %s", name, verbOf(*m.Broke).is, firstLine(m.Broke.Why))
	}
	return fmt.Sprintf("%s %s: %s", name, verbOf(l.worst()).is, firstLine(e.Why))
}

// worst is the newest state event that is unsaid, which says how bad it is.
func (l letter) worst() dialtone.Event {
	for _, e := range slices.Backward(l.matter.Unsaid) {
		if e.Kind == dialtone.EventState {
			return e
		}
	}
	return *l.matter.Broke
}

// about is the subject of a fact that stands alone.
func about(e dialtone.Event) string {
	switch {
	case e.Service == "":
		return "dialtone on " + e.Node + ": " + firstLine(e.Why)
	case e.Kind == dialtone.EventChange:
		return nameOf(e) + " has changed: " + firstLine(e.Why)
	}
	return strings.TrimSuffix(nameOf(e), ",") + ": " + firstLine(e.Why)
}

// firstLine is what of a text a subject has room for; the story below has it whole.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

func nameOf(e dialtone.Event) string {
	if e.ServiceKind == "host" {
		return e.Service + ", seen from " + e.Node + ","
	}
	return e.Service + " on " + e.Node
}

// verb is how a service is, still is, and was.
type verb struct{ is, still, was string }

func verbOf(e dialtone.Event) verb {
	switch {
	case e.To == dialtone.Unknown:
		return verb{"cannot be checked", "still cannot be checked", "could not be checked"}
	case e.To != dialtone.Critical:
		return verb{"needs attention", "still needs attention", "needed attention"}
	}
	switch e.ServiceKind {
	case "host":
		return verb{"does not answer", "still does not answer", "did not answer"}
	case "program":
		return verb{"fails", "still fails", "failed"}
	case "file", "directory", "fifo", "filesystem", "system", "network":
		return verb{"is critical", "is still critical", "was critical"}
	}
	return verb{"is down", "is still down", "was down"}
}

// helped names the heal that ended it.
func helped(heals []dialtone.Heal) string {
	if n := len(heals); n > 0 && heals[n-1].Outcome == dialtone.Healed {
		return ": " + heals[n-1].Action + " worked"
	}
	return ""
}

// spoken is a duration as people say it.
func spoken(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// printable takes control characters out of a text: it may come from anywhere, and is shown in terminals too.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// firstBytes keeps the beginning of a text, lastBytes the end, where programs say why they stopped. Neither cuts a rune in two.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

func lastBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return "…" + s
}

// shortened keeps of an event what a mail can hold.
func shortened(e dialtone.Event) dialtone.Event {
	e.Why, e.RuleText, e.Runbook = firstBytes(e.Why, keptWhy), firstBytes(e.RuleText, keptWhy), firstBytes(e.Runbook, keptWhy)
	e.Turns = slices.Clone(e.Turns[:min(len(e.Turns), maxUnsaid)])
	for i := range e.Turns {
		e.Turns[i].Why = firstBytes(e.Turns[i].Why, keptWhy)
	}
	if e.Heal == nil {
		return e
	}
	h := *e.Heal
	h.Output, h.Command = lastBytes(h.Output, keptOutput), firstBytes(h.Command, keptWhy)
	h.Seen, h.Reason = firstBytes(h.Seen, keptWhy), firstBytes(h.Reason, keptWhy)
	e.Heal = &h
	return e
}
