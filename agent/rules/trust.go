package rules

import (
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
)

// pointless reports whether what the rule would do could only make things worse: certificates are verified here and were not by Monit,
// so a control file that comes from there would have a service restarted, again and again, for a certificate that no restart changes.
// Who writes `verify: enable`, a checksum or `valid > N days` wants the rule as it stands.
func (r *rule) pointless(report *checks.Report) bool {
	c, is := r.written.Test.(*control.Connection)
	if !is || c.Succeeded || !Repairs(r.written.Then.Kind) && r.written.Then.Kind != control.Unmonitor {
		return false
	}
	return (c.TLS == nil || !c.TLS.VerifyOn) && protocols.Distrusts(report.Connections[c].Err)
}
