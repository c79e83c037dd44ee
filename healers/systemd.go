package healers

import (
	"os"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name:    "systemd",
		Doc:     "Starts, stops and restarts the systemd unit that `with unit NAME` names, for a service whose file writes no programs. Uses systemctl, which waits for the unit's job.",
		Command: systemd,
	})
}

func systemd(s *control.Service, verb control.ActionKind) *control.Command {
	if s.Unit == "" || s.Start != nil || s.Stop != nil || s.Restart != nil {
		return nil
	}
	switch verb {
	case control.Start, control.Stop, control.Restart:
	case control.Alert, control.Exec, control.Unmonitor:
		return nil
	}
	argv := []string{systemctl(), "--no-ask-password", string(verb), s.Unit}
	return &control.Command{Pos: s.Pos, Text: "systemctl " + string(verb) + " " + s.Unit, Argv: argv}
}

// systemctl is in /bin alone on systems whose /usr is not merged.
func systemctl() string {
	const usual, old = "/usr/bin/systemctl", "/bin/systemctl"
	if _, err := os.Stat(usual); err == nil {
		return usual
	}
	if _, err := os.Stat(old); err == nil {
		return old
	}
	return usual
}
