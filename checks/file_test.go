package checks

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func newCheck(t *testing.T, kind string, s *control.Service) Check {
	t.Helper()
	s.Kind, s.Name = kind, "under test"
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rules(tests ...control.Test) []*control.Rule {
	var all []*control.Rule
	for _, test := range tests {
		all = append(all, &control.Rule{Test: test})
	}
	return all
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	c := newCheck(t, "file", &control.Service{Path: path, Rules: rules(&control.Expect{Value: "uid", Want: ownName(t)})})
	wantExistence(t, run(t, c), "does not exist")

	writeFile(t, path, "hello")
	then := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
	r := run(t, c)
	if age := r.Values["age_seconds"]; r.Existence != Present || r.Values["size_bytes"] != 5 || age < 3600 || age > 7200 {
		t.Errorf("seen as %+v", r)
	}
	if age := r.Values["timestamp_age_seconds"]; age > 3000 || r.Values["hardlinks"] != 1 {
		t.Errorf("its owner or mode changed %v s ago", age)
	}
	want := map[string]string{"permission": "600", "uid": ownName(t), "gid": strconv.Itoa(os.Getgid()), "age_seconds": then.UTC().Format(time.RFC3339Nano)}
	for name, text := range want {
		if r.Texts[name] != text {
			t.Errorf("%s is %q, wanted %q", name, r.Texts[name], text)
		}
	}
	wantDeclared(t, "file", r)
}

func ownName(t *testing.T) string {
	t.Helper()
	own, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return own.Username
}

func TestFileOfOtherType(t *testing.T) {
	dir := t.TempDir()
	wantExistence(t, run(t, newCheck(t, "file", &control.Service{Path: dir})), "is a directory")
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	wantExistence(t, run(t, newCheck(t, "file", &control.Service{Path: fifo})), "is a FIFO, not a file")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	looks := rules(&control.Content{Patterns: []string{"x"}}, &control.Changed{Value: "checksum"})
	wantExistence(t, run(t, newCheck(t, "file", &control.Service{Path: filepath.Join(dir, "socket"), Rules: looks})), "")
	wantExistence(t, run(t, newCheck(t, "file", &control.Service{Path: fifo + "/below"})), "does not exist")
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	r := run(t, newCheck(t, "directory", &control.Service{Path: dir}))
	wantExistence(t, r, "")
	wantDeclared(t, "directory", r)
	path := filepath.Join(dir, "file")
	wantExistence(t, run(t, newCheck(t, "directory", &control.Service{Path: path})), "does not exist")
	writeFile(t, path, "")
	wantExistence(t, run(t, newCheck(t, "directory", &control.Service{Path: path})), "is a regular file, not a directory")
}

func TestFifo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	c := newCheck(t, "fifo", &control.Service{Path: path})
	wantExistence(t, run(t, c), "does not exist")
	writeFile(t, path, "")
	wantExistence(t, run(t, c), "is a regular file, not a FIFO")
	if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	r := run(t, c)
	if r.Existence != Present || r.Texts["permission"] != "640" {
		t.Errorf("seen as %+v", r)
	}
	wantDeclared(t, "fifo", r)
}

// TestChangedTimes: each of the times is a text of its own, for `if changed ctime`.
func TestChangedTimes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	writeFile(t, path, "x")
	c := newCheck(t, "file", &control.Service{Path: path})
	before := run(t, c).Texts
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, then, time.Time{}); err != nil { // the time of access alone
		t.Fatal(err)
	}
	after := run(t, c).Texts
	if before["access_age_seconds"] == after["access_age_seconds"] || before["age_seconds"] != after["age_seconds"] {
		t.Errorf("before %v, after %v", before, after)
	}
}

func TestChecksum(t *testing.T) {
	text := []byte("the content")
	path := filepath.Join(t.TempDir(), "f")
	writeFile(t, path, string(text))
	sums := map[string]string{}
	for name, sum := range map[string][]byte{"md5": sliceOf(md5.Sum(text)), "sha1": sliceOf(sha1.Sum(text)), "sha256": sliceOf(sha256.Sum256(text))} {
		sums[name] = hex.EncodeToString(sum)
		r := run(t, newCheck(t, "file", &control.Service{Path: path, Rules: rules(&control.Expect{Value: "checksum", Want: sums[name]})}))
		if r.Texts["checksum"] != sums[name] {
			t.Errorf("%s is %s, wanted %s", name, r.Texts["checksum"], sums[name])
		}
	}
	both := run(t, newCheck(t, "file", &control.Service{Path: path, Rules: rules(
		&control.Expect{Value: "checksum", First: true, Algorithm: "sha1"}, &control.Expect{Value: "checksum", Want: sums["md5"]},
	)}))
	if both.Texts["checksum/sha1"] != sums["sha1"] || both.Texts["checksum/md5"] != sums["md5"] {
		t.Errorf("two that are asked for: %v", both.Texts)
	}
	wantDeclared(t, "file", both)
	c := newCheck(t, "file", &control.Service{Path: path, Rules: rules(&control.Changed{Value: "checksum"})})
	if r := run(t, c); r.Texts["checksum"] != sums["sha256"] {
		t.Errorf("without one expected: %s", r.Texts["checksum"])
	}
	writeFile(t, path, "THE content")
	if r := run(t, c); r.Texts["checksum"] == sums["sha256"] {
		t.Error("a change of the same length, in the same second, goes unseen")
	}
	if r := run(t, newCheck(t, "file", &control.Service{Path: path})); r.Texts["checksum"] != "" {
		t.Error("a checksum that nobody wants is computed")
	}
}

func sliceOf[A [16]byte | [20]byte | [32]byte](a A) []byte {
	var s []byte
	for i := range len(a) {
		s = append(s, a[i])
	}
	return s
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	writeFile(t, path, "written before anybody looked\n")
	const longest = 4096
	all := rules(&control.Content{Patterns: []string{""}})
	c := newCheck(t, "file", &control.Service{Path: path, Rules: all, Bounds: control.Limits{FileContentBuffer: longest}})
	steps := []struct {
		name string
		do   func()
		want []string
	}{
		{"the first look starts at the end", func() {}, nil},
		{"complete lines", func() { appendTo(t, path, "one\r\ntwo\nthr") }, []string{"one", "two"}},
		{"the rest of a line", func() { appendTo(t, path, "ee\n") }, []string{"three"}},
		{"nothing new", func() {}, nil},
		{"a line without end", func() { appendTo(t, path, strings.Repeat("x", longest+10)) }, nil},
		{"its end", func() { appendTo(t, path, "tail\nfour\n") }, []string{strings.Repeat("x", longest), "four"}},
		{"rotated: the rest of the old one, and the new one", func() {
			appendTo(t, path, "last of the old\n")
			rename(t, path, path+".1")
			writeFile(t, path, "first of the new\n")
		}, []string{"last of the old", "first of the new"}},
		{"truncated", func() { writeFile(t, path, "anew\n") }, []string{"anew"}},
		{"gone for a while", func() { rename(t, path, path+".2") }, nil},
		{"and back", func() { writeFile(t, path, "back\n") }, []string{"back"}},
	}
	for _, step := range steps {
		step.do()
		if diff := cmp.Diff(step.want, run(t, c).Lines); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

// TestTailIsBounded: what one look may not read, the next one does; no line is lost or read twice.
func TestTailIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	writeFile(t, path, "")
	s := &control.Service{Path: path, Rules: rules(&control.Content{Patterns: []string{"9+$"}}), Bounds: control.Limits{FileContentPerLook: 200_000}}
	c := newCheck(t, "file", s)
	run(t, c)
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	appendTo(t, path, text.String())
	looks := 0
	var lines []string
	for ; looks < 20; looks++ {
		r := run(t, c)
		lines = append(lines, r.Lines...)
		if len(r.Lines) > mostLines {
			t.Fatalf("%d lines are kept of one look", len(r.Lines))
		}
	}
	if first := lines[:3]; !slices.Equal(first, []string{"line 9", "line 19", "line 29"}) {
		t.Errorf("the first lines are %q", first)
	}
	if want := (text.Len() + 199_999) / 200_000 * mostLines; len(lines) != want {
		t.Errorf("%d lines were kept, wanted %d", len(lines), want)
	}
}

func FuzzTailSplit(f *testing.F) {
	f.Add([]byte("one\ntwo"), 2)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		collect := func(pieces ...[]byte) (lines []string) {
			followed := tail{maxLine: 100}
			for _, piece := range pieces {
				followed.split(piece, func(line []byte) { lines = append(lines, string(line)) })
			}
			return lines
		}
		at = min(max(0, at), len(text))
		if diff := cmp.Diff(collect(text), collect(text[:at], text[at:])); diff != "" {
			t.Errorf("cut at %d: %s", at, diff)
		}
	})
}

// TestContentOfFile: which lines rules get to see, with expressions from a file that changes, and what is ignored.
func TestContentOfFile(t *testing.T) {
	dir := t.TempDir()
	path, patterns := filepath.Join(dir, "log"), filepath.Join(dir, "patterns")
	writeFile(t, path, "")
	writeFile(t, patterns, "^error\n\nfail(ed)?\n")
	c := newCheck(t, "file", &control.Service{
		Path: path, Rules: rules(&control.Content{File: patterns}, &control.Content{Patterns: []string{"fine"}, Not: true}),
		IgnoreContent: []*control.Content{{Patterns: []string{"noise"}}},
	})
	run(t, c)
	look := func(text string) []string { appendTo(t, path, text); return run(t, c).Lines }
	if diff := cmp.Diff([]string{"error: fine", "odd"}, look("fine\nerror: fine\nodd\nerror of noise\n")); diff != "" {
		t.Error(diff)
	}
	writeFile(t, patterns, "only this, and a longer file\n")
	if diff := cmp.Diff([]string(nil), look("error: fine\n")); diff != "" {
		t.Errorf("with other expressions: %s", diff)
	}
	writeFile(t, patterns, "((\n")
	if lines := look("while the expressions are broken\n"); lines != nil {
		t.Errorf("%q", lines)
	}
	writeFile(t, patterns, "^while\n")
	if diff := cmp.Diff([]string{"while the expressions are broken"}, look("")); diff != "" {
		t.Errorf("what waited is lost: %s", diff)
	}
}

func TestPatterns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patterns")
	writeFile(t, path, "ok\n(\n")
	if _, err := Patterns(&control.Content{File: path}); err == nil || !strings.HasPrefix(err.Error(), path+":2: ") {
		t.Errorf("a bad expression is %v", err)
	}
	if _, err := Patterns(&control.Content{File: path + ".not"}); err == nil {
		t.Error("a missing file is no error")
	}
	writeFile(t, path, strings.Repeat("x\n", maxPatterns))
	if _, err := Patterns(&control.Content{File: path}); err == nil {
		t.Error("a file without bound is read")
	}
}

func TestOwnerText(t *testing.T) {
	s := &control.Service{Rules: rules(&control.Expect{Value: "uid", Want: "root"}, &control.Expect{Value: "gid", Want: "0"})}
	if uid, gid := ownerText(s, "uid", "0"), ownerText(s, "gid", "0"); uid != "root" || gid != "0" {
		t.Errorf("%s and %s", uid, gid)
	}
	if nobody := ownerText(s, "uid", "4000000001"); nobody != "4000000001" {
		t.Errorf("a number without a name is %q", nobody)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(f, text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func FuzzParsePatterns(f *testing.F) {
	f.Add("^error\n\nfail(ed)?\r\n((\n")
	f.Fuzz(func(t *testing.T, text string) {
		patterns, err := parsePatterns("patterns", text)
		if err == nil && len(patterns) > strings.Count(text, "\n")+1 {
			t.Errorf("%d expressions out of %q", len(patterns), text)
		}
	})
}
