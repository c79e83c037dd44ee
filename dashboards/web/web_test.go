package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestStyleIsServedUnderItsHash(t *testing.T) {
	a, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a.Style, "/assets/style-") || !strings.HasSuffix(a.Style, ".css") {
		t.Fatalf("the style sheet is %q", a.Style)
	}
	for _, packed := range []bool{false, true} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, a.Style, http.NoBody)
		if packed {
			r.Header.Set("Accept-Encoding", "br, gzip")
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("status %d, headers %v", w.Code, w.Header())
		}
		if got := unpack(t, w, packed); got != string(style) {
			t.Errorf("packed %v: %d bytes came, want %d", packed, len(got), len(style))
		}
	}
}

func unpack(t *testing.T, w *httptest.ResponseRecorder, packed bool) string {
	t.Helper()
	var r io.Reader = w.Body
	if packed {
		var err error
		if r, err = gzip.NewReader(w.Body); err != nil {
			t.Fatal(err)
		}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestUnknownFilesAreNotFound(t *testing.T) {
	a, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/assets/style.css", "/assets/", "/assets/../web.go"} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// TestScriptStaysSmall holds the limit of 30 KiB that a slow link allows; without a bundle there is nothing to hold.
func TestScriptStaysSmall(t *testing.T) {
	a, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if a.Script == "" {
		t.Skip("the islands are not built; go run ./dashboards/web/build builds them")
	}
	packed := a.files[strings.TrimPrefix(a.Script, Prefix)].packed
	if len(packed) == 0 || len(packed) > 30<<10 {
		t.Errorf("the islands are %d bytes packed; the limit is 30 KiB", len(packed))
	}
	if a.ScriptStyle == "" {
		t.Error("the islands have no style")
	}
}
