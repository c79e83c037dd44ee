package dialtone_test

import (
	"errors"
	"go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dialtone/dialtone"

// rooms says which rooms a room may import; "" is the root package. internal/ is open to all.
var rooms = map[string][]string{
	"":           {},
	"wire":       {""},
	"control":    {""},
	"alerting":   {""},
	"dashboards": {""},
	"conference": {""},
	"checks":     {"", "control", "conference"},
	"healers":    {"", "control", "conference"},
	"agent":      {"", "control", "wire", "checks", "healers"},
	"collector":  {"", "wire"},
	"cmd":        {"", "control", "wire", "checks", "healers", "agent", "collector", "alerting", "dashboards", "conference"},
	"internal":   {},
}

func TestImportsKeepToTheDesign(t *testing.T) {
	for dir, pkg := range packages(t) {
		room := roomOf(dir)
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s is in no room of the design; add it to docs/design.md and to this table first", dir)
			continue
		}
		for _, path := range pkg.Imports {
			if path == "os/exec" && dir != "internal/command" {
				t.Errorf("%s imports os/exec; only internal/command may run programs", dir)
			}
			if path != module && !strings.HasPrefix(path, module+"/") {
				if room == "" && strings.Contains(strings.Split(path, "/")[0], ".") {
					t.Errorf("the root package imports %s; it may import the standard library only", path)
				}
				continue
			}
			other := roomOf(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
			if other != room && other != "internal" && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s; %q may import only %q", dir, path, room, allowed)
			}
		}
	}
}

// TestAgentDoesNotLinkTheStore keeps the node's binary small: Prometheus' store must not be reachable from it.
func TestAgentDoesNotLinkTheStore(t *testing.T) {
	pkgs := packages(t)
	seen := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		pkg, ok := pkgs[dir]
		if !ok || seen[dir] {
			return
		}
		seen[dir] = true
		for _, path := range pkg.Imports {
			if strings.HasPrefix(path, "github.com/prometheus/prometheus/") {
				t.Errorf("cmd/dialtone-agent reaches %s through %s", path, dir)
			}
			if dir, ours := strings.CutPrefix(path, module); ours {
				walk(strings.TrimPrefix(dir, "/"))
			}
		}
	}
	walk("cmd/dialtone-agent")
}

func roomOf(dir string) string {
	room, _, _ := strings.Cut(dir, "/")
	return room
}

// packages reads the imports of every package of the module (tests left out), by folder.
func packages(t *testing.T) map[string]*build.Package {
	t.Helper()
	found := map[string]*build.Package{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" || name == "tools") {
			return filepath.SkipDir
		}
		pkg, err := build.ImportDir(path, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(path)
		if dir == "." {
			dir = ""
		}
		found[dir] = pkg
		return nil
	})
	if err != nil {
		t.Fatalf("reading the tree: %v", err)
	}
	return found
}
