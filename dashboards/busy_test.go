package dashboards_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/web/e2e/fake"
)

func TestTheFirstPageDrawsEachHostWithOneQuery(t *testing.T) {
	for path, want := range map[string]struct{ graphs, queries int }{
		"/": {3, 1}, "/?part=hosts": {3, 1}, "/?part=verdict": {0, 0}, "/?part=incidents": {0, 0},
	} {
		fleet := fake.Busy(clock)
		status, body := get(t, serve(t, fleet), path)
		graphs := strings.Count(body, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img"`)
		if status != http.StatusOK || graphs != want.graphs || len(fleet.Queries) != want.queries {
			t.Errorf("%s: status %d, %d graphs of %d queries, want %d of %d", path, status, graphs, len(fleet.Queries), want.graphs, want.queries)
		}
	}
}

func TestTheFirstPageDrawsTheWorstHostsAlone(t *testing.T) {
	fleet := fake.Busy(clock)
	for i := range 20 {
		fleet.Add(dialtone.NodeStatus{Node: dialtone.Node{Name: fmt.Sprintf("app%02d", i)}, Connected: true})
	}
	_, body := get(t, serve(t, fleet), "/?part=hosts")
	if n := strings.Count(body, `class="small"`); n != 12 {
		t.Errorf("%d graphs, want 12", n)
	}
	if query := fleet.Queries[0]; !strings.Contains(query, `instance=~"pbx1|web1|`) || strings.Contains(query, "app19") {
		t.Errorf("asks %s", query)
	}
}

func TestAFaultOfTheStoreLeavesTheFirstPage(t *testing.T) {
	fleet := fake.Busy(clock)
	fleet.Fail["Range"] = errors.New("the disk is gone")
	_, body := get(t, serve(t, fleet), "/")
	if !strings.Contains(body, "Could not read how busy the hosts are: the disk is gone.") || strings.Contains(body, `class="small"`) {
		t.Error("the fault is not told, or a graph is drawn of nothing")
	}
	if !strings.Contains(body, "2 things are broken") || !strings.Contains(body, `href="/hosts/db1"`) {
		t.Error("the verdict or a host is missing")
	}
}

func TestAGraphWithoutFiguresSaysSo(t *testing.T) {
	_, body := get(t, serve(t, youngFleet(-1)), "/?part=hosts")
	if n := strings.Count(body, "No figures for processor time in this window."); n < 3 || !strings.Contains(body, "no data in this window") {
		t.Errorf("%d of 3 hosts say that nothing was measured yet", n)
	}
}
