package dashboards

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	mostStreams = 200                    // open pages that are kept up to date at once
	together    = 500 * time.Millisecond // changes within it are told in one message
	heartbeat   = 15 * time.Second       // so that both sides notice a dead connection
)

// live tells a page which of its parts are old, as server-sent events. The data is a JSON list of parts: "incidents", "hosts",
// "incident/ID", "host/NAME". The page then asks for the HTML of those parts.
func (p *Pages) live(w http.ResponseWriter, r *http.Request) {
	if p.streams.Add(1) > mostStreams {
		p.streams.Add(-1)
		w.Header().Set("Retry-After", "60")
		http.Error(w, "too many pages are open; this one does not update by itself", http.StatusServiceUnavailable)
		return
	}
	defer p.streams.Add(-1)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	if _, err := fmt.Fprint(w, "retry: 3000\n\n"); err != nil || out.Flush() != nil {
		return
	}
	p.tell(r, func(message string) error {
		if err := out.SetWriteDeadline(time.Now().Add(heartbeat)); err != nil {
			return fmt.Errorf("bounding a write: %w", err)
		}
		if _, err := fmt.Fprint(w, message); err != nil {
			return fmt.Errorf("telling a page of changes: %w", err)
		}
		return out.Flush()
	})
}

// tell gathers changes and sends them on until the page goes away or the source ends.
func (p *Pages) tell(r *http.Request, send func(string) error) {
	changes := p.source.Changed(r.Context())
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var old []string
	var due <-chan time.Time
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case c, ok := <-changes:
			if !ok {
				return
			}
			old = gather(old, c)
			if due == nil {
				due = time.After(together)
			}
		case <-due:
			err = send(message(old))
			old, due = nil, nil
		case <-beat.C:
			err = send(": still here\n\n")
		}
		if err != nil {
			return
		}
	}
}

// gather adds the parts that a change makes old, each once.
func gather(old []string, c Change) []string {
	var parts []string
	if c.Incident != "" {
		parts = append(parts, "incidents", "incident/"+c.Incident)
	}
	if c.Node != "" {
		parts = append(parts, "hosts", "host/"+c.Node)
	}
	for _, part := range parts {
		if !slices.Contains(old, part) {
			old = append(old, part)
		}
	}
	return old
}

func message(parts []string) string {
	text, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	return "event: change\ndata: " + string(text) + "\n\n"
}
