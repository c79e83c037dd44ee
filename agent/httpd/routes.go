package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/statusdoc"
)

// handler is all that is served: Monit's addresses, and behind each service's name its page.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /style.css", s.style)
	mux.HandleFunc("GET /_status", s.status)
	mux.HandleFunc("GET /_summary", func(w http.ResponseWriter, r *http.Request) { s.text(w, r, s.config.Write.Summary) })
	mux.HandleFunc("GET /_report", func(w http.ResponseWriter, r *http.Request) { s.text(w, r, s.config.Write.Report) })
	mux.HandleFunc("GET /_ping", func(w http.ResponseWriter, _ *http.Request) { plain(w, "pong\n") })
	mux.HandleFunc("GET /_getid", func(w http.ResponseWriter, _ *http.Request) { plain(w, s.config.Doc().ID+"\n") })
	mux.HandleFunc("GET /{service}", s.page)
	mux.HandleFunc("POST /_doaction", s.order)
	mux.HandleFunc("POST /{service}", s.order)
	guarded := http.NewCrossOriginProtection() // a page of somebody else's cannot press our buttons
	return s.headers(s.admit(guarded.Handler(mux)))
}

func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if !s.config.Settings.HideSignature {
			h.Set("Server", "dialtone "+s.config.Version)
		}
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// refusalPause makes guessing slow. It holds one of the bounded connections, and nobody else.
const refusalPause = 500 * time.Millisecond

// admit lets in whom the file allows, and nobody to act on a page that is read-only.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, given := r.BasicAuth()
		may, asks := s.gate.enter(r.Context(), remoteOf(r), name, password, given)
		if s.config.Settings.ReadOnly {
			may = min(may, read)
		}
		switch {
		case may == none && asks:
			if given {
				s.config.Log.Warn("somebody was not let in at the status page", "from", r.RemoteAddr, "user", name)
				pause(r)
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="dialtone", charset="UTF-8"`)
			http.Error(w, "a name and password are needed", http.StatusUnauthorized)
		case may == none:
			http.Error(w, "no `allow` of set httpd lets this address in", http.StatusForbidden)
		case may == read && r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.Error(w, "this page may be read, and nothing ordered", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r.WithContext(withVisitor(r.Context(), visitor{name: name, may: may})))
		}
	})
}

// remoteOf is empty for a Unix socket.
func remoteOf(r *http.Request) string {
	if local, is := r.Context().Value(http.LocalAddrContextKey).(net.Addr); is && local.Network() == "unix" {
		return ""
	}
	return r.RemoteAddr
}

func pause(r *http.Request) {
	timer := time.NewTimer(refusalPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// status is Monit's status address: `format` is text, xml or json; `group` and `service` narrow it.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	switch format := r.URL.Query().Get("format"); format {
	case "", "text":
		s.text(w, r, s.config.Write.Status)
	case "xml":
		s.document(w, r, "text/xml; charset=utf-8", statusdoc.WriteXML)
	case "json":
		s.document(w, r, "application/json", statusdoc.WriteJSON)
	default:
		http.Error(w, "format is text, xml or json", http.StatusBadRequest)
	}
}

// document is written into memory first: a reader who dawdles holds nothing of the agent's.
func (s *Server) document(w http.ResponseWriter, r *http.Request, kind string, write func(io.Writer, statusdoc.Doc) error) {
	var b bytes.Buffer
	if err := write(&b, s.narrowed(r)); err != nil {
		http.Error(w, "the document cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = b.WriteTo(w) // who has gone needs no answer
}

func (s *Server) text(w http.ResponseWriter, r *http.Request, write func(io.Writer, dialtone.NodeStatus)) {
	var b bytes.Buffer
	write(&b, s.narrowed(r).Status)
	plain(w, b.String())
}

func plain(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text)
}

// narrowed is the document with the services that the address asks for.
func (s *Server) narrowed(r *http.Request) statusdoc.Doc {
	d := s.config.Doc()
	group, service := r.URL.Query().Get("group"), r.URL.Query().Get("service")
	if group == "" && service == "" {
		return d
	}
	unwanted := func(name string, groups []string) bool {
		return service != "" && name != service || group != "" && !slices.Contains(groups, group)
	}
	d.Services = slices.DeleteFunc(d.Services, func(one agent.Snapshot) bool { return unwanted(one.Status.Name, one.Status.Groups) })
	d.Status.Services = slices.DeleteFunc(d.Status.Services, func(one dialtone.ServiceStatus) bool { return unwanted(one.Name, one.Groups) })
	return d
}

// maxForm bounds the body of an order.
const maxForm = 1 << 14

var verbs = []agent.Verb{agent.Start, agent.Stop, agent.Restart, agent.Monitor, agent.Unmonitor}

// order carries out what a button, a script or M/Monit wants: action=VERB, for the service of the address or of service=NAME.
func (s *Server) order(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "reading the order: "+err.Error(), http.StatusBadRequest)
		return
	}
	verb := agent.Verb(r.PostForm.Get("action"))
	names := r.PostForm["service"]
	if name := r.PathValue("service"); name != "" {
		names = []string{name}
	}
	if !slices.Contains(verbs, verb) || len(names) == 0 {
		http.Error(w, fmt.Sprintf("an order is action=VERB and a service; the verbs are %s", joined(verbs)), http.StatusBadRequest)
		return
	}
	if err := s.config.Do(r.Context(), verb, names, whoOf(r)); err != nil {
		http.Error(w, fmt.Sprintf("%s did not work: %v", verb, err), statusOf(err))
		return
	}
	if r.PathValue("service") == "" {
		plain(w, "done\n")
		return
	}
	http.Redirect(w, r, "./"+pathOf(names[0]), http.StatusSeeOther)
}

func statusOf(err error) int {
	if errors.Is(err, agent.ErrNoService) {
		return http.StatusNotFound
	}
	return http.StatusConflict
}

func joined(verbs []agent.Verb) string {
	words := make([]string, len(verbs))
	for i, v := range verbs {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// whoOf names the person on the timeline.
func whoOf(r *http.Request) string {
	if name := visitorOf(r.Context()).name; name != "" {
		return name + " (status page)"
	}
	return "somebody at " + r.RemoteAddr + " (status page)"
}

// ruleOf is one rule of a service as its page shows it.
type ruleOf struct {
	Text, Place string
	Failed      bool
}

func rulesOf(one agent.Snapshot) []ruleOf {
	var all []ruleOf
	for _, r := range one.Spec.Rules {
		all = append(all, ruleOf{Text: r.Text, Place: r.Pos.Place(), Failed: slices.Contains(one.Fails, r.Test)})
	}
	for _, l := range one.Spec.Limits {
		all = append(all, ruleOf{Text: l.Text, Place: l.Pos.Place()})
	}
	return all
}
