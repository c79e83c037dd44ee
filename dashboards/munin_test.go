package dashboards_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/dashboards/web/e2e/fake"
)

func TestMuninPage(t *testing.T) {
	fleet := fake.Busy(clock)
	fleet.AddMunin()
	pages := serve(t, fleet)
	status, body := get(t, pages, "/hosts/stats1/munin?span=day")
	if status != http.StatusOK {
		t.Fatalf("status %d\n%s", status, body)
	}
	for _, want := range []string{
		"<h2>network</h2>", "<h2>system</h2>", `id="munin-cpu"`, `id="munin-if_eth0"`, "eth0 traffic", "bits in (-) / out (&#43;) per second", "How CPU time is spent.",
		`class="p-f1"`, `class="p-f2"`, `class="p-c3"`, "bit/s (−)", "All (−)</th>", ">planned</text>", `class="p-ink"`, "warning</text>", `href="/hosts/stats1/munin?span=month"`, "&lt;script&gt;",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, never := range []string{"<script>alert", "received</th>", "Could not read", "COLOUR"} {
		if strings.Contains(body, never) {
			t.Errorf("there is %q", never)
		}
	}
	if _, body := get(t, pages, "/hosts/stats1"); !strings.Contains(body, `href="/hosts/stats1/munin"`) {
		t.Error("the host's page has no link")
	}
	if _, body := get(t, pages, "/hosts/web1"); strings.Contains(body, "/munin") {
		t.Error("a host without plugins has a link")
	}
	if _, body := get(t, pages, "/hosts/web1/munin"); !strings.Contains(body, "No Munin plugin has described a graph") {
		t.Error("a host without plugins says nothing")
	}
	if status, _ := get(t, pages, "/hosts/nobody/munin"); status != http.StatusNotFound {
		t.Errorf("a host that is none: %d", status)
	}
	fleet.Fail["Range"] = errors.New("the store is away")
	if status, body := get(t, pages, "/hosts/stats1/munin"); status != http.StatusOK || !strings.Contains(body, "Could not read the graphs of Munin&#39;s plugins: the store is away.") {
		t.Errorf("without a store: %d\n%s", status, body)
	}
}
