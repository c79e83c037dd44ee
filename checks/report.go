package checks

import (
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// Existence says whether the thing that a service names is there. The zero value is "nobody looked".
type Existence uint8

// The three answers to "is it there?".
const (
	Unseen Existence = iota
	Present
	Absent
)

// Report is what one run of a check found. A check fills it; the rule engine reads it. The zero value is an empty report,
// in which nothing was looked at. It is not safe for concurrent use: a check that probes in parallel collects first.
type Report struct {
	Existence Existence
	Why       string    // why it is absent, or what is wrong with it, in one sentence
	PID       int       // of the main process, 0 where there is none: the agent watches it for death
	Started   time.Time // of that process, zero where unknown: with PID its identity

	Values      map[string]float64 // by value name, in the value's declared unit
	Texts       map[string]string  // by value name: checksum, permission, uid, …
	Lines       []string           // complete lines that a watched file gained, or a program printed
	Gained      bool               // the lines were added to a file: each is looked at by itself, and none is no bad sign
	Connections map[*control.Connection]Probe
	Pings       map[*control.Ping]Probe

	// Samples are what values cannot say: descriptions, whose value is 1, and values of the past, with their own time. A name is the
	// rest of a series' name, graph_info of dialtone_<kind>_graph_info; the label service comes by itself, and a zero time is now.
	Samples []dialtone.Sample
}

// Probe is how one connection or ping test went.
type Probe struct {
	Took time.Duration
	Err  error // nil: accepted, and answered as its protocol says
}

// Value records a number under a name that the check's kind declares.
func (r *Report) Value(name string, v float64) {
	if r.Values == nil {
		r.Values = make(map[string]float64)
	}
	r.Values[name] = v
}

// Text records a text under a name that the check's kind declares.
func (r *Report) Text(name, v string) {
	if r.Texts == nil {
		r.Texts = make(map[string]string)
	}
	r.Texts[name] = v
}

// Connected records how a connection test went; err nil is success.
func (r *Report) Connected(c *control.Connection, took time.Duration, err error) {
	if r.Connections == nil {
		r.Connections = make(map[*control.Connection]Probe)
	}
	r.Connections[c] = Probe{Took: took, Err: err}
}

// Pinged records how a ping test went; err nil is success.
func (r *Report) Pinged(p *control.Ping, took time.Duration, err error) {
	if r.Pings == nil {
		r.Pings = make(map[*control.Ping]Probe)
	}
	r.Pings[p] = Probe{Took: took, Err: err}
}
