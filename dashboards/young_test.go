package dashboards_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/dashboards/web/e2e/fake"
)

// youngFleet is a fleet whose first samples were taken a while ago.
func youngFleet(ago time.Duration) *fake.Fleet {
	fleet := fake.Busy(clock)
	fleet.Began = clock().Add(-ago)
	return fleet
}

// span is the length of a graph's window.
func span(t *testing.T, fleet *fake.Fleet, path string) (time.Duration, string) {
	t.Helper()
	status, body := get(t, serve(t, fleet), path)
	var graph struct {
		From, To float64
		Title    string
	}
	if err := json.Unmarshal([]byte(body), &graph); status != http.StatusOK || err != nil {
		t.Fatalf("%s: status %d, %v", path, status, err)
	}
	return time.Duration(graph.To-graph.From) * time.Second, graph.Title
}

func TestAYoungNodeFillsItsGraphs(t *testing.T) {
	const cpu, day = "/g/cpu.json?host=web1", "/g/cpu.json?host=web1&span=day"
	for _, tc := range []struct {
		began time.Duration
		path  string
		want  time.Duration
	}{
		{10 * time.Second, cpu, 10 * time.Minute},
		{8 * time.Minute, cpu, 10 * time.Minute},
		{9*time.Minute + 50*time.Second, cpu, 15 * time.Minute},
		{11 * time.Minute, cpu, time.Hour},
		{8 * time.Minute, day, 10 * time.Minute},
		{8 * time.Minute, "/g/cpu.json?host=web1&span=month", 10 * time.Minute},
		{12 * time.Minute, day, time.Hour},
		{2 * time.Hour, day, 3 * time.Hour},
		{8 * time.Minute, "/g/cpu.json?span=day", 10 * time.Minute},
		{8 * time.Minute, cpu + "&at=2026-11-21T03:26:20Z", time.Hour},
	} {
		got, _ := span(t, youngFleet(tc.began), tc.path)
		if got != tc.want {
			t.Errorf("%s, measured since %v: shows %v, want %v", tc.path, tc.began, got, tc.want)
		}
	}
}

func TestAGraphInTheSameWindowStandsOnce(t *testing.T) {
	_, body := get(t, serve(t, youngFleet(8*time.Minute)), "/hosts/web1")
	if !strings.Contains(body, `id="cpu-hour"`) || strings.Contains(body, `id="cpu-day"`) {
		t.Error("the graph of the day repeats the graph of the hour")
	}
	_, body = get(t, serve(t, youngFleet(2*time.Hour)), "/hosts/web1")
	if !strings.Contains(body, `id="cpu-day"`) {
		t.Error("the graph of the day is missing")
	}
}

func TestGraphOfAnIncidentSaysWhatTheIncidentSays(t *testing.T) {
	const critical = "nginx has been critical since 04:12."
	for _, tc := range []struct {
		name  string
		began time.Duration
		path  string
		want  time.Duration
		title string
	}{
		{"an old node", 1000 * time.Hour, "/g/incident.json?id=20261121-0312-ab", 3 * time.Hour, critical},
		{"samples are younger than the incident", 10 * time.Second, "/g/incident.json?id=20261121-0312-ab", time.Hour, critical},
		{"no sample yet", -time.Minute, "/g/incident.json?id=20261121-0312-ab", time.Hour, critical},
		{"no sample of a silent host", -time.Minute, "/g/incident.json?id=20261121-0322-cd", 10 * time.Minute, "pbx1 has been silent since 04:22."},
		{"it is over", 1000 * time.Hour, "/g/incident.json?id=20261120-1602-aa", 3 * time.Hour, "postgres was critical for 38 ms, from 17:26."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, title := span(t, youngFleet(tc.began), tc.path)
			if got != tc.want || title != tc.title {
				t.Errorf("shows %v and says %q, want %v and %q", got, title, tc.want, tc.title)
			}
		})
	}
}
