package rules

import (
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// Forget makes the rules as they were at the beginning: what they knew of a service says nothing after a time in which nobody looked.
func (e *Engine) Forget() {
	for _, r := range e.rules {
		*r = rule{written: r.written, place: r.place, id: r.id}
	}
	e.limits.restarts, e.limits.cycles = 0, 0
	clear(e.limits.fired)
}

// Renewed tells that the service's process is another one because it was started here: that is no change that anybody minds.
func (e *Engine) Renewed() {
	for _, r := range e.rules {
		if test, is := r.written.Test.(*control.Changed); is && (test.Value == "pid" || test.Value == "ppid") {
			delete(r.last, test.Value)
		}
	}
}

// Well reports whether a look finds nothing that any rule minds, and adds it to no rule's memory. What changed says nothing either way.
func (e *Engine) Well(report *checks.Report) bool {
	for _, r := range e.rules {
		switch test := r.written.Test.(type) {
		case *control.Changed:
			continue
		case *control.Expect:
			if test.First {
				continue
			}
		}
		if b, _ := judge(r.written.Test, report); b == fails {
			return false
		}
	}
	return report.Existence != checks.Absent
}
