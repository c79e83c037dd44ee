package collector

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
)

// open is a desk's answer.
type open []dialtone.Incident

func (o open) OpenIncidents() []dialtone.Incident { return o }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// table is a node table of one connected node with the given services.
func table(t *testing.T, services ...dialtone.ServiceStatus) *Nodes {
	t.Helper()
	n, err := OpenNodes(filepath.Join(t.TempDir(), "nodes.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	h := helloOf("id", "web1", "run")
	n.arrived(h, noon)
	n.update(h, dialtone.NodeStatus{Platform: "Debian", Services: services})
	return n
}

func get(t *testing.T, h http.Handler, path string) (code int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	if ct := w.Header().Get("Content-Type"); w.Code != http.StatusMethodNotAllowed && ct != "application/json" {
		t.Errorf("%s: content type %q", path, ct)
	}
	return w.Code, w.Body.String()
}

func TestNodesAsJSON(t *testing.T) {
	api := NewAPI(table(t, dialtone.ServiceStatus{Name: "nginx", State: dialtone.OK, Monitored: true}), open{})
	code, body := get(t, api, "/api/dialtone/v1/nodes")
	var nodes []dialtone.NodeStatus
	if err := json.Unmarshal([]byte(body), &nodes); err != nil || code != 200 || len(nodes) != 1 || !nodes[0].Connected || !nodes[0].LastSeen.Equal(noon) {
		t.Errorf("%d %s, %v", code, body, err)
	}
	if code, body = get(t, api, "/api/dialtone/v1/nodes/web1"); code != 200 || !strings.Contains(body, `"platform":"Debian"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body = get(t, api, "/api/dialtone/v1/nodes/web2"); code != 404 || !strings.Contains(body, `no node is called \"web2\"`) {
		t.Errorf("%d %s", code, body)
	}
}

func TestIsEverythingWorking(t *testing.T) {
	fine := dialtone.ServiceStatus{Name: "nginx", State: dialtone.OK, Monitored: true, Since: noon}
	down := dialtone.ServiceStatus{Name: "mysql", State: dialtone.Critical, Monitored: true, Since: noon, Why: "process is not running"}
	fresh := dialtone.ServiceStatus{Name: "cron", Monitored: true}
	resting := dialtone.ServiceStatus{Name: "exim", State: dialtone.Critical}
	incident := dialtone.Incident{ID: "i1", Node: "web1", Service: "mysql", Severity: dialtone.Critical, Why: "cannot be started", Opened: noon, Began: noon}
	tests := []struct {
		name     string
		services []dialtone.ServiceStatus
		open     open
		want     []string // state node/service incident
	}{
		{"all is well", []dialtone.ServiceStatus{fine, resting}, nil, nil},
		{"one down, no incident yet", []dialtone.ServiceStatus{fine, down}, nil, []string{"critical web1/mysql "}},
		{"one down, with its incident", []dialtone.ServiceStatus{fine, down}, open{incident}, []string{"critical web1/mysql i1"}},
		{"never checked is not healthy", []dialtone.ServiceStatus{fresh, down}, nil, []string{"critical web1/mysql ", "unknown web1/cron "}},
		{"an incident of a node that is gone", []dialtone.ServiceStatus{fine}, open{{ID: "i2", Node: "db1", Severity: dialtone.Warning}}, []string{"warning db1/ i2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, body := get(t, NewAPI(table(t, tt.services...), tt.open), "/api/dialtone/v1/ok")
			var h Health
			if err := json.Unmarshal([]byte(body), &h); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range h.Problems {
				got = append(got, p.State.String()+" "+p.Node+"/"+p.Service+" "+p.Incident)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || h.OK != (len(tt.want) == 0) {
				t.Errorf("ok %t, problems (-want +got):\n%s", h.OK, diff)
			}
		})
	}
}

func TestAnAgentThatIsHinderedIsNotWorking(t *testing.T) {
	const nothingHealed, refused = "nothing is healed: the state folder cannot be written: read-only file system", "dialtone.conf:3:1: unknown word"
	tests := []struct {
		name   string
		status dialtone.NodeStatus
		want   []Problem
	}{
		{"it can do all", dialtone.NodeStatus{}, []Problem{}},
		{"trouble", dialtone.NodeStatus{Trouble: nothingHealed}, []Problem{{Node: "web1", State: dialtone.Warning, Why: nothingHealed}}},
		{"a file refused", dialtone.NodeStatus{ConfigError: refused}, []Problem{{Node: "web1", State: dialtone.Warning, Why: "its new control file was refused: " + refused}}},
		{"both", dialtone.NodeStatus{Trouble: nothingHealed, ConfigError: refused}, []Problem{
			{Node: "web1", State: dialtone.Warning, Why: nothingHealed + "; its new control file was refused: " + refused},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := table(t)
			n.update(helloOf("id", "web1", "run"), tt.status)
			if diff := cmp.Diff(Health{OK: len(tt.want) == 0, Problems: tt.want}, healthOf(n, nil)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobodyThereIsNotWorking(t *testing.T) {
	n := table(t)
	n.left("web1", "")
	_, body := get(t, NewAPI(n, open{}), "/api/dialtone/v1/ok")
	if want := `{"ok":false,"problems":[{"node":"web1","service":"","state":"unknown","why":"not connected","since":"2026-03-01T12:00:00Z"}]}`; strings.TrimSpace(body) != want {
		t.Errorf("got  %swant %s", body, want)
	}
	if _, err := n.forget("web1"); err != nil {
		t.Fatal(err)
	}
	if _, body = get(t, NewAPI(n, open{}), "/api/dialtone/v1/ok"); !strings.Contains(body, "no agent has connected yet") {
		t.Errorf("an empty collector says %s", body)
	}
}

func TestATableThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	spoiled := filepath.Join(dir, "nodes.db")
	if err := os.WriteFile(spoiled, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{spoiled, filepath.Join(spoiled, "nodes.db"), dir} {
		if n, err := OpenNodes(path); err == nil {
			t.Errorf("%s was opened: %v", path, n)
		} else if !strings.Contains(err.Error(), "node table") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
