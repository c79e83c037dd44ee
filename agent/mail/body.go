package mail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// body is what a person reads at 3 am, in the order of their questions: what, since when, what was tried, by which rule, what now.
func (l letter) body(file *control.File, e dialtone.Event) string {
	var b strings.Builder
	b.WriteString(l.subject(e) + "\n\n")
	for _, m := range l.story() {
		fmt.Fprintf(&b, "%s  %s\n", l.clock(m.at), m.text)
	}
	b.WriteString("\n")
	l.writeFacts(&b, e)
	l.writeAdvice(&b, file, e)
	b.WriteString("\n-- \ndialtone on " + e.Node + ", control file " + file.Path + "\n")
	if l.away != "" {
		b.WriteString("The collector " + l.away + " is out of reach: this mail\ncomes from the node itself. When the collector is back it hears of this too, and may\npage whoever it pages.\n")
	}
	return b.String()
}

// moment is one line of a story, and the lines that belong to it.
type moment struct {
	at   time.Time
	text string
}

// story is what happened, in the order of time: events, heals and what else was done.
func (l letter) story() []moment {
	m := l.matter
	told := m.Unsaid
	if m.Broke != nil && !slices.ContainsFunc(told, func(e dialtone.Event) bool { return e.ID == m.Broke.ID }) {
		told = slices.Concat([]dialtone.Event{*m.Broke}, told)
	}
	var all []moment
	for _, e := range told {
		if e.Heal == nil {
			all = append(all, moment{e.At, indented(e.Why)})
		} else if !slices.ContainsFunc(m.Heals, func(h dialtone.Heal) bool { return h.ID == e.Heal.ID }) {
			all = append(all, l.healed(*e.Heal))
		}
	}
	for _, h := range m.Heals {
		all = append(all, l.healed(h))
	}
	for _, n := range m.Notes {
		all = append(all, moment{n.At, indented(n.Text)})
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	return all
}

// healed says what a heal did and what came of it, with the end of what its program printed.
func (l letter) healed(h dialtone.Heal) moment {
	var b strings.Builder
	b.WriteString(h.Action)
	if h.Attempt > 1 {
		fmt.Fprintf(&b, ", attempt %d", h.Attempt)
	}
	switch h.Outcome {
	case dialtone.HealRunning:
		b.WriteString(" is still at work")
	case dialtone.Healed:
		b.WriteString(" worked after " + spoken(h.Took))
	case dialtone.HealFailed:
		b.WriteString(" did not help: " + indented(h.Reason))
	case dialtone.HealRefused:
		b.WriteString(" was not done: " + indented(h.Reason))
	case dialtone.HealParked:
		b.WriteString(" was given up: " + indented(h.Reason))
	}
	if h.Command != "" {
		b.WriteString("\n    " + indented(h.Command))
		if h.ExitCode >= 0 {
			fmt.Fprintf(&b, ": exit status %d", h.ExitCode)
		}
	}
	for line := range strings.Lines(strings.TrimSpace(h.Output)) {
		b.WriteString("\n    | " + strings.TrimRight(line, "\r\n"))
	}
	if !h.Next.IsZero() {
		b.WriteString("\n    tried again at " + l.clock(h.Next))
	}
	return moment{h.Started, b.String()}
}

// clock is a time of the letter's day, or a full one.
func (l letter) clock(t time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) == l.at.Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// writeFacts says since when, by which rule, and what people have written about it.
func (l letter) writeFacts(b *strings.Builder, e dialtone.Event) {
	since, label := e.At, "At"
	if broke := l.matter.Broke; broke != nil {
		since, label = broke.At, "Since"
		if e.Rule == "" {
			e.Rule, e.RuleText, e.Runbook = broke.Rule, broke.RuleText, broke.Runbook
		}
	}
	if l.matter.Over != nil {
		label = "Broke"
	}
	fmt.Fprintf(b, "%-8s %s\n", label, zoned(since))
	if e.Rule != "" {
		fmt.Fprintf(b, "Rule     %s\n", e.Rule)
		if e.RuleText != "" { // a death is seen by no rule
			fmt.Fprintf(b, "         %s\n", oneLine(e.RuleText))
		}
	}
	if e.Runbook != "" {
		fmt.Fprintf(b, "Runbook  %s\n", e.Runbook)
	}
	if r := l.receiver.reminder; r > 0 && l.stands() {
		fmt.Fprintf(b, "Again    in %s, unless it is mended\n", spoken(max(r, time.Second)))
	}
}

// zoned is a time on the node's clock, and in UTC where that differs: its reader may be elsewhere.
func zoned(t time.Time) string {
	text := t.Local().Format("Mon 2 Jan 2006 15:04:05 MST")
	if _, offset := t.Local().Zone(); offset != 0 {
		text += " (" + t.UTC().Format(time.TimeOnly) + " UTC)"
	}
	return text
}

// indented keeps the further lines of a text under its first.
func indented(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ")
}

// writeAdvice names the commands that a person needs next, to be copied whole.
func (l letter) writeAdvice(b *strings.Builder, file *control.File, e dialtone.Event) {
	if e.Service == "" || !l.stands() {
		return
	}
	b.WriteString("\nOn " + e.Node + "\n")
	for _, verb := range []string{"status", "restart", "unmonitor"} {
		if verb == "restart" && !restartable(file, e.Service) {
			continue
		}
		fmt.Fprintf(b, "  dialtone-agent -c %s %s %s\n", file.Path, verb, e.Service)
	}
	if n := len(l.matter.Heals); n > 0 && l.matter.Heals[n-1].Outcome == dialtone.HealParked {
		b.WriteString("It is left alone until its check passes by itself or somebody orders something.\n")
	}
	fmt.Fprintf(b, "`unmonitor` silences it until `monitor %s`.\n", e.Service)
}

// restartable reports whether the control file names a way to restart a service.
func restartable(file *control.File, name string) bool {
	for _, s := range file.Services {
		if s.Name == name {
			_, err := healers.Plan(s, control.Restart, true)
			return err == nil
		}
	}
	return false
}
