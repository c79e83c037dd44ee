package agentcmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// TestTwoWatchersAreOneTooMany: an agent does not start beside a Monit that has the same control file.
func TestTwoWatchersAreOneTooMany(t *testing.T) {
	dir := t.TempDir()
	pidfile := filepath.Join(dir, "monit.pid")
	program := filepath.Join(dir, "monit")
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, sleep, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := command.Start(command.Spec{Argv: []string{program, "60"}})
	if err != nil {
		t.Fatal(err)
	}
	stop := func() { p.Stop(time.Second) }
	defer stop()
	if err := os.WriteFile(pidfile, fmt.Appendln(nil, p.PID()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := otherWatcher(pidfile); err == nil || !strings.Contains(err.Error(), "end it first") {
		t.Errorf("beside Monit: %v", err)
	}
	stop()
	for _, path := range []string{pidfile, "", filepath.Join(dir, "none")} {
		if err := otherWatcher(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}
