package rules

import (
	"slices"

	"github.com/dialtone/dialtone/control"
)

// implied is one rule that services of some kinds have unless their file speaks of the same thing.
type implied struct {
	kinds []string
	text  string
	test  control.Test
	then  control.ActionKind
	about func(control.Test) bool // reports whether a written test takes its place

	severity string // as in a control file; empty: by the kind of test
}

// impliedRules are Monit's: what is missing is started again, and what went wrong with a link or a mount is told.
// A plugin's own verdict is told too.
var impliedRules = []implied{
	{
		kinds: []string{"process", "file", "fifo", "directory", "filesystem"}, text: "if not exist then restart (implied)",
		test: &control.Exist{Wanted: true}, then: control.Restart, about: isExist,
	},
	{
		kinds: []string{"filesystem"}, text: "if changed fsflags then alert (implied)",
		test: &control.Changed{Value: "fsflags"}, then: control.Alert, about: looksAt("fsflags"),
	},
	{
		kinds: []string{"network"}, text: "if link down then alert (implied)",
		test: &control.Link{}, then: control.Alert, about: isLink,
	},
	{
		kinds: []string{"network"}, text: "if link errors > 0 then alert (implied)",
		test: &control.Compare{Value: "link_errors", Op: control.Greater}, then: control.Alert, about: looksAt("link_errors"),
	},
	{
		kinds: []string{"munin", "nagios"}, text: "if status > 1 then alert severity critical (implied)", severity: "critical",
		test: &control.Compare{Value: "status", Op: control.Greater, Threshold: 1}, then: control.Alert, about: looksAt("status", "warnings", "criticals"),
	},
	{
		kinds: []string{"munin", "nagios"}, text: "if status > 0 then alert severity warning (implied)", severity: "warning",
		test: &control.Compare{Value: "status", Op: control.Greater}, then: control.Alert, about: looksAt("status", "warnings", "criticals"),
	},
}

func isExist(test control.Test) bool { _, is := test.(*control.Exist); return is }

func isLink(test control.Test) bool { _, is := test.(*control.Link); return is }

func looksAt(values ...string) func(control.Test) bool {
	return func(test control.Test) bool {
		switch test := test.(type) {
		case *control.Changed:
			return slices.Contains(values, test.Value)
		case *control.Compare:
			return slices.Contains(values, test.Value)
		}
		return false
	}
}

// implicit are the rules that a service has without anybody writing them.
func implicit(s *control.Service) []*control.Rule {
	var all []*control.Rule
	for _, i := range impliedRules {
		written := slices.ContainsFunc(s.Rules, func(r *control.Rule) bool { return i.about(r.Test) })
		if written || !slices.Contains(i.kinds, s.Kind) {
			continue
		}
		all = append(all, &control.Rule{Pos: s.Pos, Text: i.text, Test: i.test, Then: control.Action{Kind: i.then}, Severity: i.severity})
	}
	return all
}
