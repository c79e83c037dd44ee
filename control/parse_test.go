package control

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGoodFiles(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatalf("asking for the host name: %v", err)
	}
	for _, path := range glob(t, "testdata/good/*.conf") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Parse(filepath.Base(path), read(t, path), testVocabulary)
			if err != nil {
				t.Fatalf("a good file has errors:\n%v", err)
			}
			if s := f.Service(host); s != nil && s.Kind == "system" {
				s.Name = "$HOST of the test"
			}
			golden(t, strings.TrimSuffix(path, ".conf")+".ast", dump(f))
		})
	}
}

func TestBadFiles(t *testing.T) {
	for _, path := range glob(t, "testdata/bad/*.conf") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Parse(filepath.Base(path), read(t, path), testVocabulary)
			var all Errors
			if f != nil || !errors.As(err, &all) {
				t.Fatalf("got file %v and error %v, want Errors alone", f, err)
			}
			golden(t, strings.TrimSuffix(path, ".conf")+".err", all.Error()+"\n")
		})
	}
}

// TestEveryErrorHelps holds the errors of all bad files to what the reader is promised: a place, one line of message, no stutter.
func TestEveryErrorHelps(t *testing.T) {
	for _, path := range glob(t, "testdata/bad/*.conf") {
		_, err := Parse(path, read(t, path), testVocabulary)
		var all Errors
		if !errors.As(err, &all) {
			t.Fatalf("%s: got %v, want Errors", path, err)
		}
		for _, e := range all {
			if e.Pos.Line < 1 || e.Pos.Col < 1 || e.Message == "" || strings.Contains(e.Message, "\n") {
				t.Errorf("%s: place or message is missing or too long: %+v", path, e)
			}
			if e.Line != "" && e.caret > len([]rune(e.Line)) {
				t.Errorf("%s: the caret of %q stands at %d, behind the line", path, e.Line, e.caret)
			}
		}
	}
}

// TestEveryRowIsTried keeps the test files as wide as the grammar.
func TestEveryRowIsTried(t *testing.T) {
	var good strings.Builder
	for _, path := range glob(t, "testdata/*/*.conf") {
		good.WriteString(strings.ToLower(string(read(t, path))))
	}
	rows := [][]string{
		sortedKeys(grammar()), sortedKeys(settings), sortedKeys(kinds), sortedKeys(actions), sortedKeys(modes),
		sortedKeys(protocols), sortedKeys(connectionOptions), sortedKeys(testForms), sortedKeys(expectForms), sortedKeys(eventNames),
		sortedKeys(severities), sortedKeys(aloneActions), sortedKeys(rebootModes),
	}
	for _, words := range rows {
		for _, word := range words {
			if !strings.Contains(good.String(), word) {
				t.Errorf("no file under testdata has %q", word)
			}
		}
	}
	for word := range firstWords {
		if _, row := grammar()[word]; !row {
			t.Errorf("%q begins statements but is no row of the grammar", word)
		}
	}
	if len(firstWords) != len(grammar()) {
		t.Errorf("%d words begin statements, the grammar has %d rows", len(firstWords), len(grammar()))
	}
}

func TestDefaults(t *testing.T) {
	f, err := Parse("empty", nil, nil)
	if err != nil {
		t.Fatalf("an empty file has errors: %v", err)
	}
	want := &File{Path: "empty", Settings: Settings{Interval: 5 * time.Second}}
	if d := cmp.Diff(want, f); d != "" {
		t.Errorf("an empty file (-want +got):\n%s", d)
	}
}

func TestErrorsAreBounded(t *testing.T) {
	_, err := Parse("noise", []byte(strings.Repeat("set nonsense\n", 2*maxErrors)), nil)
	var all Errors
	if !errors.As(err, &all) || len(all) != maxErrors+1 {
		t.Fatalf("got %d errors, want %d", len(all), maxErrors+1)
	}
	if last := all[maxErrors].Message; !strings.Contains(last, "is this a control file") {
		t.Errorf("the last error says %q", last)
	}
}

// TestHostileSizes parses what would take for ever if any step looked at the rest of the text again and again.
func TestHostileSizes(t *testing.T) {
	const n = 200_000
	texts := map[string]string{
		"open brackets":     strings.Repeat("x {\n", n),
		"strings, one line": strings.Repeat(`"" `, n),
		"open strings":      strings.Repeat("'\n", n),
		"noise":             strings.Repeat("the ", n),
		"one long word":     strings.Repeat("x", n),
		"one long line":     "check process p with pidfile /p " + strings.Repeat("group g ", n),
		"a long loop":       longLoop(n / 10),
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = Parse("big", []byte(text), nil)
			}()
			select {
			case <-done:
			case <-time.After(time.Minute):
				t.Fatal("not parsed within a minute")
			}
		})
	}
}

// longLoop is a file of n services, each of which depends on the next, and the last on the first.
func longLoop(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "check process p%d with pidfile /p\n depends on p%d\n", i, (i+1)%n)
	}
	return b.String()
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading test data: %v", err)
	}
	return text
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatalf("writing golden file: %v", err)
		}
	}
	if d := cmp.Diff(string(read(t, path)), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}
