package systemctl

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnotherLineHoldsUntilItIsTakenBack(t *testing.T) {
	own := Argv("show")
	if len(own) != 2 || own[1] != "show" || own[0] == "" {
		t.Errorf("the machine's own is %q", own)
	}
	restore := Use([]string{"/bin/env", "A=b", "/opt/systemctl", "--user"})
	for range 2 { // what one caller appends must not reach the next
		if diff := cmp.Diff([]string{"/bin/env", "A=b", "/opt/systemctl", "--user", "stop", "x"}, Argv("stop", "x")); diff != "" {
			t.Errorf("another line (-want +got):\n%s", diff)
		}
	}
	if err := Available(); err != nil {
		t.Errorf("another line is not available: %v", err)
	}
	restore()
	if diff := cmp.Diff(own, Argv("show")); diff != "" {
		t.Errorf("taken back (-want +got):\n%s", diff)
	}
}

func TestAMachineWithAnotherInit(t *testing.T) {
	if _, err := os.Stat(runs); err == nil {
		t.Skip("systemd runs this machine")
	}
	if err := Available(); !errors.Is(err, ErrNoSystemd) {
		t.Errorf("got %v", err)
	}
}
