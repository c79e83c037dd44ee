package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files under a new folder; names that end in / are folders.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		folder, file := filepath.Split(dir + "/" + name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatalf("making test files: %v", err)
		}
		if file == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatalf("making test files: %v", err)
		}
	}
	return dir
}

func names(f *File) []string {
	var all []string
	for _, s := range f.Services {
		all = append(all, s.Name)
	}
	return all
}

func TestLoadIncludes(t *testing.T) {
	process := func(name string) string { return "check process " + name + " with pidfile /run/p.pid\n" }
	dir := tree(t, map[string]string{
		"main.conf": process("main") + `    include templates/rules
    group own
    include conf.d/*
    group last
include "extra.conf"
include none/*.conf
`,
		"templates/rules":         "if cpu > 80% then alert\ninclude more\n",
		"templates/more":          "if 3 restarts within 5 cycles then unmonitor\n",
		"conf.d/b.conf":           process("b"),
		"conf.d/a.conf":           process("a") + "    group a\n",
		"conf.d/10-first":         process("first"),
		"conf.d/.hidden":          "nonsense",
		"conf.d/a.conf~":          "nonsense",
		"conf.d/a.conf.dpkg-dist": "nonsense",
		"conf.d/folder/":          "",
		"extra.conf":              "set daemon 7\ninclude templates/more\n",
	})
	_, err := Load(filepath.Join(dir, "main.conf"), testVocabulary)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "templates/more")+":1:1: \"if\" stands outside of a check") {
		t.Fatalf("a rule outside of a check, in a file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "extra.conf"), []byte("set daemon 7\n"), 0o600); err != nil {
		t.Fatalf("mending the file: %v", err)
	}
	f, err := Load(filepath.Join(dir, "main.conf"), testVocabulary)
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	if d := cmp.Diff([]string{"main", "first", "a", "b"}, names(f)); d != "" {
		t.Errorf("services (-want +got):\n%s", d)
	}
	main := f.Services[0]
	if d := cmp.Diff([]string{"own", "last"}, main.Groups); d != "" {
		t.Errorf("what follows an include belongs to the check above it (-want +got):\n%s", d)
	}
	if len(main.Rules) != 1 || main.Rules[0].Pos.Place() != filepath.Join(dir, "templates/rules")+":1" || len(main.Limits) != 1 {
		t.Errorf("rules of the template: %+v, limits %+v", main.Rules, main.Limits)
	}
	if f.Settings.Interval.Seconds() != 7 {
		t.Errorf("the interval is %s, want 7s", f.Settings.Interval)
	}
}

func TestLoadTellsAllErrorsOfAllFiles(t *testing.T) {
	dir := tree(t, map[string]string{
		"main.conf":     "set deamon 5\ninclude conf.d/*.conf\ninclude missing.conf\ninclude conf.d\ninclude [\nset log x\n",
		"conf.d/a.conf": "check process a with pidfile /run/a.pid\n  if cpuu > 1% then alert\n",
		"conf.d/b.conf": "check process a with pidfile /run/a.pid\n  depends on nobody\n",
	})
	_, err := Load(filepath.Join(dir, "main.conf"), testVocabulary)
	var all Errors
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want Errors", err)
	}
	var got []string
	for _, e := range all {
		got = append(got, strings.ReplaceAll(e.Pos.String()+": "+e.Message, dir+"/", ""))
	}
	want := []string{
		`main.conf:1:5: "deamon" is no setting`,
		`conf.d/a.conf:2:6: a process has no value "cpuu"`,
		`conf.d/b.conf:1:15: there is a service "a" already, at conf.d/a.conf:1:1`,
		`main.conf:5:9: expected a path or pattern, found "["`,
		`main.conf:6:9: "x" is no absolute path`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("errors (-want +got):\n%s", d)
	}
}

func TestLoadRefusesLoops(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.conf": "include b.conf\n",
		"b.conf": "include link.conf\n",
	})
	if err := os.Symlink("a.conf", filepath.Join(dir, "link.conf")); err != nil {
		t.Fatalf("making a link: %v", err)
	}
	_, err := Load(filepath.Join(dir, "a.conf"), nil)
	if err == nil || !strings.Contains(err.Error(), "b.conf:1:9: cannot include") || !strings.Contains(err.Error(), "includes itself") {
		t.Errorf("a loop over a link: %v", err)
	}
}

func TestLoadBoundsIncludes(t *testing.T) {
	dir := tree(t, map[string]string{"empty": "", "main.conf": strings.Repeat("include empty\n", maxIncludes)})
	main := filepath.Join(dir, "main.conf")
	if _, err := Load(main, nil); err != nil {
		t.Fatalf("%d includes: %v", maxIncludes, err)
	}
	if err := os.WriteFile(main, []byte(strings.Repeat("include empty\n", maxIncludes+1)), 0o600); err != nil {
		t.Fatalf("writing: %v", err)
	}
	_, err := Load(main, nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("main.conf:%d:9", maxIncludes+1)) || !strings.Contains(err.Error(), "more than 1024 files") {
		t.Errorf("one include too many: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := tree(t, map[string]string{
		"group.conf": "", "all.conf": "", "both it's.conf": "", "fine.conf": "", "folder/": "", "nul.conf": "set\x00", "big.conf": "",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]fs.FileMode{"group.conf": 0o660, "all.conf": 0o602, "both it's.conf": 0o666} {
		if err := os.Chmod(at(name), mode); err != nil {
			t.Fatalf("setting a mode: %v", err)
		}
	}
	if err := os.Truncate(at("big.conf"), maxFileBytes+1); err != nil {
		t.Fatalf("making a large file: %v", err)
	}
	if err := syscall.Mkfifo(at("pipe.conf"), 0o600); err != nil {
		t.Fatalf("making a pipe: %v", err)
	}
	tests := []struct {
		name, want string
		passed     bool // an include of it is a problem, no error
	}{
		{"missing.conf", "missing.conf does not exist", true},
		{"group.conf", "group.conf can be written by its group\n    run: chmod go-w " + at("group.conf"), false},
		{"all.conf", "all.conf can be written by everybody\n    run: chmod go-w " + at("all.conf"), false},
		{"both it's.conf", `can be written by its group and everybody` + "\n" + `    run: chmod go-w '` + dir + `/both it'\''s.conf'`, false},
		{"folder", "folder is a folder", true},
		{"nul.conf", "nul.conf is no text", false},
		{"big.conf", "big.conf is larger than 16 MiB", false},
		{"pipe.conf", "pipe.conf is no regular file", false},
	}
	for _, test := range tests {
		f, err := Load(at(test.name), nil)
		if f != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
		if err := os.WriteFile(at("main.conf"), []byte("include \""+at(test.name)+"\"\n"), 0o600); err != nil {
			t.Fatalf("writing: %v", err)
		}
		if test.passed {
			f, err := Load(at("main.conf"), nil)
			if err != nil || len(f.Problems) != 1 || f.Problems[0].Pos.Line != 1 || !f.Problems[0].Partial || !strings.Contains(f.Problems[0].Error(), test.want) {
				t.Errorf("including %s: got %+v and %v, want one problem at the include", test.name, f, err)
			}
			continue
		}
		var all Errors
		if _, err := Load(at("main.conf"), nil); !errors.As(err, &all) || len(all) != 1 || all[0].Pos.Line != 1 {
			t.Errorf("including %s: got %v, want one error at the include", test.name, err)
		}
	}
	if _, err := Load(at("missing.conf"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file is %v, want fs.ErrNotExist", err)
	}
	if _, err := Load(at("fine.conf"), nil); err != nil {
		t.Errorf("a file of mode 600: %v", err)
	}
}

// TestVetOwner asks without changing owners, which only root can.
func TestVetOwner(t *testing.T) {
	dir := tree(t, map[string]string{"a.conf": ""})
	path := filepath.Join(dir, "a.conf")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatalf("looking at the file: %v", err)
	}
	tests := []struct {
		owner uint32
		self  int
		want  string
	}{
		{0, 0, ""},
		{0, 1000, ""},
		{1000, 1000, ""},
		{1000, 0, path + " belongs to user 1000, who could make the agent run anything\n    run: chown root " + path},
		{1001, 1000, path + " belongs to user 1001, who could make the agent run anything\n    run: chown 1000 " + path},
	}
	for _, test := range tests {
		got := ""
		if err := vet(path, info, test.owner, test.self); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("owner %d seen by %d: got %q, want %q", test.owner, test.self, got, test.want)
		}
	}
}

func TestUnreadableFileSaysWhoShouldOwnIt(t *testing.T) {
	err := openError("/etc/dialtone/x y", fs.ErrPermission, 1000)
	want := "/etc/dialtone/x y cannot be read by user 1000\n    run as root: chown 1000 '/etc/dialtone/x y'"
	if err.Error() != want || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %q, want %q", err, want)
	}
}
