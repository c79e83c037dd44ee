package alerting

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dialtone/dialtone"
)

func TestAPIAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		o.tell(down("nginx"))
		in := o.only()
		for _, c := range []struct {
			path string
			code int
			want string
		}{
			{"/api/dialtone/v1/incidents?open=true&limit=5", http.StatusOK, `"id":"` + in.ID + `"`},
			{"/api/dialtone/v1/incidents?node=other", http.StatusOK, `[]`},
			{"/api/dialtone/v1/incidents/" + in.ID, http.StatusOK, `"service":"nginx"`},
			{"/api/dialtone/v1/incidents/" + in.ID + "/notices", http.StatusOK, `[`},
			{"/api/dialtone/v1/incidents/none", http.StatusNotFound, `no such incident`},
			{"/api/dialtone/v1/events?incident=" + in.ID, http.StatusOK, `"kind":"state"`},
			{"/api/dialtone/v1/events?kind=heal", http.StatusOK, `[]`},
			{"/api/dialtone/v1/events?since=yesterday", http.StatusBadRequest, `a time such as 2026-11-21T03:12:00Z`},
			{"/api/dialtone/v1/events?limit=0", http.StatusBadRequest, `a number from 1 to 10000`},
		} {
			w := httptest.NewRecorder()
			o.desk.API().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody))
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%s: %d %s\nwant %d with %s", c.path, w.Code, w.Body, c.code, c.want)
			}
		}
		var events []dialtone.Event
		w := httptest.NewRecorder()
		o.desk.API().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/dialtone/v1/events", http.NoBody))
		if err := json.Unmarshal(w.Body.Bytes(), &events); err != nil || len(events) == 0 {
			t.Errorf("events do not read back: %v, %d of them", err, len(events))
		}
	})
}
