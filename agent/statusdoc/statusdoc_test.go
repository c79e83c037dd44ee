package statusdoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

var update = flag.Bool("update", false, "write the golden files anew")

const password = "hunter2-of-the-page"

func sample() Doc {
	now := time.Unix(1_800_000_000, 250_000_000)
	status := func(name, kind string) dialtone.ServiceStatus {
		return dialtone.ServiceStatus{Name: name, Kind: kind, State: dialtone.OK, Monitored: true, Checked: now.Add(-time.Second)}
	}
	port, socket := &control.Connection{Port: 80, Protocol: "http", Host: "www.example"}, &control.Connection{UnixSocket: "/run/s"}
	size := &control.Compare{Value: "size_bytes", Op: control.Greater, Threshold: 1}
	resting := status("later", "process")
	resting.Monitored = false
	return Doc{
		ID: "id<1>", Now: now, Interval: 5 * time.Second, StartDelay: time.Second,
		Status: dialtone.NodeStatus{Node: dialtone.Node{Name: "web1"}, ControlFile: "/etc/monitrc", Started: now.Add(-time.Hour)},
		HTTP:   &control.HTTPServer{Address: "localhost", Port: 2812, Allow: []control.Allow{{User: "admin", Password: password}}},
		Services: []agent.Snapshot{
			{
				Status: status("nginx", "process"), Fails: []control.Test{port},
				Spec: &control.Service{
					Name: "nginx", Kind: "process", Groups: []string{"web", "all"}, Every: []control.Every{{Cycles: 2}}, Mode: "passive", OnReboot: "laststate",
					Rules: []*control.Rule{{Test: port}, {Test: socket}},
				},
				Report: &checks.Report{
					Values: map[string]float64{"pid": 7, "memory_bytes": 3 << 20, "memory_percent": 1.25, "cpu_percent": 0.5},
					Texts:  map[string]string{"uid": "0"},
					Connections: map[*control.Connection]checks.Probe{
						port: {Err: errors.New("refused")}, socket: {Took: 1500 * time.Microsecond},
					},
				},
			},
			{
				Status: status("log", "file"), Fails: []control.Test{size}, Spec: &control.Service{Name: "log", Kind: "file", Groups: []string{"all"}},
				Report: &checks.Report{Values: map[string]float64{"size_bytes": 1e7}, Texts: map[string]string{"permission": "644", "checksum": strings.Repeat("a", 40)}},
			},
			{
				Status: status("raid", "program"), Took: time.Second, Spec: &control.Service{Name: "raid", Kind: "program", Every: []control.Every{{Cron: "0 3 * * *", Not: true}}},
				Report: &checks.Report{Values: map[string]float64{"status": 2}, Lines: []string{"md0 <degraded>", "\x1b[31mbell\x07"}},
			},
			{Status: resting, Spec: &control.Service{Name: "later", Kind: "process"}},
			{Status: dialtone.ServiceStatus{Name: "new", Monitored: true}, Spec: &control.Service{Name: "new", Kind: "host"}},
		},
	}
}

func TestGolden(t *testing.T) {
	event := Event{
		At: time.Unix(1_800_000_001, 5000), Service: "nginx", Kind: "process", Type: "connection", Failed: true,
		Action: control.Restart, Message: "connection to www.example:80 refused ]]>",
	}
	for name, write := range map[string]func(io.Writer) error{
		"status.xml":  func(w io.Writer) error { return WriteXML(w, sample()) },
		"status.json": func(w io.Writer) error { return WriteJSON(w, sample()) },
		"post.xml":    func(w io.Writer) error { return WritePost(w, sample(), &event) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			got := platform.ReplaceAllString(strings.ReplaceAll(b.String(), "><", ">\n<"), "<platform/>")
			if strings.Contains(got, password) || strings.Contains(got, "credentials") {
				t.Error("the page's password leaves the node")
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var platform = regexp.MustCompile(`(?s)<platform>.*</platform>`) // this machine's

func TestXMLIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	if err := WriteXML(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(&b); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
