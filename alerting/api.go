package alerting

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dialtone/dialtone"
)

// API serves what the desk knows, as JSON, newest first:
//
//	GET /api/dialtone/v1/incidents?open=true&node=N&service=S&since=RFC3339&limit=N   dialtone.Incident, each
//	GET /api/dialtone/v1/incidents/{id}                                               one of them, or 404
//	GET /api/dialtone/v1/events?incident=ID&node=N&service=S&kind=K&since=…&limit=N   dialtone.Event, each
//	GET /api/dialtone/v1/incidents/{id}/notices                                       dialtone.Notice, each, oldest first
//
// A limit above 10000, or none, is read as Incidents and Events read it.
func (d *Desk) API() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/dialtone/v1/incidents", func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r)
		if err != nil {
			answer(w, nil, err)
			return
		}
		found, err := d.Incidents(IncidentFilter{
			Open: r.FormValue("open") == "true", Node: r.FormValue("node"), Service: r.FormValue("service"), Since: q.since, Limit: q.limit,
		})
		answer(w, found, err)
	})
	mux.HandleFunc("GET /api/dialtone/v1/incidents/{id}", func(w http.ResponseWriter, r *http.Request) {
		in, err := d.Incident(r.PathValue("id"))
		answer(w, in, err)
	})
	mux.HandleFunc("GET /api/dialtone/v1/incidents/{id}/notices", func(w http.ResponseWriter, r *http.Request) {
		found, err := d.Notices(r.PathValue("id"))
		answer(w, found, err)
	})
	mux.HandleFunc("GET /api/dialtone/v1/events", func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r)
		if err != nil {
			answer(w, nil, err)
			return
		}
		found, err := d.Events(EventFilter{
			Incident: r.FormValue("incident"), Node: r.FormValue("node"), Service: r.FormValue("service"),
			Kind: dialtone.EventKind(r.FormValue("kind")), Since: q.since, Limit: q.limit,
		})
		answer(w, found, err)
	})
	return mux
}

// query is what both lists can be asked for.
type query struct {
	since time.Time
	limit int
}

// badQueryError is a question that cannot be answered as it is.
type badQueryError struct{ field, text, want string }

func (e *badQueryError) Error() string { return fmt.Sprintf("%s=%q: want %s", e.field, e.text, e.want) }

func readQuery(r *http.Request) (q query, err error) {
	if text := r.FormValue("since"); text != "" {
		if q.since, err = time.Parse(time.RFC3339, text); err != nil {
			return q, &badQueryError{"since", text, "a time such as 2026-11-21T03:12:00Z"}
		}
	}
	if text := r.FormValue("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 {
			return q, &badQueryError{"limit", text, "a number from 1 to 10000"}
		}
	}
	return q, nil
}

func answer(w http.ResponseWriter, v any, err error) {
	code := http.StatusOK
	var bad *badQueryError
	switch {
	case errors.As(err, &bad):
		code = http.StatusBadRequest
	case errors.Is(err, ErrNoIncident):
		code = http.StatusNotFound
	case err != nil:
		code = http.StatusInternalServerError
	}
	if err != nil {
		v = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client hung up: nobody is left to tell
}
