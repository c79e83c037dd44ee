// Package web holds what browsers load beside the pages: the style sheet, and the bundle of TypeScript islands where it was built.
//
// The bundle is made by `go run ./dashboards/web/build` out of src/ and uPlot. Without it the pages are complete; they only do
// not update by themselves.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed style.css
var style []byte

//go:embed all:dist
var dist embed.FS

// Assets are the files and the names they are served under. A name holds a hash of its content and may be kept for ever.
type Assets struct {
	Style       string // path of the style sheet
	Script      string // path of the islands; empty when they were not built
	ScriptStyle string // path of the style that belongs to Script; empty with it
	files       map[string]asset
}

type asset struct {
	kind          string
	plain, packed []byte
}

// Load reads what was embedded.
func Load() (*Assets, error) {
	a := &Assets{files: map[string]asset{}}
	a.Style = a.add("style.css", "text/css; charset=utf-8", style)
	script, err := dist.ReadFile("dist/islands.js")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the bundle of islands: %w", err)
	}
	css, err := dist.ReadFile("dist/islands.css")
	if err != nil {
		return nil, fmt.Errorf("reading the style of the islands: %w", err)
	}
	a.Script = a.add("islands.js", "text/javascript; charset=utf-8", script)
	a.ScriptStyle = a.add("islands.css", "text/css; charset=utf-8", css)
	return a, nil
}

// Prefix is the path under which ServeHTTP answers.
const Prefix = "/assets/"

func (a *Assets) add(name, kind string, content []byte) string {
	sum := sha256.Sum256(content)
	stem, ending, _ := strings.Cut(name, ".")
	name = stem + "-" + hex.EncodeToString(sum[:4]) + "." + ending
	a.files[name] = asset{kind: kind, plain: content, packed: pack(content)}
	return Prefix + name
}

func pack(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		return nil
	}
	if w.Close() != nil {
		return nil
	}
	return b.Bytes()
}

// ServeHTTP answers with a file, packed where the browser takes that.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[path.Base(r.URL.Path)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	content := file.plain
	if file.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = file.packed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
