package dashboards_test

import (
	"context"
	"errors"
	"flag"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards"
	"github.com/dialtone/dialtone/dashboards/web/e2e/fake"
)

var update = flag.Bool("update", false, "write the golden files anew")

const incident = "/i/20261121-0312-ab"

// clock stands still, so that pages are the same each time.
func clock() time.Time { return time.Date(2026, 11, 21, 3, 26, 20, 0, time.UTC) }

func serve(t *testing.T, fleet *fake.Fleet) *dashboards.Pages {
	t.Helper()
	pages, err := dashboards.New(dashboards.Config{
		Source: fleet, Actions: fleet, Log: slog.New(slog.DiscardHandler), Zone: time.FixedZone("CET", 3600), Version: "test", Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func get(t *testing.T, h http.Handler, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return w.Code, w.Body.String()
}

// mainOf is what differs between pages; the rest depends on whether the islands were built.
func mainOf(t *testing.T, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, "<main")
	inner, _, closed := strings.Cut(rest, "</main>")
	if !ok || !closed {
		t.Fatalf("no <main> in\n%s", body)
	}
	return "<main" + inner + "</main>\n"
}

func TestPagesAreAsLookedAt(t *testing.T) {
	busy, empty := fake.Busy(clock), fake.Empty(clock)
	for name, tc := range map[string]struct {
		fleet *fake.Fleet
		path  string
	}{
		"now":             {busy, "/"},
		"now-empty":       {empty, "/"},
		"incident":        {busy, incident},
		"incident-healed": {busy, "/i/20261120-1602-aa"},
		"incidents":       {busy, "/incidents"},
		"incidents-empty": {empty, "/incidents"},
		"hosts":           {busy, "/hosts"},
		"hosts-empty":     {empty, "/hosts"},
		"series":          {busy, "/metrics/"},
		"series-empty":    {empty, "/metrics/"},
		"metric":          {busy, "/metrics/node_load1?span=day"},
		"lost":            {busy, "/hosts/nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := get(t, serve(t, tc.fleet), tc.path)
			got := mainOf(t, body)
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (-want +got); look at the page, then run with -update:\n%s", name, diff)
			}
		})
	}
}

func TestHostPageHasServicesAndGraphs(t *testing.T) {
	status, body := get(t, serve(t, fake.Busy(clock)), "/hosts/web1?span=day")
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	for _, want := range []string{
		"healing given up", "unmonitored by root at 02:10", `id="cpu-day"`, `id="cpu-week"`, `id="service-memory-day"`, "last week", "Show as table",
		`href="/hosts/web1?span=month"`, `href="/metrics/cpu"`, "Its newest control file was refused",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page of a host lacks %q", want)
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	pages := serve(t, fake.Busy(clock))
	for _, path := range []string{"/", incident, "/incidents", "/hosts", "/hosts/web1", "/metrics/cpu", "/hosts/" + url.PathEscape(fake.Hostile), "/hosts/web1?span=" + url.QueryEscape(fake.Hostile)} {
		_, body := get(t, pages, path)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") {
			t.Errorf("%s lets text out of its place", path)
		}
	}
}

// TestAFaultStaysOnItsPart takes away one thing a page reads: the page says so and shows the rest.
func TestAFaultStaysOnItsPart(t *testing.T) {
	for _, tc := range []struct{ method, path, still string }{
		{"Nodes", "/", "nginx on web1 is down"},
		{"Incidents", "/", "rabbitmq"},
		{"Events", "/", "rabbitmq"},
		{"Range", "/", "rabbitmq"},
		{"Events", incident, "nginx on web1 is down"},
		{"Notices", incident, "Timeline"},
		{"Range", incident, "nginx on web1 is down"},
		{"Range", "/hosts", "web1"},
		{"Range", "/hosts/web1", "memcached"},
		{"Incidents", "/hosts/web1", "memcached"},
		{"Range", "/metrics/cpu", "Processor time"},
		{"SeriesNames", "/metrics/", "Disk space"},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			fleet := fake.Busy(clock)
			fleet.Fail[tc.method] = errors.New("the disk is gone")
			status, body := get(t, serve(t, fleet), tc.path)
			if status != http.StatusOK || !strings.Contains(body, "the disk is gone") || !strings.Contains(body, tc.still) {
				t.Errorf("status %d; fault told: %v; rest shown: %v", status, strings.Contains(body, "the disk is gone"), strings.Contains(body, tc.still))
			}
			if tc.path == "/" && tc.method != "Events" && strings.Contains(body, "Everything works") {
				t.Error("what could not be read counts as good news")
			}
		})
	}
}

func TestAPageThatCannotBeReadSaysSo(t *testing.T) {
	fleet := fake.Busy(clock)
	fleet.Fail["Incident"] = errors.New("the disk is gone")
	status, body := get(t, serve(t, fleet), incident)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "the disk is gone") || !strings.Contains(body, `href="/hosts"`) {
		t.Errorf("status %d, body\n%s", status, body)
	}
}

func TestWhatIsNotThereLeadsBack(t *testing.T) {
	pages := serve(t, fake.Busy(clock))
	for _, path := range []string{"/nope", "/i/nope", "/hosts/nope", "/metrics/nope", "/metrics/up%7B%7D", "/hosts/web1?span=year", "/hosts/web1?at=yesterday", "/metrics/cpu?span=-1h"} {
		status, body := get(t, pages, path)
		if status != http.StatusNotFound || !strings.Contains(body, `<a href="/">Back to Now</a>`) {
			t.Errorf("%s: status %d, a way back: %v", path, status, strings.Contains(body, "Back to Now"))
		}
	}
}

func TestOnePartOfAPage(t *testing.T) {
	pages := serve(t, fake.Busy(clock))
	status, body := get(t, pages, "/hosts/web1?part=services")
	if status != http.StatusOK || !strings.HasPrefix(strings.TrimSpace(body), `<section id="services"`) || strings.Contains(body, "svg class=\"plot\"") {
		t.Errorf("status %d, body\n%.300s", status, body)
	}
	if status, _ := get(t, pages, "/?part=nope"); status != http.StatusNotFound {
		t.Errorf("an unknown part has status %d", status)
	}
}

func TestHeadersForbidWhatIsNotOurs(t *testing.T) {
	w := httptest.NewRecorder()
	serve(t, fake.Busy(clock)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the content policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the content policy is unsafe: %s", policy)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if body := w.Body.String(); strings.Contains(body, "style=") || strings.Contains(body, "onclick") {
		t.Error("a page has inline style or script, which the policy forbids")
	}
}

func post(t *testing.T, h http.Handler, path, form string, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestForms(t *testing.T) {
	for _, tc := range []struct {
		name, path, form string
		headers          map[string]string
		fail             error
		status           int
		done             []string
	}{
		{name: "take it", path: incident + "/ack", form: "who=Bob", status: http.StatusSeeOther, done: []string{"ack 20261121-0312-ab Bob"}},
		{name: "nobody says who", path: incident + "/escalate", status: http.StatusSeeOther, done: []string{"escalate 20261121-0312-ab someone at the console"}},
		{name: "a name of several lines", path: incident + "/mute", form: "who=%20Eve%0A%09Smith%00%20", status: http.StatusSeeOther, done: []string{"mute 20261121-0312-ab Eve Smith"}},
		{name: "from our own page", path: incident + "/ack", headers: map[string]string{"Sec-Fetch-Site": "same-origin"}, status: http.StatusSeeOther, done: []string{"ack 20261121-0312-ab someone at the console"}},
		{name: "from another site", path: incident + "/ack", headers: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: http.StatusForbidden},
		{name: "from another origin", path: incident + "/ack", headers: map[string]string{"Origin": "https://evil.example"}, status: http.StatusForbidden},
		{name: "no such incident", path: "/i/nope/ack", status: http.StatusNotFound},
		{name: "no such action", path: incident + "/explode", status: http.StatusNotFound},
		{name: "the store fails", path: incident + "/ack", fail: errors.New("the disk is gone"), status: http.StatusServiceUnavailable},
		{name: "a form too large", path: incident + "/ack", form: "who=" + strings.Repeat("x", 1<<20), status: http.StatusBadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fleet := fake.Busy(clock)
			fleet.Fail["Act"] = tc.fail
			w := post(t, serve(t, fleet), tc.path, tc.form, tc.headers)
			if w.Code != tc.status {
				t.Errorf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			if diff := cmp.Diff(tc.done, fleet.Done); diff != "" {
				t.Error(diff)
			}
			if w.Code == http.StatusSeeOther && w.Header().Get("Location") != incident {
				t.Errorf("leads to %q", w.Header().Get("Location"))
			}
		})
	}
}

func TestALongNameIsCut(t *testing.T) {
	fleet := fake.Busy(clock)
	post(t, serve(t, fleet), incident+"/ack", "who="+strings.Repeat("ü", 500), nil)
	if want := []string{"ack 20261121-0312-ab " + strings.Repeat("ü", 60)}; !cmp.Equal(want, fleet.Done) {
		t.Errorf("took %q", fleet.Done)
	}
}

func TestIncidentPNGIsAPicture(t *testing.T) {
	fleet := fake.Busy(clock)
	pages := serve(t, fleet)
	in, err := fleet.Incident(t.Context(), "20261121-0312-ab")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := pages.IncidentPNG(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(strings.NewReader(string(picture)))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 1200 || b.Dy() < 500 {
		t.Errorf("the picture is %v", b)
	}
	fleet.Fail["Range"] = errors.New("the disk is gone")
	if _, err := pages.IncidentPNG(context.Background(), dialtone.Incident{ID: "x", Node: "web1"}); err == nil {
		t.Error("a picture was made of nothing")
	}
}

func TestPackedAnswers(t *testing.T) {
	server := httptest.NewServer(serve(t, fake.Busy(clock)))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+incident, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	packed, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the page of an incident is %d bytes packed", len(packed))
	if resp.Header.Get("Content-Encoding") != "gzip" || len(packed) > 8<<10 {
		t.Errorf("encoding %q, %d bytes; on a slow link at 3 am 8 KiB is the limit", resp.Header.Get("Content-Encoding"), len(packed))
	}
}

func BenchmarkHostPage(b *testing.B)     { benchmark(b, "/hosts/web1?span=day") }
func BenchmarkIncidentPage(b *testing.B) { benchmark(b, incident) }

func benchmark(b *testing.B, path string) {
	fleet := fake.Busy(clock)
	pages, err := dashboards.New(dashboards.Config{Source: fleet, Actions: fleet, Log: slog.New(slog.DiscardHandler), Now: clock})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, http.NoBody))
		b.SetBytes(int64(w.Body.Len()))
	}
}
