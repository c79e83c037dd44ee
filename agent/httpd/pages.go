package httpd

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/control"
)

// visitor is who asks, and what they may do.
type visitor struct {
	name string
	may  right
}

type visitorKey struct{}

func withVisitor(ctx context.Context, v visitor) context.Context {
	return context.WithValue(ctx, visitorKey{}, v)
}

func visitorOf(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}

//go:embed style.css
var styleSheet []byte

//go:embed pages.html
var pagesText string

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"path": pathOf, "ago": ago, "standing": standing, "words": words,
}).Parse(pagesText))

func (s *Server) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(styleSheet)
}

// frame is what every page has.
type frame struct {
	Title   string
	Node    dialtone.NodeStatus
	Refresh int // seconds
	Verdict string
	Worst   dialtone.State
	MayAct  bool
	Now     time.Time
}

func (s *Server) frame(r *http.Request, title string) (frame, []agent.Snapshot) {
	d := s.config.Doc()
	f := frame{Title: title, Node: d.Status, Refresh: max(5, int(d.Interval.Seconds())), MayAct: visitorOf(r.Context()).may == act, Now: d.Now}
	f.Worst, f.Verdict = verdict(d.Status.Services)
	return f, d.Services
}

// verdict is the answer to "is everything working?".
func verdict(services []dialtone.ServiceStatus) (dialtone.State, string) {
	worst, unwell, resting := dialtone.OK, 0, 0
	for _, s := range services {
		switch {
		case !s.Monitored:
			resting++
			continue
		case s.State != dialtone.OK:
			unwell++
		}
		if s.State.Worse(worst) {
			worst = s.State
		}
	}
	text := "all " + strconv.Itoa(len(services)) + " services are well"
	if unwell > 0 {
		text = strconv.Itoa(unwell) + " of " + strconv.Itoa(len(services)) + " services are not well"
	}
	if resting > 0 {
		text += ", " + strconv.Itoa(resting) + " rest"
	}
	return worst, text
}

// home lists the services, those that are unwell first.
func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	f, _ := s.frame(r, "")
	f.Title = f.Node.Name
	services := slices.Clone(f.Node.Services)
	slices.SortStableFunc(services, func(a, b dialtone.ServiceStatus) int {
		switch {
		case a.State.Worse(b.State):
			return -1
		case b.State.Worse(a.State):
			return 1
		}
		return 0
	})
	show(w, http.StatusOK, "home", struct {
		frame
		Services []dialtone.ServiceStatus
	}{f, services})
}

// page is one service.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("service")
	f, services := s.frame(r, name)
	i := slices.IndexFunc(services, func(one agent.Snapshot) bool { return one.Spec.Name == name })
	if i < 0 {
		http.Error(w, "there is no service of that name", http.StatusNotFound)
		return
	}
	show(w, http.StatusOK, "service", struct {
		frame
		Service  dialtone.ServiceStatus
		Spec     *control.Service
		Rules    []ruleOf
		Texts    []namedText
		Commands []namedText
		Verbs    []agent.Verb
	}{f, services[i].Status, services[i].Spec, rulesOf(services[i]), textsOf(services[i]), commandsOf(services[i].Spec), verbsOf(services[i])})
}

type namedText struct{ Name, Text string }

func textsOf(one agent.Snapshot) []namedText {
	if one.Report == nil {
		return nil
	}
	var all []namedText
	for name, text := range one.Report.Texts {
		if _, measured := one.Report.Values[name]; measured {
			continue // the instant of an age that stands there already
		}
		all = append(all, namedText{words(name), text})
	}
	slices.SortFunc(all, func(a, b namedText) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func commandsOf(spec *control.Service) []namedText {
	var all []namedText
	for _, c := range []struct {
		name    string
		command *control.Command
	}{{"start program", spec.Start}, {"stop program", spec.Stop}, {"restart program", spec.Restart}} {
		if c.command != nil {
			all = append(all, namedText{c.name, c.command.Text})
		}
	}
	return all
}

// verbsOf are the orders that make sense for a service.
func verbsOf(one agent.Snapshot) []agent.Verb {
	var all []agent.Verb
	if one.Spec.Start != nil || one.Spec.Unit != "" {
		all = append(all, agent.Start)
	}
	if one.Spec.Stop != nil || one.Spec.Unit != "" {
		all = append(all, agent.Stop)
	}
	if len(all) == 2 || one.Spec.Restart != nil {
		all = append(all, agent.Restart)
	}
	if one.Status.Monitored {
		return append(all, agent.Unmonitor)
	}
	return append(all, agent.Monitor)
}

// show renders a page whole before anything of it is sent.
func show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// pathOf is a service's name as a path element.
func pathOf(name string) string { return url.PathEscape(name) }

// words is a value's name without its unit, which stands behind the number.
func words(name string) string {
	for _, unit := range []string{"_bytes_per_second", "_per_second", "_bytes", "_percent", "_seconds"} {
		if plain, is := strings.CutSuffix(name, unit); is {
			name = plain
			break
		}
	}
	return strings.ReplaceAll(name, "_", " ")
}

// standing is a service's state in a word, and what matters more than the state.
func standing(s dialtone.ServiceStatus) string {
	switch {
	case !s.Monitored:
		return "rests"
	case s.Healing:
		return "healing"
	case s.Parked:
		return "given up"
	}
	return s.State.String()
}

// ago is the span between two instants.
func ago(now, then time.Time) string {
	if then.IsZero() {
		return "never"
	}
	return dialtone.Span(now.Sub(then))
}
