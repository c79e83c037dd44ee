package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/internal/command"
)

func TestMachineIsNamed(t *testing.T) {
	if got := machine(); strings.Contains(got, "unknown") || !strings.Contains(got, "GiB") {
		t.Errorf("got %q", got)
	}
	if load1() == "" {
		t.Error("no load average")
	}
}

func TestValueIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "os-release")
	if err := os.WriteFile(file, []byte("ID=debian\nPRETTY_NAME=\"Debian\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ path, key, want string }{
		{file, "PRETTY_NAME", `"Debian"`},
		{file, "VERSION", "unknown VERSION"},
		{file + ".gone", "ID", "unknown ID"},
	}
	for _, c := range cases {
		if got := valueIn(c.path, c.key, "="); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.key, c.path, got, c.want)
		}
	}
}

func TestFirstLine(t *testing.T) {
	got, err := firstLine(t.Context(), command.Spec{Argv: []string{"/bin/echo", "tool 1.2\nand more"}})
	if got != "tool 1.2" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
