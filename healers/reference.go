package healers

import (
	"fmt"
	"io"
	"strings"
)

// can names the verbs of a kind.
func (k Kind) can() string {
	var verbs []string
	for _, v := range k.Verbs {
		verbs = append(verbs, "`"+string(v)+"`")
	}
	return strings.Join(verbs, ", ")
}

// WriteMarkdown writes the healers of docs/kinds.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n## Healers\nHow a service is started, stopped and restarted. The first kind that can does it. What a kind can do is also what `then heal NAME` may name.\n\n| healer | can | how |\n|---|---|---|\n")
	for _, k := range Kinds() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", k.Name, k.can(), k.Doc)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
