package healers

import "github.com/dialtone/dialtone/control"

func init() {
	register(Kind{
		Name:    "program",
		Doc:     "Runs the service's own start, stop and restart programs, as its check statement writes them.",
		Verbs:   []control.ActionKind{control.Start, control.Stop, control.Restart},
		Command: program,
	})
}

func program(s *control.Service, verb control.ActionKind) *control.Command {
	switch verb {
	case control.Start:
		return s.Start
	case control.Stop:
		return s.Stop
	case control.Restart:
		return s.Restart
	default: // a verb of other kinds
		return nil
	}
}
