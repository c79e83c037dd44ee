package agentcmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dialtone/dialtone"
)

// standings are the rows of a report, in Monit's words and order.
var standings = []string{"up", "down", "initialising", "unmonitored", "total"}

// countStandings sorts services into the rows. One that nobody could look at is down: a report that counts it as up would promise
// what nobody knows.
func countStandings(services []dialtone.ServiceStatus) map[string]int {
	counts := map[string]int{"total": len(services)}
	for _, s := range services {
		switch {
		case !s.Monitored:
			counts["unmonitored"]++
		case s.Checked.IsZero():
			counts["initialising"]++
		case s.State == dialtone.OK:
			counts["up"]++
		default:
			counts["down"]++
		}
	}
	return counts
}

// printReport writes how many services stand how.
func printReport(w io.Writer, services []dialtone.ServiceStatus) {
	counts := countStandings(services)
	for _, row := range standings {
		if row == "total" {
			fmt.Fprintf(w, "%-15s %d services\n", row+":", counts[row])
			continue
		}
		share := 0.0
		if counts["total"] > 0 {
			share = 100 * float64(counts[row]) / float64(counts["total"])
		}
		fmt.Fprintf(w, "%-15s %d (%.1f%%)\n", row+":", counts[row], share)
	}
}

// report writes the whole report, or the numbers of the rows that are named, one a line.
func (l line) report(w io.Writer, services []dialtone.ServiceStatus) error {
	if len(l.names) == 0 {
		printReport(w, services)
		return nil
	}
	counts := countStandings(services)
	for _, row := range l.names {
		if row == "initializing" {
			row = "initialising"
		}
		if !slices.Contains(standings, row) {
			return errors.New("a report has: " + strings.Join(standings, ", "))
		}
		fmt.Fprintln(w, counts[row])
	}
	return nil
}
