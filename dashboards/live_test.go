package dashboards_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone/dashboards"
	"github.com/dialtone/dialtone/dashboards/web/e2e/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a connection whose other side can be read while it is written.
type recorder struct {
	mu     sync.Mutex
	header http.Header
	text   strings.Builder
}

func (r *recorder) Header() http.Header              { return r.header }
func (r *recorder) WriteHeader(int)                  {}
func (r *recorder) Flush()                           {}
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }
func (r *recorder) Write(content []byte) (n int, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(content)
}

func (r *recorder) lines(with string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for line := range strings.Lines(r.text.String()) {
		if strings.HasPrefix(line, with) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestChangesWithinAMomentAreOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := fake.Busy(time.Now)
		ctx, leave := context.WithCancel(t.Context())
		w := &recorder{header: http.Header{}}
		pages := serve(t, fleet)
		done := make(chan struct{})
		go func() {
			defer close(done)
			pages.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/live", http.NoBody))
		}()
		synctest.Wait()
		for range 3 {
			fleet.Tell(dashboards.Change{Incident: "i1", Node: "web1"})
		}
		fleet.Tell(dashboards.Change{Node: "web 2"})
		<-time.After(time.Second)
		synctest.Wait()
		want := []string{`data: ["incidents","incident/i1","hosts","host/web1","host/web 2"]`}
		if diff := cmp.Diff(want, w.lines("data:")); diff != "" {
			t.Error(diff)
		}
		<-time.After(40 * time.Second)
		synctest.Wait()
		if beats := len(w.lines(": still here")); beats != 2 {
			t.Errorf("%d signs of life in 41 s, want 2", beats)
		}
		leave()
		<-done
		synctest.Wait()
		if n := fleet.Watchers(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
}

func TestALivePageHearsOfAnAction(t *testing.T) {
	fleet := fake.Busy(clock)
	pages := serve(t, fleet)
	server := httptest.NewServer(pages)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/live", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	scanner := bufio.NewScanner(resp.Body)
	if !scanner.Scan() {
		t.Fatal("the stream says nothing")
	}
	if err := fleet.AwaitWatchers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	post(t, pages, incident+"/ack", "who=Bob", nil)
	for scanner.Scan() {
		if strings.Contains(scanner.Text(), `"incident/20261121-0312-ab"`) {
			return
		}
	}
	t.Fatalf("the stream ended: %v", scanner.Err())
}

func TestTooManyOpenPagesAreToldSo(t *testing.T) {
	fleet := fake.Busy(clock)
	pages := serve(t, fleet)
	ctx, leave := context.WithCancel(t.Context())
	patient, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var open sync.WaitGroup
	for range 200 {
		open.Go(func() {
			pages.ServeHTTP(&recorder{header: http.Header{}}, httptest.NewRequestWithContext(ctx, http.MethodGet, "/live", http.NoBody))
		})
	}
	if err := fleet.AwaitWatchers(patient, 200); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, pages, "/live"); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	leave()
	open.Wait()
}

func TestGraphFiles(t *testing.T) {
	pages := serve(t, fake.Busy(clock))
	for _, tc := range []struct {
		path   string
		status int
		begins string
	}{
		{"/g/cpu.png?host=web1", http.StatusOK, "\x89PNG"},
		{"/g/cpu.svg?host=web1&theme=dark&span=week", http.StatusOK, "<svg"},
		{"/g/memory.json?host=web1&span=day", http.StatusOK, `{"title":"`},
		{"/g/service-cpu.json?host=web1&service=celery", http.StatusOK, `{"title":"celery`},
		{"/g/incident.png?id=20261121-0312-ab", http.StatusOK, "\x89PNG"},
		{"/g/node_load1.svg?span=6h&at=2026-11-21T03:12Z", http.StatusOK, "<svg"},
		{"/g/cpu.json", http.StatusOK, `{"title":"`},
		{"/g/nope.png", http.StatusNotFound, ""},
		{"/g/nope.png?host=web1", http.StatusNotFound, ""},
		{"/g/incident.png?id=nope", http.StatusNotFound, ""},
		{"/g/cpu.gif", http.StatusNotFound, ""},
		{"/g/cpu", http.StatusNotFound, ""},
		{"/g/cpu.png?span=eternity", http.StatusBadRequest, ""},
	} {
		status, body := get(t, pages, tc.path)
		if status != tc.status || !strings.HasPrefix(body, tc.begins) {
			t.Errorf("%s: status %d, begins %.20q", tc.path, status, body)
		}
	}
}
