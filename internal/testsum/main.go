// Command testsum reads the output of go test -json and prints what a person wants of it: the output of what failed, why tests were
// skipped, the closing line of every package as go test words it, and how many tests passed, failed and were skipped.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	ok, err := summarize(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum: reading the test output:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// event is one line of go test -json; see go doc test2json. Build output has ImportPath instead of Package.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

type summary struct {
	out                     io.Writer
	output                  map[string]*strings.Builder // of the test or package that still runs
	closing                 map[string]string           // package -> "ok  \tpath\t1.2s"
	skips                   map[string][]string         // reason -> tests
	passed, failed, skipped int
	broken                  bool // a package failed, be it without a test
}

// summarize reports whether nothing failed.
func summarize(in io.Reader, out io.Writer) (bool, error) {
	s := &summary{out: out, output: map[string]*strings.Builder{}, closing: map[string]string{}, skips: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if !bytes.HasPrefix(lines.Bytes(), []byte("{")) || json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text()) // the go command itself speaks
			continue
		}
		s.take(e)
	}
	s.print()
	return s.failed == 0 && !s.broken, lines.Err()
}

func (s *summary) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "build-fail":
		s.broken = true
	case "output":
		s.keep(key, e)
	case "pass", "fail", "skip":
		s.end(key, e)
	}
}

func (s *summary) keep(key string, e event) {
	b := s.output[key]
	if b == nil {
		b = &strings.Builder{}
		s.output[key] = b
	}
	b.WriteString(e.Output)
	for _, start := range []string{"ok  \t", "FAIL\t", "?   \t"} {
		if e.Test == "" && strings.HasPrefix(e.Output, start) {
			s.closing[e.Package] = e.Output
		}
	}
}

func (s *summary) end(key string, e event) {
	text := ""
	if b := s.output[key]; b != nil {
		text = b.String()
	}
	delete(s.output, key)
	if e.Action == "fail" {
		fmt.Fprint(s.out, text)
		s.broken = true
	}
	if e.Test == "" {
		if e.Action != "fail" { // it stands in the output that was just printed
			fmt.Fprint(s.out, s.closing[e.Package])
		}
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
	case "skip":
		s.skipped++
		s.skips[reason(text)] = append(s.skips[reason(text)], e.Test)
	}
}

// reason is what the test said before it was skipped, without the file and line.
func reason(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return text
		}
	}
	return "no reason given"
}

func (s *summary) print() {
	for _, why := range slices.Sorted(maps.Keys(s.skips)) {
		fmt.Fprintf(s.out, "skipped %s: %s\n", strings.Join(s.skips[why], ", "), why)
	}
	for _, pkg := range slices.Sorted(maps.Keys(s.output)) {
		fmt.Fprintf(s.out, "%s did not end\n", strings.TrimSpace(pkg))
		s.broken = true
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}
