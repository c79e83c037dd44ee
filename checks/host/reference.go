package host

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes docs/metrics.md.
func WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Metrics of the machine\n\nWritten from the declarations in `checks/host`; a test keeps it so. Names, labels and meaning are those of Prometheus' node_exporter,\n" +
		"so its dashboards and rules fit; every series has `instance`, the node, and `job=\"node\"` besides. A family appears where the kernel\n" +
		"has it. The values of services are in [kinds.md](kinds.md).\n\n| family | type | labels | what it is |\n|---|---|---|---|\n")
	for _, f := range Families() {
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, labels, f.Help)
	}
	_, err := b.WriteTo(w)
	return err
}
