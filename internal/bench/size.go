package main

import (
	"context"
	"fmt"
	"os"
)

// sizes prints how large the binaries are.
func sizes(_ context.Context, b *bench) error {
	rows := [][]string{{"binary", "MiB"}}
	for _, path := range []struct{ name, file string }{{"dialtone", b.dialtone}, {"dialtone-agent", b.agent}} {
		info, err := os.Stat(path.file)
		if err != nil {
			return fmt.Errorf("%w; make build makes it", err)
		}
		rows = append(rows, []string{path.name, fmt.Sprintf("%.1f", float64(info.Size())/(1<<20))})
	}
	fmt.Fprintf(b.out, "%s", table(rows))
	return nil
}
