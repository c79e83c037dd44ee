package testkit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/testkit"
)

func TestSystemdRestartsWhatIsKilled(t *testing.T) {
	t.Parallel()
	s := testkit.Systemd(t)
	unit := "[Service]\nExecStart=/bin/sleep 600\nRestart=always\nRestartSec=0\n"
	if err := os.WriteFile(filepath.Join(s.Units, "tone.service"), []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Run(t, "daemon-reload")
	s.Run(t, "start", "tone.service")
	first := mainPID(t, s)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatalf("the process id of the unit means nothing here: %v", err)
	}
	testkit.Eventually(t, 30*time.Second, func() error {
		if now := mainPID(t, s); now == 0 || now == first {
			return fmt.Errorf("its main process is %d", now)
		}
		return nil
	})
	s.Run(t, "stop", "tone.service")
}

func mainPID(t *testing.T, s *testkit.SystemdManager) int {
	t.Helper()
	pid, err := strconv.Atoi(s.Run(t, "show", "--property=MainPID", "--value", "tone.service"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
