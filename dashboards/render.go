package dashboards

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// page is what a template gets. Body is the page's own view.
type page struct {
	Name   string // of the template
	Title  string
	Nav    string // which entry of the navigation is current
	Status int    // 0: 200
	Live   string // the changes that make parts of this page old, separated by spaces
	Body   any

	Style, Script, ScriptStyle string
	Version, ZoneName, Offset  string
	Now                        time.Time
}

// builder reads what a page shows. Its error is about the page as a whole; parts that could not be read are in the page.
type builder func(ctx context.Context, r *http.Request) (*page, error)

// part is a piece of a page that was read on its own. Fault says in one sentence why Data is missing.
type part[T any] struct {
	Data  T
	Fault string
}

// read fetches one part; what says in plain words what could not be read.
func read[T any](p *Pages, what string, fetch func() (T, error)) part[T] {
	data, err := fetch()
	if err != nil {
		p.log.Warn("a part of a page could not be read", "part", what, "error", err)
		return part[T]{Data: data, Fault: fmt.Sprintf("Could not read %s: %v.", what, err)}
	}
	return part[T]{Data: data}
}

func (p *Pages) parse() (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(p.funcs()).ParseFS(templateFiles, "templates/layout.html", "templates/pieces.html")
	if err != nil {
		return nil, fmt.Errorf("reading the templates of pages: %w", err)
	}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("reading the templates of pages: %w", err)
	}
	all := map[string]*template.Template{}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".html")
		if name == "layout" || name == "pieces" {
			continue
		}
		clone, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("reading the templates of pages: %w", err)
		}
		if all[name], err = clone.ParseFS(templateFiles, path.Join("templates", file.Name())); err != nil {
			return nil, fmt.Errorf("reading the template of page %s: %w", name, err)
		}
	}
	return all, nil
}

// serve answers with a built page, or with one part of it where the address has ?part=.
func (p *Pages) serve(build builder) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := p.reading(r)
		defer cancel()
		pg, err := build(ctx, r)
		switch {
		case errors.Is(err, ErrNotFound):
			pg = lost("There is no such page.", "What you asked for is not here; it may be older than what is kept.")
		case errors.Is(err, errWindow):
			pg = lost("This window of time cannot be shown.", sentence(err.Error()))
		case err != nil:
			p.log.Warn("a page could not be built", "path", r.URL.Path, "error", err)
			pg = failed("This page could not be read.", fmt.Sprintf("The store said: %v. Load the page again in a moment.", err))
		}
		p.write(w, r, pg)
	}
}

// write renders into memory first, so that a fault in a template never leaves half a page behind.
func (p *Pages) write(w http.ResponseWriter, r *http.Request, pg *page) {
	p.dress(pg)
	name := "layout.html"
	if part := r.URL.Query().Get("part"); part != "" && pg.Status == 0 {
		name = "part-" + part
	}
	t := p.templates[pg.Name]
	if t.Lookup(name) == nil {
		http.Error(w, "this page has no such part", http.StatusNotFound)
		return
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, pg); err != nil {
		p.log.Error("a page could not be written", "page", pg.Name, "error", err)
		http.Error(w, "this page could not be written; the collector's log says why", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	p.send(w, r, pg.Status, b.Bytes())
}

// dress adds what every page has.
func (p *Pages) dress(pg *page) {
	pg.Style, pg.Script, pg.ScriptStyle = p.assets.Style, p.assets.Script, p.assets.ScriptStyle
	pg.Version, pg.Now = p.version, p.now().In(p.zone)
	pg.ZoneName, pg.Offset = pg.Now.Format("MST"), pg.Now.Format("-07:00")
}

// send packs the answer where the browser takes that: a page over a telephone's slow link is five times smaller.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, status int, content []byte) {
	if status == 0 {
		status = http.StatusOK
	}
	w.Header().Add("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.WriteHeader(status)
		p.sent(w.Write(content))
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	packed := gzip.NewWriter(w)
	p.sent(packed.Write(content))
	p.sent(0, packed.Close())
}

// sent notes an answer that did not arrive; the browser has most likely gone away.
func (p *Pages) sent(_ int, err error) {
	if err != nil {
		p.log.Debug("an answer was not taken", "error", err)
	}
}

type lostView struct{ Title, Why string }

func lost(title, why string) *page {
	return &page{Name: "lost", Title: "Not found", Status: http.StatusNotFound, Body: lostView{Title: title, Why: why}}
}

func failed(title, why string) *page {
	return &page{Name: "lost", Title: title, Status: http.StatusServiceUnavailable, Body: lostView{Title: title, Why: why}}
}

func (p *Pages) nowhere(context.Context, *http.Request) (*page, error) {
	return lost("There is no such page.", "The address is not one of dialtone's."), nil
}
