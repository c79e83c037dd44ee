package alerting

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dialtone/dialtone"
)

// keptDesk is the file of a desk that has a few hundred events, so that every bucket has pages of its own.
func keptDesk(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(memoryDir(t), "desk.db")
	desk, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		e := down(fmt.Sprint("service", i))
		e.ID, e.At = fmt.Sprint("web1/boot/", i), noon
		if err := desk.Accept(t.Context(), []dialtone.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := desk.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestADamagedFileSaysWhatToDo(t *testing.T) {
	kept := keptDesk(t)
	page := os.Getpagesize()
	zeroed := func(from, to int) []byte {
		spoiled := append([]byte(nil), kept...)
		clear(spoiled[from:to])
		return spoiled
	}
	for name, content := range map[string][]byte{
		"cut to 5000 bytes": kept[:5000],
		"cut in the middle": kept[:len(kept)/2/page*page],
		"cut in a page":     kept[:len(kept)/3],
		"no database":       []byte(strings.Repeat("no database ", 2000)),
		"no meta pages":     zeroed(0, 2*page),
		"pages of zeros":    zeroed(2*page, len(kept)),
		"some of zeros":     zeroed(len(kept)/4, len(kept)),
	} {
		path := filepath.Join(memoryDir(t), "desk.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		desk, err := Open(Config{Path: path})
		if err == nil {
			t.Errorf("%s: opened (%v)", name, desk.Close())
			continue
		}
		for _, part := range []string{path + " is damaged", "mv " + path + " " + path + ".damaged", "begin anew"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
	}
}

func TestWhatTheSystemRefusesIsNoDamage(t *testing.T) {
	dir := memoryDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(file, "desk.db"), filepath.Join(dir, "missing", "desk.db")} {
		desk, err := Open(Config{Path: path})
		if err == nil {
			t.Errorf("%s: opened (%v)", path, desk.Close())
			continue
		}
		if strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
