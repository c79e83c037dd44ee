package checks

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
)

// WriteReference writes what a terminal shows of the kinds named, or of all: what they look at, how to write them, and what can
// stand in an `if`. A name that is no kind is an error that lists those there are.
func WriteReference(w io.Writer, names ...string) error {
	for _, name := range names {
		if !slices.ContainsFunc(kinds, func(k Kind) bool { return k.Name == name }) {
			return fmt.Errorf("no kind of check is called %q; there are: %s", name, strings.Join(kindNames(), ", "))
		}
	}
	var b bytes.Buffer
	for _, k := range Kinds() {
		if len(names) == 0 || slices.Contains(names, k.Name) {
			k.writeText(&b)
		}
	}
	_, err := b.WriteTo(w)
	return err
}

func kindNames() []string {
	var all []string
	for _, k := range Kinds() {
		all = append(all, k.Name)
	}
	return all
}

func (k Kind) writeText(b *bytes.Buffer) {
	fmt.Fprintf(b, "check %s\n\n%s\n", k.Name, Fold(k.Doc, "  "))
	for line := range strings.Lines(k.Example) {
		b.WriteString("      " + line)
	}
	b.WriteByte('\n')
	for _, param := range k.Params {
		fmt.Fprintf(b, "  with %s\n%s", paramUsage(param), Fold(param.Help, "      "))
	}
	for _, v := range k.Values {
		fmt.Fprintf(b, "  %s\n%s", v.usage(), Fold(v.Help, "      "))
	}
	b.WriteByte('\n')
	if !k.Dials {
		return
	}
	b.WriteString("  failed port N protocol NAME\n")
	for _, p := range protocols.All() {
		fmt.Fprintf(b, "%s", Fold(p.Name+": "+p.Doc, "      "))
	}
	b.WriteByte('\n')
}

// paramUsage says how a parameter is written: "plugin PATH", or "config PATH (may be left out)".
func paramUsage(p control.Param) string {
	usage := p.Word + " " + strings.ToUpper(string(p.Type))
	if !p.Required {
		usage += " (may be left out)"
	}
	return usage
}

// usage says how a rule names a value, and in which unit: "memory, mem (percent)". What no rule can compare is looked at by
// `changed` or `failed` alone.
func (v Value) usage() string {
	switch {
	case v.Type == "":
		return "changed " + v.Name
	case len(v.Phrases) == 0:
		return v.Name + " (in graphs only)"
	case v.Unit == "count":
		return strings.Join(v.words(), ", ")
	}
	return fmt.Sprintf("%s (%s)", strings.Join(v.words(), ", "), v.Unit)
}

// words are the phrases of a value as a rule writes them: with the name that follows them, where one does.
func (v Value) words() []string {
	behind := ""
	switch {
	case v.Span:
		behind = " … in last N hours"
	case v.Argument != "":
		behind = " NAME"
	}
	all := make([]string, len(v.Phrases))
	for i, phrase := range v.Phrases {
		all[i] = phrase + behind
	}
	return all
}

// referenceWidth is what fits into a terminal of 100 columns with some air.
const referenceWidth = 96

// Fold breaks a paragraph into lines that fit into a terminal, each behind an indent and with its end.
func Fold(text, indent string) string {
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			b.WriteString(indent)
			used = len(indent)
		case used+1+length > referenceWidth:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += length
	}
	b.WriteByte('\n')
	return b.String()
}

// WriteMarkdown writes the checks of docs/kinds.md.
func WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Kinds of checks and healers\n\nWritten from the declarations in `checks/` and `healers/`; a test keeps it so. `dialtone kinds` prints the same.\n\n" +
		"A value that has a unit is a series as well, `dialtone_KIND_VALUE{service}`. Two values can share their words: the unit in the rule\n" +
		"says which is meant, `memory > 80%` or `memory > 2 GB`.\n")
	for _, k := range Kinds() {
		k.writeMarkdown(&b)
	}
	b.WriteString("\n## Connection tests\nFor `check process` and `check host`: `if failed [host HOST] port N [type tcp|udp] [protocol NAME] …`, or `if failed unixsocket PATH …`.\n\n| protocol | passes when |\n|---|---|\n")
	for _, p := range protocols.All() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.Name, p.Doc)
	}
	_, err := b.WriteTo(w)
	return err
}

func (k Kind) writeMarkdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## check %s\n%s\n\n```\n%s```\n", k.Name, k.Doc, k.Example)
	if len(k.Params) > 0 {
		b.WriteString("\n| parameter | what it is |\n|---|---|\n")
	}
	for _, p := range k.Params {
		fmt.Fprintf(b, "| `with %s` | %s |\n", paramUsage(p), p.Help)
	}
	b.WriteString("\n| in a rule | unit | value | what it is |\n|---|---|---|---|\n")
	for _, v := range k.Values {
		words := "(graphs only)"
		switch {
		case v.Type == "":
			words = "`changed " + v.Name + "`"
		case len(v.Phrases) > 0:
			words = "`" + strings.Join(v.words(), "`, `") + "`"
		}
		fmt.Fprintf(b, "| %s | %s | `%s` | %s |\n", words, strings.ReplaceAll(v.Unit, "_", " "), v.Name, v.Help)
	}
}
