package dashboards

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	muteFor     = time.Hour
	mostForm    = 16 << 10 // bytes of a form
	mostName    = 60       // runes of a person's name
	anybodyElse = "someone at the console"
)

// act carries out a form of the incident page and goes back to it. Forms from other sites never come this far.
func (p *Pages) act(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := p.reading(r)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form could not be read", http.StatusBadRequest)
		return
	}
	id, who := r.PathValue("id"), personOf(r.PostForm)
	var err error
	switch r.PathValue("action") {
	case "ack":
		err = p.actions.Ack(ctx, id, who)
	case "escalate":
		err = p.actions.Escalate(ctx, id, who)
	case "mute":
		err = p.actions.Mute(ctx, id, who, p.now().Add(muteFor))
	default:
		err = ErrNotFound
	}
	switch {
	case errors.Is(err, ErrNotFound):
		p.write(w, r, lost("There is no such incident or action.", "The incident may be older than what is kept."))
	case err != nil:
		p.log.Warn("an action on an incident failed", "action", r.PathValue("action"), "incident", id, "error", err)
		p.write(w, r, failed("This was not done.", fmt.Sprintf("The collector said: %v. Go back and try again.", err)))
	default:
		http.Redirect(w, r, "/i/"+url.PathEscape(id), http.StatusSeeOther)
	}
}

// personOf is the name in the form, on one line and of a bearable length.
func personOf(form url.Values) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, form.Get("who"))
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	if runes := []rune(name); len(runes) > mostName {
		name = string(runes[:mostName])
	}
	if name == "" {
		return anybodyElse
	}
	return name
}
