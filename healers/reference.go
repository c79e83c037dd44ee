package healers

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the healers of docs/kinds.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n## Healers\nHow a service is started, stopped and restarted. The first kind that can does it.\n\n| healer | how |\n|---|---|\n")
	for _, k := range Kinds() {
		fmt.Fprintf(&b, "| %s | %s |\n", k.Name, k.Doc)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
