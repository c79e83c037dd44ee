package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// TestSetAside: a service whose program is missing is unknown with the reason, the others are watched, and it is too from when the program
// is there.
func TestSetAside(t *testing.T) {
	program := filepath.Join(t.TempDir(), "probe")
	missing := &control.Service{Kind: "program", Name: "probe", Program: &control.Command{Argv: []string{program}}}
	orphan := &control.Service{Kind: "system", Name: "orphan", Problem: &control.Problem{Why: "it depends on x, which is not in this file"}}
	partial := &control.Service{Kind: "system", Name: "partial", Start: &control.Command{Argv: []string{program}}}
	watched := process("nginx")
	watched.Match = "nginx"
	written := file(watched, missing, orphan, partial)
	checks.Inspect(written)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("nginx", "probe", "orphan", "partial")
		a, end := begin(t, w.config(t, written))
		defer end()
		pass(6 * time.Second)
		want := func(name string, state dialtone.State, why string) {
			t.Helper()
			if s := a.service(name).seen.Load().status; s.State != state || !strings.Contains(s.Why, why) {
				t.Errorf("%s is %s: %q", name, s.State, s.Why)
			}
		}
		want("nginx", dialtone.OK, "")
		want("partial", dialtone.OK, "")
		want("probe", dialtone.Unknown, "set aside: program "+program+" not found; check its path")
		want("orphan", dialtone.Unknown, "set aside: it depends on x")
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		pass(6 * time.Second)
		want("probe", dialtone.OK, "")
		want("orphan", dialtone.Unknown, "set aside: it depends on x")
	})
}
