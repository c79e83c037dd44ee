// Command build bundles the TypeScript islands and uPlot into dashboards/web/dist, which the pages embed.
//
//	cd dashboards/web && npm ci && cd ../.. && go run ./dashboards/web/build
//
// It needs no Node: only the files that npm ci brought. Types are checked apart, by `npm run check`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	root := flag.String("root", "dashboards/web", "folder with src, node_modules and dist")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string) error {
	if _, err := os.Stat(filepath.Join(root, "node_modules", "uplot")); err != nil {
		return fmt.Errorf("bundling the islands: uPlot is missing; run npm ci in %s first", root)
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(root, "src", "islands.ts")},
		Outfile:           filepath.Join(root, "dist", "islands.js"),
		Bundle:            true,
		Write:             true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		LegalComments:     api.LegalCommentsEndOfFile,
	})
	errs := make([]error, 0, len(result.Errors))
	for _, m := range result.Errors {
		where := ""
		if m.Location != nil {
			where = fmt.Sprintf("%s:%d:%d: ", m.Location.File, m.Location.Line, m.Location.Column)
		}
		errs = append(errs, fmt.Errorf("%s%s", where, m.Text))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("bundling the islands: %w", err)
	}
	return nil
}
