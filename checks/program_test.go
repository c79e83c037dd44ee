package checks

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/google/go-cmp/cmp"
)

func TestProgram(t *testing.T) {
	for _, test := range []struct {
		name   string
		result command.Result
		status float64
		why    string
		lines  []string
	}{
		{name: "well", result: command.Result{Output: "OK - 3 users\nmore\n"}, why: "OK - 3 users", lines: []string{"OK - 3 users", "more"}},
		{name: "silent"},
		{name: "fails", result: command.Result{ExitCode: 2}, status: 2, why: "it printed nothing"},
		{name: "too slow", result: command.Result{ExitCode: -1, TimedOut: true}, status: 124, why: "/bin/probe did not end within 5m0s and was killed"},
		{name: "killed", result: command.Result{ExitCode: -1}, status: 137, why: "/bin/probe was killed by a signal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &program{spec: &control.Service{Program: &control.Command{Argv: []string{"/bin/probe"}}}}
			p.run = func(context.Context, command.Spec) (command.Result, error) { return test.result, nil }
			r := run(t, p)
			if r.Values["status"] != test.status || r.Why != test.why || !cmp.Equal(r.Lines, test.lines) {
				t.Errorf("status %v, why %q, lines %q", r.Values["status"], r.Why, r.Lines)
			}
			wantDeclared(t, "program", r)
		})
	}
}

// TestRealProgram runs a script, and one that is not there.
func TestRealProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"given $1\"\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &control.Service{Program: &control.Command{Argv: []string{path, "word"}, Timeout: time.Minute}, Rules: rules(&control.Changed{Value: "content"})}
	r := run(t, newCheck(t, "program", s))
	if r.Values["status"] != 3 || r.Texts["content"] != "given word\n" {
		t.Errorf("seen as %+v", r)
	}
	missing := &control.Service{Program: &control.Command{Argv: []string{path + ".not"}}}
	if err := newCheck(t, "program", missing).Run(t.Context(), &Report{}); err == nil {
		t.Error("a missing program makes no error")
	}
	if _, err := New(&control.Service{Kind: "program", Name: "x"}); err == nil {
		t.Error("a program without path is accepted")
	}
}
