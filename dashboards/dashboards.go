// Package dashboards serves the pages: what is wrong now, one incident at 3 am, the hosts, and the graphs of anything stored.
//
// Every page is complete HTML without JavaScript: state, words, graphs as inline SVG, and plain forms. Where the bundle of
// islands was built, parts of a page are replaced as they change (/live names them) and graphs get a cursor.
// Text that comes from nodes is hostile: html/template and the SVG writer escape it, and the content policy allows no script
// but our own file.
package dashboards

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/dialtone/dialtone/dashboards/web"
)

// Config is what pages need. Source, Actions and Log are required.
type Config struct {
	Source  Source
	Actions Actions
	Log     *slog.Logger
	Zone    *time.Location // of all times shown; nil: this machine's
	Version string         // shown at the foot
	Now     func() time.Time
}

// Pages is the http.Handler of all pages. It holds nothing of its own: what it shows is read from the Source each time.
type Pages struct {
	source    Source
	actions   Actions
	log       *slog.Logger
	zone      *time.Location
	version   string
	now       func() time.Time
	assets    *web.Assets
	templates map[string]*template.Template
	handler   http.Handler
	streams   atomic.Int32
}

// readTimeout bounds what one page may ask of the stores.
const readTimeout = 15 * time.Second

// New makes the pages.
func New(c Config) (*Pages, error) {
	if c.Source == nil || c.Actions == nil || c.Log == nil {
		return nil, errors.New("making the pages: Source, Actions and Log must be set")
	}
	p := &Pages{source: c.Source, actions: c.Actions, log: c.Log, zone: c.Zone, version: c.Version, now: c.Now}
	if p.zone == nil {
		p.zone = time.Local
	}
	if p.now == nil {
		p.now = time.Now
	}
	var err error
	if p.assets, err = web.Load(); err != nil {
		return nil, err
	}
	if p.templates, err = p.parse(); err != nil {
		return nil, err
	}
	p.handler = secured(p.routes())
	return p, nil
}

// ServeHTTP answers a page, a graph, a form or the stream of changes.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

func (p *Pages) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+web.Prefix, p.assets)
	mux.HandleFunc("GET /live", p.live)
	for pattern, build := range map[string]builder{
		"GET /{$}":                p.nowPage,
		"GET /i/{id}":             p.incidentPage,
		"GET /incidents":          p.incidentsPage,
		"GET /hosts":              p.hostsPage,
		"GET /hosts/{host}":       p.hostPage,
		"GET /hosts/{host}/munin": p.muninPage,
		"GET /metrics/{$}":        p.seriesPage,
		"GET /metrics/{series}":   p.metricPage,
		"GET /":                   p.nowhere,
	} {
		mux.HandleFunc(pattern, p.serve(build))
	}
	mux.HandleFunc("GET /g/{file}", p.graphFile)
	mux.HandleFunc("POST /i/{id}/{action}", p.act)
	return mux
}

// secured refuses forms sent from other sites and tells browsers to run nothing but our own files.
func secured(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	headers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
	return http.NewCrossOriginProtection().Handler(headers)
}

func (p *Pages) reading(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), readTimeout)
}
