package mail

import (
	"fmt"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// body is what a person reads at 3 am, in the order of their questions: what, since when, by which rule, what was tried, what now.
func (l letter) body(file *control.File, e dialtone.Event) string {
	var b strings.Builder
	b.WriteString(l.subject(e) + "\n")
	l.writeStory(&b, e)
	l.writeHeals(&b)
	l.writeAdvice(&b, file, e)
	b.WriteString("\n-- \ndialtone on " + e.Node + ", control file " + file.Path + "\n")
	if l.away != "" {
		b.WriteString("The collector out of reach is " + l.away + ": this mail comes from the node itself. When the collector is back it\n" +
			"hears of this too, and may page whoever it pages.\n")
	}
	return b.String()
}

// writeStory lists what happened, and why each was noticed.
func (l letter) writeStory(b *strings.Builder, e dialtone.Event) {
	m := l.matter
	told := m.Unsaid
	if len(told) == 0 {
		told = []dialtone.Event{*m.Broke}
	}
	b.WriteString("\n")
	for _, t := range told {
		fmt.Fprintf(b, "%s  %s\n", t.At.Local().Format(clock), indented(t.Why))
	}
	if l.stands() {
		fmt.Fprintf(b, "\nSince    %s\n", m.Broke.At.Local().Format(clock))
	}
	rule := e
	if rule.Rule == "" && m.Broke != nil {
		rule = *m.Broke
	}
	if rule.Rule != "" {
		fmt.Fprintf(b, "Rule     %s\n         %s\n", rule.Rule, oneLine(rule.RuleText))
	}
	if book := rule.Runbook; book != "" {
		fmt.Fprintf(b, "Runbook  %s\n", book)
	}
}

// writeHeals says what was done about it, with the end of what programs printed.
func (l letter) writeHeals(b *strings.Builder) {
	heals := l.matter.Heals
	if e := l.lead(); len(heals) == 0 && e.Heal != nil {
		heals = []dialtone.Heal{*e.Heal}
	}
	if len(heals) == 0 && len(l.matter.Notes) == 0 {
		return
	}
	b.WriteString("\nWhat was done\n")
	for _, h := range heals {
		writeHeal(b, h)
	}
	for _, note := range l.matter.Notes {
		b.WriteString("  " + indented(note) + "\n")
	}
}

func writeHeal(b *strings.Builder, h dialtone.Heal) {
	fmt.Fprintf(b, "  %s  %s", h.Started.Local().Format(clock), h.Action)
	if h.Attempt > 1 {
		fmt.Fprintf(b, ", attempt %d", h.Attempt)
	}
	switch h.Outcome {
	case dialtone.HealRunning:
		b.WriteString(": still at work")
	case dialtone.Healed:
		b.WriteString(": worked after " + spoken(h.Took))
	case dialtone.HealFailed:
		b.WriteString(": did not help: " + indented(h.Reason))
	case dialtone.HealRefused:
		b.WriteString(": not done: " + indented(h.Reason))
	case dialtone.HealParked:
		b.WriteString(": given up: " + indented(h.Reason))
	}
	b.WriteString("\n")
	if h.Command != "" {
		fmt.Fprintf(b, "      ran %s", indented(h.Command))
		if h.ExitCode >= 0 {
			fmt.Fprintf(b, ": exit status %d", h.ExitCode)
		}
		b.WriteString("\n")
	}
	for line := range strings.Lines(strings.TrimSpace(h.Output)) {
		b.WriteString("      | " + strings.TrimRight(line, "\r\n") + "\n")
	}
	if !h.Next.IsZero() {
		b.WriteString("      tried again at " + h.Next.Local().Format(clock) + "\n")
	}
}

// indented keeps the further lines of a text under its first.
func indented(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n      ")
}

// writeAdvice names the commands that a person needs next.
func (l letter) writeAdvice(b *strings.Builder, file *control.File, e dialtone.Event) {
	if e.Service == "" || !l.stands() {
		return
	}
	tell := "dialtone-agent -c " + file.Path
	b.WriteString("\nOn " + e.Node + "\n")
	for _, c := range []struct{ verb, use string }{
		{"status", "how it stands now"}, {"restart", "try again by hand"}, {"unmonitor", "leave it alone until `monitor`"},
	} {
		fmt.Fprintf(b, "  %s %-9s %s    %s\n", tell, c.verb, e.Service, c.use)
	}
	if n := len(l.matter.Heals); n > 0 && l.matter.Heals[n-1].Outcome == dialtone.HealParked {
		b.WriteString("It is left alone until its check passes by itself, or somebody orders one of these.\n")
	}
	if r := l.receiver.reminder; r > 0 {
		fmt.Fprintf(b, "The next reminder comes in %s.\n", spoken(max(r, time.Second)))
	}
}
