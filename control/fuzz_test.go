package control

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds for any text: no panic, the same result twice, every place within the text, and no service that nothing
// identifies or rule that tests nothing.
func FuzzParse(f *testing.F) {
	for _, path := range glob(f, "testdata/*/*.conf") {
		f.Add(string(read(f, path)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("fuzz", []byte(text), testVocabulary)
		again, errAgain := Parse("fuzz", []byte(text), testVocabulary)
		if d := cmp.Diff(file, again); d != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("two results of one text: %v, %v\n%s", err, errAgain, d)
		}
		lines := strings.Split(text, "\n")
		if err != nil {
			checkErrors(t, err, lines)
			return
		}
		for _, s := range file.Services {
			checkService(t, s, lines)
		}
	})
}

func checkErrors(t *testing.T, err error, lines []string) {
	t.Helper()
	var all Errors
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("got %v, want Errors", err)
	}
	for _, e := range all {
		within(t, e.Pos, lines)
		if e.caret > utf8.RuneCountInString(e.Line) {
			t.Fatalf("the caret stands behind the line: %+v", e)
		}
		if strings.ContainsAny(e.Message+e.Hint+e.Line, "\n\x1b\x00") {
			t.Fatalf("an error has control characters: %+q", e)
		}
	}
}

func checkService(t *testing.T, s *Service, lines []string) {
	t.Helper()
	within(t, s.Pos, lines)
	if s.Name == "" || s.Kind == "" {
		t.Fatalf("a service without name or kind: %+v", s)
	}
	if s.Program != nil && !filepath.IsAbs(s.Program.Argv[0]) {
		t.Fatalf("a program without absolute path: %+v", s.Program)
	}
	for _, c := range []*Command{s.Start, s.Stop, s.Restart, s.Program} {
		checkCommand(t, c, lines)
	}
	for _, r := range s.Rules {
		within(t, r.Pos, lines)
		checkCommand(t, r.Then.Exec, lines)
		if r.Test == nil || r.Then.Kind == "" || strings.Contains(r.Text, "\n") || !strings.EqualFold(r.Text[:2], "if") {
			t.Fatalf("a rule without test, action or text: %+v", r)
		}
		if w := r.Window; w.Count > w.Cycles || w.Cycles > 64 || w.For < 0 || w.For > 0 && w.Count > 0 {
			t.Fatalf("an impossible window: %+v", r)
		}
		checkTest(t, r.Test)
	}
}

// checkTest holds what those who judge tests rely on: expressions compile, and what is needed is there.
func checkTest(t *testing.T, test Test) {
	t.Helper()
	var patterns []string
	switch test := test.(type) {
	case *Connection:
		if (test.Port == 0) == (test.UnixSocket == "") || test.Network != "tcp" && test.Network != "udp" {
			t.Fatalf("a connection to nowhere: %+v", test)
		}
		patterns = append(patterns, test.HTTP.Content)
		for _, e := range test.Script {
			patterns = append(patterns, e.Expect)
		}
	case *Content:
		if (test.File == "") == (len(test.Patterns) == 0) {
			t.Fatalf("content of nothing: %+v", test)
		}
		patterns = test.Patterns
	case *Compare:
		if test.Value == "" || test.Op == "" {
			t.Fatalf("a comparison of nothing: %+v", test)
		}
	}
	for _, p := range patterns {
		if _, err := regexp.Compile(p); err != nil {
			t.Fatalf("expression %q: %v", p, err)
		}
	}
}

func checkCommand(t *testing.T, c *Command, lines []string) {
	t.Helper()
	if c == nil {
		return
	}
	within(t, c.Pos, lines)
	if len(c.Argv) == 0 || c.Argv[0] == "" && !strings.ContainsAny(c.Text, `"'`) {
		t.Fatalf("a command of nothing: %+v", c)
	}
}

// within accepts the place behind the last character, where something is missing.
func within(t *testing.T, p Position, lines []string) {
	t.Helper()
	if p.Line < 1 || p.Line > len(lines) || p.Col < 1 || p.Col > utf8.RuneCountInString(lines[p.Line-1])+1 {
		t.Fatalf("place %s is not in the text of %d lines", p, len(lines))
	}
}

func BenchmarkParse10000Lines(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, `check process service-%d with pidfile /run/service-%d.pid
    start program = "/usr/bin/systemctl start service-%d" with timeout 60 seconds
    stop program  = "/usr/bin/systemctl stop service-%d"
    if cpu usage > 80%% for 5 cycles then alert
    if total memory > 500 MB for 3 times within 5 cycles then restart
    if failed host 127.0.0.1 port 8080 protocol http
        with request "/health" and status = 200
        for 2 cycles then restart
    if 3 restarts within 10 cycles then unmonitor
    group web
`, i, i, i, i)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("bench", []byte(text.String()), testVocabulary); err != nil {
			b.Fatalf("parsing: %v", err)
		}
	}
}
