package agentcmd

import (
	"fmt"
	"io"
	"slices"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/healers"
)

const kindsUsage = `Usage: kinds [NAME …]

Prints what can be checked and healed, and the words that it adds to rules: all
kinds, or those named.
`

// WriteKinds prints the kinds of checks and healers from their own declarations: all, or those named. A name that no kind has is an
// error that lists the checks there are.
func WriteKinds(w io.Writer, names ...string) error {
	if len(names) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, names[0]) {
		_, err := fmt.Fprint(w, kindsUsage)
		return err
	}
	ofChecks := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return isHealer(name) && !isCheck(name) })
	if len(names) == 0 || len(ofChecks) > 0 {
		if err := checks.WriteReference(w, ofChecks...); err != nil {
			return err
		}
	}
	for _, k := range healers.Kinds() {
		if len(names) > 0 && !slices.Contains(names, k.Name) {
			continue
		}
		if _, err := fmt.Fprintf(w, "healer %s\n\n%s\n", k.Name, checks.Fold(k.Doc, "  ")); err != nil {
			return fmt.Errorf("writing the kinds of healers: %w", err)
		}
	}
	return nil
}

func isCheck(name string) bool {
	return slices.ContainsFunc(checks.Kinds(), func(k checks.Kind) bool { return k.Name == name })
}

func isHealer(name string) bool {
	return slices.ContainsFunc(healers.Kinds(), func(k healers.Kind) bool { return k.Name == name })
}
