package agentcmd

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/healers"
)

// WriteKinds prints the kinds of checks and healers from their own declarations: all, or those named. A name that no kind has is an error.
func WriteKinds(w io.Writer, names ...string) error {
	known := map[string]bool{}
	for _, k := range checks.Kinds() {
		known[k.Name] = true
		if wanted(k.Name, names) {
			writeCheck(w, k)
		}
	}
	for _, k := range healers.Kinds() {
		known[k.Name] = true
		if wanted(k.Name, names) {
			fmt.Fprintf(w, "healer %s\n%s\n\n", k.Name, paragraph(k.Doc, "  "))
		}
	}
	for _, name := range names {
		if !known[name] {
			return fmt.Errorf("no kind %q; without a name all are printed", name)
		}
	}
	return nil
}

func wanted(name string, names []string) bool { return len(names) == 0 || slices.Contains(names, name) }

// writeCheck prints a kind, and each value with the words that name it in rules.
func writeCheck(w io.Writer, k checks.Kind) {
	fmt.Fprintf(w, "check %s\n%s\n", k.Name, paragraph(k.Doc, "  "))
	for _, v := range k.Values {
		in := "not in rules"
		if len(v.Phrases) > 0 {
			in = "if " + strings.Join(v.Phrases, ", ")
		}
		if v.Unit != "" {
			in += " (" + strings.ReplaceAll(v.Unit, "_", " ") + ")"
		}
		fmt.Fprintf(w, "\n  %s: %s\n%s\n", v.Name, in, paragraph(v.Help, "      "))
	}
	fmt.Fprintln(w)
}

// paragraph folds text to the width of a terminal.
func paragraph(text, indent string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(indent+line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, indent+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, indent+line), "\n")
}
