package series

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/dialtone/dialtone"
)

// descriptions is what is known of metrics by their names, for /api/v1/metadata. Prometheus learns it when it scrapes; here the
// declarations of the checks say it.
type descriptions struct {
	mu     sync.RWMutex
	byName map[string][]description
}

// description has the shape that Prometheus answers.
type description struct {
	Type dialtone.MetricType `json:"type"`
	Help string              `json:"help"`
	Unit string              `json:"unit"`
}

// SetMetadata says what metrics mean, for /api/v1/metadata: Grafana shows it beside their names. It replaces what was said before.
func (s *Store) SetMetadata(metrics []dialtone.Metric) {
	byName := make(map[string][]description, len(metrics))
	for _, m := range metrics {
		byName[m.Name] = []description{{Type: m.Type, Help: m.Help, Unit: m.Unit}}
	}
	s.describe.mu.Lock()
	defer s.describe.mu.Unlock()
	s.describe.byName = byName
}

// ServeHTTP answers GET /api/v1/metadata with its parameters metric and limit. There is one description a metric, so that
// limit_per_metric changes nothing.
func (d *descriptions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit := -1
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			respond(w, http.StatusBadRequest, map[string]any{"status": "error", "errorType": "bad_data", "error": "limit must be a number"})
			return
		}
		limit = n
	}
	respond(w, http.StatusOK, map[string]any{"status": "success", "data": d.find(r.FormValue("metric"), limit)})
}

// find returns what is known of one metric, or of limit metrics; -1 is all.
func (d *descriptions) find(metric string, limit int) map[string][]description {
	d.mu.RLock()
	defer d.mu.RUnlock()
	found := map[string][]description{}
	for name, all := range d.byName {
		if limit >= 0 && len(found) >= limit {
			break
		}
		if metric == "" || metric == name {
			found[name] = all
		}
	}
	return found
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
}
