package fake

import (
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards"
)

// AddMunin makes the fleet larger by a node, stats1, that runs plugins of Munin.
func (f *Fleet) AddMunin() {
	var services []dialtone.ServiceStatus
	for _, name := range []string{"cpu", "if_eth0", "load", "processes"} {
		services = append(services, dialtone.ServiceStatus{Name: name, Kind: "munin", State: dialtone.OK, Since: f.Now().Add(-time.Hour), Checked: f.Now(), Monitored: true})
	}
	f.Add(node(f.Now(), "stats1", "stats", 0, services...))
}

// muninInfo are descriptions as plugins give them: of a stack, of a mirrored pair, and of text that tries to leave its place.
var muninInfo = map[string][]map[string]string{
	"dialtone_munin_graph_info": {
		{"service": "cpu", "title": "CPU usage", "vlabel": "%", "category": "system", "args": "--base 1000 -r --lower-limit 0 --upper-limit 200", "info": "How CPU time is spent."},
		{"service": "if_eth0", "title": "eth0 traffic", "vlabel": "bits in (-) / out (+) per second", "category": "network", "args": "--base 1000", "total": "All", "printf": "%5.1lf%s"},
		{"service": "load", "title": "Load " + Hostile, "vlabel": "load", "category": "system", "args": "-l 0 -u 12"},
		{"service": "processes", "title": "Processes", "vlabel": "processes", "category": "system", "args": "--logarithmic --lower-limit 1", "scale": "no", "total": "all"},
	},
	"dialtone_munin_field_info": {
		{"service": "cpu", "field": "system", "label": "system", "draw": "AREA", "place": "000"},
		{"service": "cpu", "field": "user", "label": "user", "draw": "STACK", "place": "001"},
		{"service": "cpu", "field": "iowait", "label": "iowait", "draw": "STACK", "colour": "cc6600", "place": "002"},
		{"service": "cpu", "field": "steal", "label": "steal", "draw": "STACK", "colour": "COLOUR7", "place": "003"},
		{"service": "if_eth0", "field": "down", "label": "received", "hidden": "yes", "place": "000"},
		{"service": "if_eth0", "field": "up", "label": "bit/s", "negative": "down", "place": "001"},
		{"service": "load", "field": "load", "label": "load", "draw": "LINE2", "warning": "10", "place": "000"},
		{"service": "processes", "field": "sleeping", "label": "sleeping", "place": "000", "line": "40:COLOUR3:planned"},
		{"service": "processes", "field": "running", "label": "running", "place": "001"},
	},
}

// munin answers what the page of Munin graphs asks. The caller holds the lock.
func (f *Fleet) munin(promql string, start, end time.Time, step time.Duration) []dashboards.Series {
	var found []dashboards.Series
	for _, n := range f.nodes {
		if !strings.Contains(promql, `"`+n.Name+`"`) || n.Name != "stats1" {
			continue
		}
		for name, all := range muninInfo {
			if !strings.Contains(promql, name) {
				continue
			}
			for _, labels := range all {
				found = append(found, dashboards.Series{Labels: labels, Points: wave(promql, n, name, start, end, step)})
			}
		}
		for _, labels := range muninInfo["dialtone_munin_field_info"] {
			if strings.Contains(promql, "dialtone_munin_field{") && strings.Contains(promql, `service="`+labels["service"]+`"`) {
				field := map[string]string{"service": labels["service"], "field": labels["field"]}
				found = append(found, dashboards.Series{Labels: field, Points: wave(promql, n, labels["field"], start, end, step)})
			}
		}
	}
	return found
}
