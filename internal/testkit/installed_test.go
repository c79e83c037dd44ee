package testkit_test

import (
	"os"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestInstalled: a program sees its package and its users, and what it writes stays there.
func TestInstalled(t *testing.T) {
	b := testkit.Installed(t, "rsync", "rsync", "operator1", "operator2")
	if b.Path != "/usr/bin/rsync" {
		t.Errorf("the path is %s", b.Path)
	}
	b.Path = "/bin/sh"
	for script, want := range map[string]string{
		"rsync --version | head -n 1": "rsync  version",
		"id -un 601":                  "operator2",
		"echo kept >/etc/dialtone-test; cat /etc/dialtone-test":   "kept",
		"echo $$ >/run/dialtone-test; cat /proc/1/comm; ls /run/": "dialtone-test",
		"exit 7": "",
	} {
		r, err := command.Run(t.Context(), b.Spec("-c", script))
		if err != nil || !strings.Contains(r.Output, want) || (r.ExitCode == 7) != (script == "exit 7") {
			t.Errorf("%s: exit status %d, error %v: %s", script, r.ExitCode, err, r.Output)
		}
	}
	for _, path := range []string{"/etc/dialtone-test", "/run/dialtone-test"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was written to the machine", path)
		}
	}
}
