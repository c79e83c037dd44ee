package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// newFlags makes the options of a command, whose help begins with what the command does.
func newFlags(name, does string, out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("dialtone "+name, flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() {
		fmt.Fprintf(out, "Usage: dialtone %s [OPTIONS]\n\n%s\n\n", name, does)
		fs.VisitAll(func(f *flag.Flag) {
			value, text := flag.UnquoteUsage(f)
			option := strings.TrimSpace("--" + f.Name + " " + strings.ToUpper(value))
			if f.DefValue != "" && f.DefValue != "false" {
				text += " (" + f.DefValue + ")"
			}
			fmt.Fprintf(out, "  %-22s %s\n", option, text)
		})
	}
	return fs
}

// flagStatus is the exit status for options that were not understood, or for -h.
func flagStatus(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	return 2
}
