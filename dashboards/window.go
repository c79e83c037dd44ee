package dashboards

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// window is a stretch of time on a time axis.
type window struct {
	Name     string // hour, day, week, month, or as asked for
	From, To time.Time
	Step     time.Duration // between points
	Rate     time.Duration // over which rates are taken
	Fixed    bool          // ends at a given time, not now
	Holds    time.Time     // an instant that stays in view when the window is fitted; zero: none
}

var spans = []struct {
	name string
	long time.Duration
}{
	{"hour", time.Hour}, {"day", 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"month", 31 * 24 * time.Hour},
}

const (
	sampled   = 5 * time.Second // what agents send by default
	points    = 400             // a line has about as many points as a small graph has pixels
	leastRate = time.Minute
	leastSpan = time.Minute
	mostSpan  = 400 * 24 * time.Hour
)

// errWindow is wrapped by every refusal of ?span= and ?at=.
var errWindow = errors.New("not a window of time")

// windowOf reads ?span= (hour, day, week, month, 90m, 6h, 3d) and ?at= (the end, RFC 3339; seconds may be left out).
func (p *Pages) windowOf(q url.Values) (window, error) {
	end, fixed := p.now(), false
	if text := q.Get("at"); text != "" {
		at, err := parseInstant(text)
		if err != nil {
			return window{}, err
		}
		end, fixed = at, true
	}
	name := q.Get("span")
	if name == "" {
		name = "hour"
	}
	long, err := parseSpan(name)
	if err != nil {
		return window{}, err
	}
	w := newWindow(name, end, long)
	w.Fixed = fixed
	return w, nil
}

func parseInstant(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() > 1970 && at.Year() < 2262 {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: at=%q is not a time like 2026-11-21T03:12Z", errWindow, text)
}

func parseSpan(text string) (time.Duration, error) {
	for _, s := range spans {
		if s.name == text {
			return s.long, nil
		}
	}
	long, err := time.ParseDuration(text)
	if number, ok := strings.CutSuffix(text, "d"); ok {
		var days int
		if days, err = strconv.Atoi(number); err == nil && days > 0 && days <= 400 {
			long = time.Duration(days) * 24 * time.Hour
		}
	}
	if err != nil || long < leastSpan || long > mostSpan {
		return 0, fmt.Errorf("%w: span=%q is none of hour, day, week, month, or a length like 90m, 6h or 3d", errWindow, text)
	}
	return long, nil
}

// newWindow begins whole steps before its end, so that the newest point is at the end, and ends on a sampling interval, so that the
// same graph asked for twice in a moment is the same graph.
func newWindow(name string, end time.Time, long time.Duration) window {
	step := (long/points + sampled - 1).Truncate(sampled)
	step = max(step, sampled)
	to := end.Truncate(sampled)
	steps := int((long + step - 1) / step)
	return window{Name: name, From: to.Add(time.Duration(-steps) * step), To: to, Step: step, Rate: max(leastRate, 4*step)}
}

// fits are the lengths of windows that are fitted to a young node. They are few, so that the graphs of one page agree.
var fits = [...]time.Duration{
	10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
	12 * time.Hour, 24 * time.Hour, 2 * 24 * time.Hour, 4 * 24 * time.Hour, 7 * 24 * time.Hour,
}

// young reports whether all that there is, from first on, is in the last sixth of the window: it would be drawn as a dot. A window
// that somebody asked for by its end stays as it is.
func (w window) young(first time.Time) bool {
	return !w.Fixed && !first.IsZero() && w.To.Sub(w.earliest(first)) <= w.To.Sub(w.From)/6
}

func (w window) earliest(first time.Time) time.Time {
	if !w.Holds.IsZero() && w.Holds.Before(first) {
		return w.Holds
	}
	return first
}

// fitted begins a little before first; ok is false where no shorter window holds it. As points are closer in a shorter window, first is
// known better in it, and it may be fitted again. A usual window that is not young is not undercut.
func (w window) fitted(first time.Time) (shorter window, ok bool) {
	long, age := w.To.Sub(w.From), w.To.Sub(w.earliest(first))+w.Step
	needed := age + age/20
	for _, s := range spans {
		if s.long <= long && age > s.long/6+w.Step {
			needed = max(needed, s.long)
		}
	}
	i := slices.IndexFunc(fits[:], func(fit time.Duration) bool { return fit >= needed })
	if i < 0 || fits[i] >= long {
		return w, false
	}
	shorter = newWindow(w.Name, w.To, fits[i])
	shorter.Holds = w.Holds
	return shorter, true
}

// longer is the next longer usual window, which Munin shows beside; ok is false where there is none.
func (w window) longer() (window, bool) {
	for i, s := range spans[:len(spans)-1] {
		if s.name == w.Name {
			next := newWindow(spans[i+1].name, w.To, spans[i+1].long)
			next.Fixed = w.Fixed
			return next, true
		}
	}
	return window{}, false
}

// query is the window as part of an address.
func (w window) query() url.Values {
	q := url.Values{"span": {w.Name}}
	if w.Fixed {
		q.Set("at", w.To.UTC().Format(time.RFC3339))
	}
	return q
}

// spanLink is one choice of window.
type spanLink struct {
	Name, Href string
	Current    bool
}

// spanLinks are the usual windows as links to the same page, keeping the other parameters.
func spanLinks(u *url.URL, current string) []spanLink {
	links := make([]spanLink, 0, len(spans))
	for _, s := range spans {
		q := u.Query()
		q.Set("span", s.name)
		q.Del("part")
		links = append(links, spanLink{Name: s.name, Href: u.EscapedPath() + "?" + q.Encode(), Current: s.name == current})
	}
	return links
}
