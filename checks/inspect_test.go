package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/control"
)

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	there, plain, patterns := filepath.Join(dir, "there"), filepath.Join(dir, "plain"), filepath.Join(dir, "patterns")
	if err := os.WriteFile(there, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, plain, "no program")
	writeFile(t, patterns, "((\n")
	run := func(path string) *control.Command { return &control.Command{Argv: []string{path}} }
	exec := func(path string) []*control.Rule {
		return []*control.Rule{{Test: &control.Exist{Wanted: true}, Then: control.Action{Kind: control.Drain, Next: &control.Action{Kind: control.Exec, Exec: run(path)}}}}
	}
	for _, test := range []struct {
		name    string
		service control.Service
		partial bool
		want    []string
	}{
		{"nothing", control.Service{Kind: "file", Path: plain, Start: run(there)}, true, nil},
		{"program", control.Service{Kind: "program", Program: run(dir + "/none")}, false, []string{"program " + dir + "/none not found"}},
		{"not executable", control.Service{Kind: "program", Program: run(plain)}, false, []string{"program " + plain + " is not executable"}},
		{"user of the program", control.Service{Kind: "program", Program: &control.Command{Argv: []string{there}, UID: "no_such_user", GID: "no_such_group"}}, false, []string{"user no_such_user not found, group no_such_group not found"}},
		{"start", control.Service{Kind: "file", Path: plain, Start: run(dir + "/none"), Stop: run(dir + "/none")}, true, []string{"program " + dir + "/none not found"}},
		{"exec", control.Service{Kind: "file", Path: plain, Rules: exec(dir)}, true, []string{"program " + dir + " is a folder"}},
		{"else", control.Service{Kind: "file", Path: plain, Rules: []*control.Rule{{Test: &control.Exist{}, Else: &control.Recovery{Then: control.Action{Exec: run("/none")}}}}}, true, []string{"program /none not found"}},
		{"limit", control.Service{Kind: "file", Path: plain, Limits: []*control.RestartLimit{{Then: control.Action{Exec: run("/none")}}}}, true, []string{"program /none not found"}},
		{"owner", control.Service{Kind: "file", Path: plain, Rules: rules(&control.Expect{Value: "uid", Want: "no_such_user"}, &control.Expect{Value: "gid", Want: "4000000000"})}, true, []string{"user no_such_user not found"}},
		{"checksum", control.Service{Kind: "file", Path: dir + "/none", Rules: rules(&control.Expect{Value: "checksum", First: true})}, true, []string{dir + "/none does not exist, so that its checksum is not known yet"}},
		{"expressions", control.Service{Kind: "file", Path: plain, Rules: rules(&control.Content{File: patterns}), IgnoreContent: []*control.Content{{File: "/none"}}}, true, []string{patterns + ":1: error parsing regexp: missing closing ): `((`", "reading expressions: open /none: no such file or directory"}},
		{"interface", control.Service{Kind: "network", Interface: "none7"}, true, []string{"there is no interface none7"}},
		{"parameters", control.Service{Kind: "network", Address: "localhost"}, false, []string{`check network parameters: "localhost" is no IP address`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.service
			s.Name, s.Pos = test.name, control.Position{File: "dialtone.conf", Line: 3, Col: 1}
			f := &control.File{Services: []*control.Service{&s}}
			Inspect(f)
			var got []string
			for _, p := range f.Problems {
				got = append(got, p.Why)
				if p.Partial != test.partial || p.Service != test.name {
					t.Errorf("%+v", p)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if aside := Unable(&s) != nil; (s.Problem != nil) != (test.want != nil) || aside != (test.want != nil && !test.partial) {
				t.Errorf("the service's own problem is %+v, set aside %t", s.Problem, aside)
			}
		})
	}
}

// TestInspectTellsTheGravest: what sets a service aside wins over what does not, and over nothing that was known before.
func TestInspectTellsTheGravest(t *testing.T) {
	s := &control.Service{
		Kind: "program", Name: "probe", Program: &control.Command{Argv: []string{"/none"}},
		Start: &control.Command{Argv: []string{"/none/either"}}, Problem: &control.Problem{Why: "known before", Partial: true},
	}
	f := &control.File{Services: []*control.Service{s}, Problems: []*control.Problem{s.Problem}}
	Inspect(f)
	if len(f.Problems) != 3 || s.Problem.Partial || !strings.Contains(s.Problem.Why, "/none not found") {
		t.Errorf("%v, first of all %v", f.Problems, s.Problem)
	}
}

// TestInspectDoesNotHang: a program on a mount whose server is gone is a warning, and the agent starts.
func TestInspectDoesNotHang(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs)
	machine := newInspector()
	machine.runnable = func(path string) error {
		if path == "/net/probe" {
			<-hangs
		}
		return nil
	}
	service := func(name, path string) *control.Service {
		return &control.Service{Kind: "program", Name: name, Program: &control.Command{Argv: []string{path}}}
	}
	f := &control.File{Services: []*control.Service{service("a", "/bin/a"), service("b", "/net/probe"), service("c", "/bin/c")}}
	inspect(f, machine, 50*time.Millisecond)
	if len(f.Problems) != 1 || f.Problems[0].Service != "b" || !f.Problems[0].Partial || f.Services[2].Problem != nil {
		t.Errorf("%v", f.Problems)
	}
}

// TestInspectIsQuick: ten thousand lines are verified in a second.
func TestInspectIsQuick(t *testing.T) {
	f := &control.File{}
	for i := range 3000 {
		path := fmt.Sprintf("/no/such/program%d", i)
		f.Services = append(f.Services, &control.Service{
			Kind: "file", Name: path, Path: path, Start: &control.Command{Argv: []string{path}, UID: "nobody"}, Stop: &control.Command{Argv: []string{path}, UID: "root"},
		})
	}
	began := time.Now()
	Inspect(f)
	if took := time.Since(began); took > 2*time.Second || len(f.Problems) != 3000 {
		t.Errorf("%d problems in %s", len(f.Problems), took)
	}
}

func TestInspectWarnsOfPasswordsInClearText(t *testing.T) {
	c := &control.Connection{Port: 25, Protocol: "smtp", Username: "u", Password: "secret"}
	f := &control.File{Services: []*control.Service{{Kind: "host", Name: "mail", Address: "192.0.2.1", Rules: rules(c)}}}
	Inspect(f)
	if len(f.Problems) != 1 || !f.Problems[0].Partial || !strings.Contains(f.Problems[0].Why, "clear text, by protocol smtp") {
		t.Errorf("problems %v", f.Problems)
	}
}
