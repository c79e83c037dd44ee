package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/checks/importer"
	"github.com/dialtone/dialtone/control"
)

const (
	importTimeout = 5 * time.Minute // of suggestions, for which many plugins are run

	pluginFolder  = "/etc/munin/plugins"
	pluginLibrary = "/usr/share/munin/plugins"
	nagiosFolder  = "/etc/nagios4"
)

const importUsage = `Usage: dialtone import munin [DIR] [OPTIONS]
       dialtone import nagios [DIR] [OPTIONS]

Writes a control file for what another monitoring system watches on this machine. Nothing of that system is changed.

  munin DIR     the folder of a munin-node's plugins (/etc/munin/plugins)
  nagios DIR    a folder with the *.cfg files of a Nagios or an NRPE, or one such file (/etc/nagios4)

`

// importOther writes a control file out of what another system has.
func importOther(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	from, args := firstWord(args)
	fs := newFlags("import", "", stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, importUsage)
		fs.VisitAll(func(f *flag.Flag) {
			value, text := flag.UnquoteUsage(f)
			fmt.Fprintf(stderr, "  -%-12s %s\n", f.Name+" "+value, text)
		})
	}
	output := fs.String("o", "", "write to `FILE` instead of standard output; one that is there is not written over")
	suggest := fs.Bool("suggest", false, "munin: also ask the plugins that are not installed whether they would work here, which runs them")
	library := fs.String("library", pluginLibrary, "munin: the `DIR` of plugins that can be suggested")
	resource := fs.String("resource", "", "nagios: the `FILE` that says what $USER1$ is, if it is not in DIR")
	dir, rest := firstWord(args)
	if err := fs.Parse(rest); err != nil {
		return flagStatus(err)
	}
	if dir == "" && fs.NArg() == 1 {
		dir = fs.Arg(0)
	} else if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "dialtone import: %q is one word too many\n", fs.Arg(0))
		return 2
	}
	var text []byte
	var err error
	switch from {
	case "munin":
		text, err = importMunin(ctx, dir, *library, *suggest)
	case "nagios":
		text, err = importNagios(dir, *resource)
	default:
		fs.Usage()
		return 2
	}
	if err == nil {
		err = deliver(text, *output, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "dialtone import %s: %v\n", from, err)
		return 1
	}
	return 0
}

// firstWord takes the first argument, unless it is an option.
func firstWord(args []string) (word string, rest []string) {
	if len(args) == 0 || args[0] == "" || args[0][0] == '-' {
		return "", args
	}
	return args[0], args[1:]
}

func importMunin(ctx context.Context, dir, library string, suggest bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	if dir == "" {
		dir = pluginFolder
	}
	if !suggest {
		library = ""
	}
	return importer.Munin{Plugins: dir, Library: library}.Write(ctx)
}

func importNagios(dir, resource string) ([]byte, error) {
	if dir == "" {
		dir = nagiosFolder
	}
	return importer.Nagios{Dir: dir, Resource: resource}.Write()
}

// deliver writes the file where it is wanted, once it is sure that an agent would take it. Commands of Nagios can hold passwords: the
// file is for its owner alone.
func deliver(text []byte, path string, stdout io.Writer) error {
	if _, err := control.Parse("imported", text, checks.Vocabulary()); err != nil {
		return fmt.Errorf("what was found makes no valid control file, which is an error of this program: %w", err)
	}
	if path == "" {
		_, err := stdout.Write(text)
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the control file: %w", err)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
