package healers

import (
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/systemctl"
)

func init() {
	register(Kind{
		Name: "systemd",
		Doc: "Starts, stops and restarts the systemd unit that `with unit NAME` names, for a service whose file writes no programs. Uses systemctl, which waits for the unit's job. " +
			"A unit at its start limit is refused: that guard is its owner's, and a person lifts it with `systemctl reset-failed`.",
		Verbs:   []control.ActionKind{control.Start, control.Stop, control.Restart},
		Command: systemd,
	})
}

func systemd(s *control.Service, verb control.ActionKind) *control.Command {
	if s.Unit == "" || s.Start != nil || s.Stop != nil || s.Restart != nil {
		return nil
	}
	switch verb {
	case control.Start, control.Stop, control.Restart:
	default: // a verb of other kinds
		return nil
	}
	argv := systemctl.Argv("--no-ask-password", string(verb), s.Unit)
	return &control.Command{Pos: s.Pos, Text: "systemctl " + string(verb) + " " + s.Unit, Argv: argv}
}
