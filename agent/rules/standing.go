package rules

import (
	"cmp"

	"github.com/dialtone/dialtone/control"
)

// Standing are the rules that fail now, in the order written, whether they have just turned or not. They ask for nothing.
func (e *Engine) Standing() []Finding {
	var found []Finding
	for _, r := range e.rules {
		if !r.failed || r.written.Then.Kind == control.Ignore {
			continue
		}
		found = append(found, Finding{
			Test: r.written.Test, Place: r.place, Text: r.written.Text, Runbook: cmp.Or(r.written.Runbook, e.spec.Runbook),
			Why: r.why, Failed: true,
		})
	}
	return found
}

// Down reports whether the service is of no use to what depends on it: it is missing, or does not answer. One that is loaded, or whose
// file has changed, is not.
func (e *Engine) Down() bool {
	for _, f := range e.Standing() {
		switch test := f.Test.(type) {
		case *control.Exist:
			if test.Wanted {
				return true
			}
		case *control.Connection:
			if !test.Succeeded {
				return true
			}
		case *control.Ping:
			if !test.Succeeded {
				return true
			}
		case *control.Link:
			if !test.Up {
				return true
			}
		case *control.Compare:
			if test.Value == "status" || test.Value == "responding" {
				return true
			}
		}
	}
	return false
}
