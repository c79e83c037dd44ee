package collector

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/dialtone/dialtone"
)

// Incidents answers what is open at the desk.
type Incidents interface{ OpenIncidents() []dialtone.Incident }

// Health answers "is everything working?". OK means: at least one node is known, every node is heard, its agent can do all of its
// work, every service that is monitored is OK, and no incident is open.
type Health struct {
	OK       bool      `json:"ok"`
	Problems []Problem `json:"problems"`
}

// Problem is one thing that is not working. Service is empty when it is the node itself, Node when there is none.
type Problem struct {
	Node     string         `json:"node"`
	Service  string         `json:"service"`
	State    dialtone.State `json:"state"`
	Why      string         `json:"why"`
	Since    time.Time      `json:"since,omitzero"`
	Incident string         `json:"incident,omitempty"`
}

// NewAPI serves what the collector knows itself, as JSON:
//
//	GET /api/dialtone/v1/nodes         every dialtone.NodeStatus
//	GET /api/dialtone/v1/nodes/{name}  one of them, or 404
//	GET /api/dialtone/v1/ok            [Health]
func NewAPI(nodes *Nodes, incidents Incidents) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/dialtone/v1/nodes", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, nodes.All())
	})
	mux.HandleFunc("GET /api/dialtone/v1/nodes/{name}", func(w http.ResponseWriter, r *http.Request) {
		st, ok := nodes.Node(r.PathValue("name"))
		if !ok {
			answer(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("no node is called %q", r.PathValue("name"))})
			return
		}
		answer(w, http.StatusOK, st)
	})
	mux.HandleFunc("GET /api/dialtone/v1/ok", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, healthOf(nodes, incidents.OpenIncidents()))
	})
	return mux
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client hung up: nobody is left to tell
}

// healthOf joins open incidents with what the nodes say themselves, the most urgent first. An incident speaks for its
// service; a service in trouble without one is told too.
func healthOf(nodes *Nodes, open []dialtone.Incident) Health {
	found := map[[2]string]Problem{}
	for _, p := range nodes.problems() {
		found[[2]string{p.Node, p.Service}] = p
	}
	for _, in := range open {
		found[[2]string{in.Node, in.Service}] = Problem{Node: in.Node, Service: in.Service, State: in.Severity, Why: in.Why, Since: in.Began, Incident: in.ID}
	}
	h := Health{OK: len(found) == 0, Problems: make([]Problem, 0, len(found))}
	for _, p := range found {
		h.Problems = append(h.Problems, p)
	}
	slices.SortFunc(h.Problems, func(a, b Problem) int {
		if a.State != b.State && a.State.Worse(b.State) {
			return -1
		}
		if a.State != b.State {
			return 1
		}
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Service, b.Service))
	})
	return h
}

// problems returns what the table itself knows to be wrong.
func (n *Nodes) problems() []Problem {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.entries) == 0 {
		return []Problem{{Why: "no agent has connected yet"}}
	}
	var all []Problem
	for name, e := range n.entries {
		if e.live == 0 {
			all = append(all, away(name, e))
			continue
		}
		for _, s := range e.Status.Services {
			if s.Monitored && s.State != dialtone.OK {
				all = append(all, Problem{Node: name, Service: s.Name, State: s.State, Why: cmp.Or(s.Why, "not checked yet"), Since: s.Since})
			}
		}
		if why := hindered(e.Status); why != "" {
			all = append(all, Problem{Node: name, State: dialtone.Warning, Why: why})
		}
	}
	return all
}

// hindered says what keeps an agent from its work, in its own words; nothing does when it is empty.
func hindered(st dialtone.NodeStatus) string {
	if st.ConfigError == "" {
		return st.Trouble
	}
	refused := "its new control file was refused: " + st.ConfigError
	if st.Trouble == "" {
		return refused
	}
	return st.Trouble + "; " + refused
}

// away describes a node without a session: Unknown until its silence has been told.
func away(name string, e *entry) Problem {
	p := Problem{Node: name, Why: "not connected", Since: e.Status.LastSeen}
	if e.Told != nil {
		p.State, p.Why = e.Told.To, "no heartbeat since "+e.Told.LastSeen.Format("2006-01-02 15:04:05 UTC")
	}
	if e.Stopped != "" {
		p.Why = fmt.Sprintf("its agent was stopped (%s)", e.Stopped)
	}
	return p
}
