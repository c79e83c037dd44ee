package agentcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/dialtone/dialtone/control"
)

// Verify checks control files one after the other and says of each which of the two it is: usable, with a warning for each thing that
// this machine lacks, or refused, with every error. Its exit status is 1 when a file is refused.
func Verify(_ context.Context, args []string, stdout, stderr io.Writer) int {
	files := args
	if len(files) > 0 && (files[0] == "-h" || files[0] == "--help") {
		fmt.Fprint(stdout, verifyUsage)
		return exitOK
	}
	if len(files) == 0 {
		path, err := line{}.controlFile()
		if err != nil {
			fmt.Fprintf(stderr, "dialtone verify: %v\n", err)
			return exitUsage
		}
		files = []string{path}
	}
	status := exitOK
	for _, name := range files {
		if err := verify(name, stdout); err != nil {
			fmt.Fprintln(stderr, complaint(err))
			status = exitFailed
		}
	}
	return status
}

const verifyUsage = `Usage: dialtone verify [FILE…]

Checks each control file, with all that it includes, and changes nothing. Without
FILE it is the one that the agent would take.

A file that breaks the language is refused: every error is printed with its place,
and the exit status is 1. A file that is well written but names what this machine
lacks is usable: each such thing is a warning, the exit status is 0.
`

// verify reads one file and prints what it is. The error is that it is refused, and is printed by the caller.
func verify(name string, stdout io.Writer) error {
	path, err := filepath.Abs(name)
	if err != nil {
		return fmt.Errorf("finding %s: %w", name, err)
	}
	file, err := load(path)
	if errs, is := errors.AsType[control.Errors](err); is {
		fmt.Fprintf(stdout, "%s: refused, %s\n", name, counted(len(errs), "error"))
		return err
	}
	if err != nil {
		fmt.Fprintf(stdout, "%s: refused\n", name)
		return err
	}
	aside := 0
	for _, p := range file.Problems {
		if !p.Partial {
			aside++
		}
	}
	text := fmt.Sprintf("%s: usable, %s", name, counted(len(file.Services), "service"))
	if len(file.Problems) > 0 {
		text += fmt.Sprintf(", %s, %d set aside", counted(len(file.Problems), "warning"), aside)
	}
	fmt.Fprintln(stdout, text)
	printProblems(stdout, file)
	return nil
}

func printProblems(w io.Writer, file *control.File) {
	for _, p := range file.Problems {
		effect := "it is set aside until then"
		if p.Partial {
			effect = "the rest of it is watched"
		}
		about := p.Service + ": " + p.Why + "; " + effect
		if p.Service == "" {
			about = p.Why
		}
		fmt.Fprintf(w, "%s: warning: %s\n", p.Pos, about)
		if p.Mend != "" {
			fmt.Fprintf(w, "    %s\n", p.Mend)
		}
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
