package rules_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// stage is a folder with one thing of each kind, which a row changes between two looks.
type stage struct{ dir string }

func newStage(t *testing.T) stage {
	t.Helper()
	s := stage{t.TempDir()}
	err := errors.Join(
		os.WriteFile(s.dir+"/file", []byte("one\n"), 0o640),
		os.WriteFile(s.dir+"/patterns", []byte("^panic\n^fatal\n"), 0o600),
		os.WriteFile(s.dir+"/pid", fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600),
		os.WriteFile(s.dir+"/says", []byte("#!/bin/sh\ncat \"$1\"\n[ -e \"$1.fail\" ] && exit 3\nexit 0\n"), 0o700),
		os.Mkdir(s.dir+"/folder", 0o750),
		unix.Mkfifo(s.dir+"/fifo", 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The things that happen between two looks.
func (s stage) appends(text string) func() error {
	return func() error {
		f, err := os.OpenFile(s.dir+"/file", os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		return errors.Join(err, f.Close())
	}
}

func (s stage) writes(name string) func() error {
	return func() error { return os.WriteFile(filepath.Join(s.dir, name), []byte("x"), 0o600) }
}

func (s stage) mode(name string) func() error {
	return func() error { return os.Chmod(filepath.Join(s.dir, name), 0o604) }
}

func (s stage) ages(name string) func() error {
	then := time.Now().Add(-3 * time.Hour)
	return func() error { return os.Chtimes(filepath.Join(s.dir, name), then, then) }
}

func (s stage) links(name string) func() error {
	return func() error { return os.Link(filepath.Join(s.dir, name), filepath.Join(s.dir, name+".2")) }
}

func (s stage) removes(name string) func() error {
	return func() error { return os.RemoveAll(filepath.Join(s.dir, name)) }
}

// TestEveryTest writes each test of each kind into a control file, lets it be read by the real grammar, looks by the real check, changes
// what it looks at, and looks again. DIR stands for the stage's folder.
func TestEveryTest(t *testing.T) {
	const file, folder, fifo = "check file x path DIR/file", "check directory x path DIR/folder", "check fifo x path DIR/fifo"
	const process, program, machine = "check process x pidfile DIR/pid", `check program x path "DIR/says DIR/file"`, "check system x"
	const root, network = "check filesystem x path /", "check network x interface lo"
	nothing := func(stage) func() error { return nil }
	writes := func(name string) func(stage) func() error {
		return func(s stage) func() error { return s.writes(name) }
	}
	appends := func(text string) func(stage) func() error {
		return func(s stage) func() error { return s.appends(text) }
	}
	on := func(do func(stage, string) func() error, name string) func(stage) func() error {
		return func(s stage) func() error { return do(s, name) }
	}
	for i, row := range []struct {
		head, test    string
		change        func(stage) func() error
		first, second bool // whether the rule fails at the look before the change, and at the one after
	}{
		{file, "not exist", on(stage.removes, "file"), false, true},
		{file, "exist", on(stage.removes, "file"), true, false},
		{file, "size > 5 B", appends("more\n"), false, true},
		{file, "changed size", appends("more\n"), false, true},
		{file, "changed checksum", appends("more\n"), false, true},
		{file, "changed md5 checksum", appends("more\n"), false, true},
		{file, "failed checksum", appends("more\n"), false, true},
		{file, "failed md5 checksum", appends("more\n"), false, true},
		{file, "failed checksum expect 5bbf5a52328e7439ae6e719dfe712200", appends("more\n"), false, true},
		{file, "failed sha1 checksum expect c707ce7ad7e9f5bcfbb57ceeaaed9ea3de83cab1", nothing, true, true},
		{file, "content = \"^panic\"", appends("panic!\n"), false, true},
		{file, "content = \"^panic\"", appends("panic!"), false, false},
		{file, "content != \"^ok\"", appends("ok\nbad\n"), false, true},
		{file, "content = DIR/patterns", appends("fatal: gone\n"), false, true},
		{file, "content changed", appends("more\n"), false, true},
		{file, "content not changed", appends("more\n"), false, false},
		{file, "content not changed", nothing, false, true},
		{file, "failed permission 640", on(stage.mode, "file"), false, true},
		{file, "changed permission", on(stage.mode, "file"), false, true},
		{file, fmt.Sprintf("failed uid %d", os.Getuid()), nothing, false, false},
		{file, "failed uid nobody", nothing, true, true},
		{file, fmt.Sprintf("failed gid %d", os.Getgid()+1), nothing, true, true},
		{file, "timestamp > 1 hour", on(stage.ages, "file"), false, false}, // its owner or mode has just changed
		{file, "mtime is older than 1 hour", on(stage.ages, "file"), false, true},
		{file, "atime is older than 1 hour", on(stage.ages, "file"), false, true},
		{file, "ctime is older than 1 hour", on(stage.ages, "file"), false, false},
		{file, "changed timestamp", on(stage.ages, "file"), false, true},
		{file, "changed mtime", on(stage.ages, "file"), false, true},
		{file, "changed ctime", on(stage.mode, "file"), false, true},
		{file, "hardlink > 1", on(stage.links, "file"), false, true},
		{folder, "not exist", on(stage.removes, "folder"), false, true},
		{folder, "changed timestamp", writes("folder/new"), false, true},
		{folder, "failed permission 750", on(stage.mode, "folder"), false, true},
		{folder, "mtime > 1 hour", on(stage.ages, "folder"), false, true},
		{fifo, "not exist", on(stage.removes, "fifo"), false, true},
		{fifo, "failed permission 600", on(stage.mode, "fifo"), false, true},
		{fifo, "hardlinks > 1", on(stage.links, "fifo"), false, true},
		{program, "status != 0", writes("file.fail"), false, true},
		{program, "changed status", writes("file.fail"), false, true},
		{program, "content = \"two\"", appends("two\n"), false, true},
		{program, "content != \"one\"", writes("file"), false, true},
		{program, "content changed", appends("two\n"), false, true},
		{process, "not exist", on(stage.removes, "pid"), false, true},
		{process, "memory > 1 KB", nothing, true, true},
		{process, "total memory > 99%", nothing, false, false},
		{process, "threads < 1", nothing, false, false},
		{process, "children > 10000", nothing, false, false},
		{process, "filedescriptors > 0", nothing, true, true},
		{process, "filedescriptors > 100%", nothing, false, false},
		{process, "total filedescriptors > 0", nothing, true, true},
		{process, "uptime < 10 days", nothing, true, true},
		{process, "loadavg (1min) >= 0", nothing, true, true},
		{process, fmt.Sprintf("failed euid %d", os.Geteuid()), nothing, false, false},
		{process, "failed gid 4294967294", nothing, true, true},
		{process, "changed pid", nothing, false, false},
		{process, "changed ppid", nothing, false, false},
		{machine, "memory usage > 0%", nothing, true, true},
		{machine, "loadavg (5min) per core >= 0", nothing, true, true},
		{machine, "uptime > 1 second", nothing, true, true},
		{machine, "filedescriptors > 0", nothing, true, true},
		{root, "space usage > 0%", nothing, true, true},
		{root, "space free > 1 B", nothing, true, true},
		{root, "inode usage > 100%", nothing, false, false},
		{root, "changed fsflags", nothing, false, false},
		{network, "link down", nothing, false, false},
		{network, "link up", nothing, true, true},
		{network, "changed link capacity", nothing, false, false},
		{network, "total downloaded > 1 TB in last 2 hours", nothing, false, false},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, strings.Fields(row.head)[1]), func(t *testing.T) { // the name is part of the folder's
			s := newStage(t)
			text := strings.ReplaceAll(row.head+"\n  if "+row.test+" then alert\n", "DIR", s.dir)
			look := looker(t, text)
			if got := look(); got != row.first {
				t.Errorf("%s: at first it fails: %t", row.test, got)
			}
			if change := row.change(s); change != nil {
				if err := change(); err != nil {
					t.Fatal(err)
				}
			}
			if got := look(); got != row.second {
				t.Errorf("%s: then it fails: %t", row.test, got)
			}
		})
	}
}

// looker reads a control file of one service with one rule, and returns a function that looks once and says whether that rule fails.
func looker(t *testing.T, text string) func() bool {
	t.Helper()
	f, err := control.Parse("table", []byte(text), checks.Vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	checks.Inspect(f)
	service := f.Services[0]
	check, err := checks.New(service)
	if err != nil {
		t.Fatal(err)
	}
	engine := rules.New(service)
	failed := false
	return func() bool {
		r := &checks.Report{}
		if err := check.Run(t.Context(), r); err != nil {
			t.Fatalf("could not look: %v", err)
		}
		for _, found := range engine.Step(rules.Look{Report: r, At: time.Now()}).Findings {
			if found.Text == service.Rules[0].Text && (found.Turned || found.Change) {
				failed = found.Failed
				if found.Change {
					return true
				}
			}
		}
		return failed
	}
}
