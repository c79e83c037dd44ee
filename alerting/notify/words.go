package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dialtone/dialtone"
)

// Bounds of a message's parts. Who reads it holds a telephone at 3 am; the page behind the link has the rest.
const (
	maxTitle       = 140
	maxSentence    = 400
	maxOutputLines = 8
	maxOutputLine  = 160
	maxDigest      = 30
)

// Letter is a message in words, before any way gives it its form. All texts from nodes in it are cleaned of control
// characters; escaping for HTML or Slack is the way's business.
type Letter struct {
	Title  string   // one line, says what broke
	Lines  []string // sentences, each a line or a paragraph
	Output string   // last lines of what the healer's program printed; empty: nothing
	Items  []Item   // of a digest
	Link   string
}

// Item is one line of a digest.
type Item struct{ Text, Link string }

// Write puts a message into words.
func Write(m Message) Letter {
	if len(m.Digest) > 0 {
		return digest(m)
	}
	l := Letter{Title: title(m), Link: m.Link}
	why := clean(m.Incident.Why, maxSentence)
	if m.Kind == dialtone.NoticeResolved {
		l.add(lasted(m))
		l.add(before(m))
		l.add(mended(m.Incident))
		if why != "" {
			l.add("It was: " + why)
		}
		return l
	}
	l.add(why)
	l.add(reason(m))
	if m.Reason != "change" {
		l.add(since(m))
		l.add(before(m))
		l.heal(m)
	}
	l.add(rule(m.Incident))
	l.add(runbook(m.Incident))
	return l
}

func (l *Letter) add(sentence string) {
	if sentence != "" {
		l.Lines = append(l.Lines, sentence)
	}
}

func title(m Message) string {
	what := clean(m.Incident.Title, maxTitle)
	switch {
	case m.Kind != dialtone.NoticeResolved:
		return prefix(m.Reason) + what
	case m.Combined:
		return fmt.Sprintf("%s was broken for %s, is well again", subject(m.Incident), span(m.Incident.Resolved.Sub(m.Incident.Began)))
	}
	return subject(m.Incident) + " is well again"
}

func prefix(reason string) string {
	switch reason {
	case "again":
		return "Again: "
	case "worse":
		return "Worse: "
	case "reminder", "unmuted":
		return "Still: "
	case "escalated":
		return "Escalated: "
	case "parked":
		return "Not healed: "
	}
	return ""
}

func subject(in dialtone.Incident) string {
	if in.Service == "" {
		return clean(in.Node, maxTitle/2)
	}
	return clean(in.Service, maxTitle/2) + " on " + clean(in.Node, maxTitle/2)
}

func reason(m Message) string {
	switch m.Reason {
	case "worse":
		return "It was a warning; now it is critical."
	case "parked":
		return "The healer has given up; nothing more will be tried by itself."
	case "reminder":
		return "Nobody has taken it yet."
	case "escalated":
		return "You are the second line: nobody else has solved it."
	case "unmuted":
		return "Its mute has ended and it is still broken."
	}
	return ""
}

func since(m Message) string {
	began := m.Incident.Began
	return fmt.Sprintf("Since %s, %s ago.", clock(began, m.At, m.Zone), span(m.At.Sub(began)))
}

func lasted(m Message) string {
	in := m.Incident
	if in.Resolved.IsZero() {
		return ""
	}
	return fmt.Sprintf("Broken %s, %s.", between(in.Began, in.Resolved, m), span(in.Resolved.Sub(in.Began)))
}

// before tells of the outages before this one, which are the same incident. How long it was well counts for neither.
func before(m Message) string {
	in := m.Incident
	switch when := between(in.Before.From, in.Before.To, m); in.Reopened {
	case 0:
		return ""
	case 1:
		return "It was broken before, " + when + ": the same incident, opened again."
	default:
		return "It was broken " + times(in.Reopened) + " before, the last time " + when + ": the same incident, opened again."
	}
}

func between(from, to time.Time, m Message) string {
	return "from " + clock(from, m.At, m.Zone) + " to " + clock(to, m.At, m.Zone)
}

// mended says who is to thank for the recovery, as far as that is known.
func mended(in dialtone.Incident) string {
	switch {
	case in.LastHeal != nil && in.LastHeal.Outcome == dialtone.Healed:
		return fmt.Sprintf("The healer's %s mended it, %s.", in.LastHeal.Action, attempt(in.LastHeal))
	case in.Owner != "":
		return clean(in.Owner, maxTitle) + " had taken it."
	}
	return ""
}

// heal tells what the healer did and how it ended: the line that decides whether somebody gets out of bed.
func (l *Letter) heal(m Message) {
	h := m.Incident.LastHeal
	if h == nil {
		if m.Incident.Service != "" {
			l.add("No healer has touched it.")
		}
		return
	}
	l.add(healed(m.Incident, h))
	l.add(clean(h.Reason, maxSentence))
	if h.Command != "" {
		l.add("It ran " + clean(h.Command, maxSentence) + ", which " + exit(h.ExitCode) + after(h.Took) + ".")
	}
	if !h.Next.IsZero() && h.Next.After(m.At) {
		l.add("Next try at " + clock(h.Next, m.At, m.Zone) + ".")
	}
	l.Output = tail(h.Output)
}

func healed(in dialtone.Incident, h *dialtone.Heal) string {
	switch h.Outcome {
	case dialtone.HealRunning:
		return fmt.Sprintf("The healer's %s is running, %s.", h.Action, attempt(h))
	case dialtone.Healed:
		return fmt.Sprintf("The healer's %s worked, %s, but it broke again.", h.Action, attempt(h))
	case dialtone.HealParked:
		if in.Heals == 0 && h.Attempt == 0 {
			return "The healer has given up."
		}
		return fmt.Sprintf("The healer tried %s %s without success and has given up.", action(h), times(max(in.Heals, h.Attempt)))
	case dialtone.HealRefused:
		return fmt.Sprintf("The healer did not %s it.", action(h))
	case dialtone.HealFailed:
	}
	return fmt.Sprintf("The healer's %s did not help, %s.", action(h), attempt(h))
}

func action(h *dialtone.Heal) string {
	if h.Action == "" {
		return "repair"
	}
	return h.Action
}

func attempt(h *dialtone.Heal) string {
	text := "attempt " + strconv.Itoa(max(h.Attempt, 1))
	if h.Budget != "" {
		text += " (" + clean(h.Budget, maxTitle) + ")"
	}
	return text
}

func exit(code int) string {
	if code < 0 {
		return "did not end by itself"
	}
	return "ended with exit status " + strconv.Itoa(code)
}

func after(took time.Duration) string {
	if took <= 0 {
		return ""
	}
	return " after " + span(took)
}

func rule(in dialtone.Incident) string {
	switch {
	case in.Rule == "":
		return ""
	case in.RuleText == "":
		return "Rule " + clean(in.Rule, maxSentence) + "."
	}
	return "Rule " + clean(in.Rule, maxSentence) + ": " + clean(in.RuleText, maxSentence) + "."
}

func runbook(in dialtone.Incident) string {
	if in.Runbook == "" {
		return ""
	}
	return "Runbook: " + clean(in.Runbook, maxSentence)
}

func digest(m Message) Letter {
	broke, over := 0, 0
	l := Letter{Link: m.Link}
	for _, line := range m.Digest {
		word := clean(line.Incident.Title, maxTitle)
		if line.Kind == dialtone.NoticeResolved {
			over++
			word = subject(line.Incident) + " is well again"
		} else {
			broke++
		}
		if len(l.Items) < maxDigest {
			l.Items = append(l.Items, Item{Text: word, Link: line.Link})
		}
	}
	l.Title = fmt.Sprintf("%d incidents at once: %d broken, %d well again", broke+over, broke, over)
	l.add("So many came within a minute that they share this message.")
	if rest := len(m.Digest) - len(l.Items); rest > 0 {
		l.add(fmt.Sprintf("%d more are on the page.", rest))
	}
	return l
}

// tail is the end of a program's output, cut to what a telephone shows.
func tail(output string) string {
	lines := strings.Split(strings.TrimRight(output, " \t\r\n"), "\n")
	if len(lines) > maxOutputLines {
		lines = lines[len(lines)-maxOutputLines:]
	}
	for i, line := range lines {
		lines[i] = clean(line, maxOutputLine)
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// clean makes hostile text one harmless line: no control characters, no direction overrides, at most n bytes.
func clean(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.TrimSpace(text)
	if len(text) <= n {
		return text
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// clock is a time of day, with the date when it is not today's.
func clock(t, now time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	t, now = t.In(zone), now.In(zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05 MST")
	}
	return t.Format("2006-01-02 15:04:05 MST")
}

// span is a duration as people say it: "250 ms", "40 s", "12 min", "3 h 5 min", "2 d 4 h".
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second && d%time.Second != 0:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return pair(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return pair(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func pair(big int, bigUnit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", big, bigUnit)
	}
	return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
}

func times(n int) string {
	switch n {
	case 0, 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}
