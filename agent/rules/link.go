package rules

import (
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// judgeLink looks at a network interface. One that is not there is down, and says nothing else.
func judgeLink(test *control.Link, report *checks.Report) (bit, string) {
	if report.Existence == checks.Absent {
		return verdict(!test.Up), absent(report)
	}
	value, known := report.Values["link_up"]
	if !known {
		return noData, ""
	}
	up := value > 0
	why := "the link is up"
	if !up {
		why = "the link is down"
		if report.Why != "" {
			why = report.Why
		}
	}
	return verdict(up == test.Up), why
}
