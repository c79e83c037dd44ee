// Package dialtone is the vocabulary of the system: the words that mean the same thing from the control file to the page.
//
// It imports only the standard library and holds no behavior beyond naming, ordering and printing. Every other package
// speaks in these types; packages that must not know one another (agent, collector, alerting, dashboards) meet in them.
package dialtone

import (
	"fmt"
	"strings"
	"time"
)

// State is how a service (or a node) is. The zero value is Unknown: a state that nobody filled in is never healthy.
type State uint8

// The states, from "nobody could look" to "a caller notices". Their numbers are the values of the dialtone_service_state series.
const (
	Unknown  State = iota // the check could not look: never an alarm about the service, never health either
	OK                    // looked at, and every rule passes
	Warning               // a rule fails that no caller notices yet
	Critical              // down, not answering, or about to be
)

var stateNames = [...]string{"unknown", "ok", "warning", "critical"}

// String returns the lower-case word that logs, JSON and URLs use.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText writes the word, so that stored and sent states survive a reordering of the constants.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word; an unknown word is an error and leaves Unknown.
func (s *State) UnmarshalText(text []byte) error {
	*s = Unknown
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("state %q is none of %s", text, strings.Join(stateNames[:], ", "))
}

// Worse reports whether s needs a person more urgently than other: Critical, Warning, Unknown, OK.
func (s State) Worse(other State) bool { return s.urgency() > other.urgency() }

func (s State) urgency() int {
	switch s {
	case OK:
		return 0
	case Unknown:
		return 1
	case Warning:
		return 2
	case Critical:
		return 3
	}
	return 1
}

// Label is one name and value of a sample, as in the Prometheus data model.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Sample is one value of one series at one instant (Prometheus data model). Labels are sorted by name, without
// duplicates and without __name__; counters are totals since their source started.
type Sample struct {
	Name   string    `json:"name"`
	Labels []Label   `json:"labels,omitempty"`
	At     time.Time `json:"at"` // UTC, millisecond resolution is kept
	Value  float64   `json:"value"`
}

// MetricType is how a series behaves, in the words of the Prometheus exposition formats.
type MetricType string

// The two types that a check can declare.
const (
	Gauge   MetricType = "gauge"
	Counter MetricType = "counter"
)

// Metric declares one family of series: what the generated reference, /metrics and the API's metadata say of it.
type Metric struct {
	Name   string     `json:"name"`
	Type   MetricType `json:"type"`
	Unit   string     `json:"unit,omitempty"` // a Prometheus base unit: seconds, bytes, ratio, …; empty for plain numbers
	Help   string     `json:"help"`
	Labels []string   `json:"labels,omitempty"` // the label names that the series carry, beside instance and job
}

// Result is what one run of one check found. The zero value says Unknown.
type Result struct {
	Service string
	State   State
	Why     string // one sentence, present tense: "connection to 127.0.0.1:80 refused"
	At      time.Time
	Took    time.Duration
	Samples []Sample
}
