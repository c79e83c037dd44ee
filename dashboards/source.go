package dashboards

import (
	"context"
	"errors"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

// ErrNotFound is what a Source returns for an incident or a node that does not exist.
var ErrNotFound = errors.New("not found")

// Source is all that the pages read. Every method answers within ctx; an error is shown on the part of the page that needed it.
type Source interface {
	// Nodes returns every node that ever reported, sorted by name.
	Nodes(ctx context.Context) ([]dialtone.NodeStatus, error)
	// Incidents returns incidents, newest first.
	Incidents(ctx context.Context, f IncidentFilter) ([]dialtone.Incident, error)
	// Incident returns one incident, or ErrNotFound.
	Incident(ctx context.Context, id string) (dialtone.Incident, error)
	// Events returns the timeline, newest first.
	Events(ctx context.Context, f EventFilter) ([]dialtone.Event, error)
	// Notices returns what was sent, or is to be sent, about an incident, oldest first.
	Notices(ctx context.Context, incident string) ([]dialtone.Notice, error)
	// Range evaluates a PromQL expression at start, start+step, … up to end.
	Range(ctx context.Context, promql string, start, end time.Time, step time.Duration) ([]Series, error)
	// SeriesNames returns the names of all stored series, sorted.
	SeriesNames(ctx context.Context) ([]string, error)
	// Changed tells what changed from now on, until ctx ends, when it closes the channel. It may drop changes for a reader
	// that is slow, never block the writer.
	Changed(ctx context.Context) <-chan Change
}

// Actions is all that the pages do. Who is a name that a person gave, for the timeline.
type Actions interface {
	Ack(ctx context.Context, incident, who string) error
	Escalate(ctx context.Context, incident, who string) error
	Mute(ctx context.Context, incident, who string, until time.Time) error
}

// IncidentFilter says which incidents are wanted. The zero value means the newest of all.
type IncidentFilter struct {
	Open  bool   // only those not resolved
	Node  string // only those about this node
	Limit int    // at most; 0 leaves it to the source
}

// EventFilter says which events are wanted; empty fields do not restrict. The zero value means the newest of all.
type EventFilter struct {
	Incident string // only those that belong to it
	Node     string
	Kind     dialtone.EventKind
	Since    time.Time
	Limit    int // at most; 0 leaves it to the source
}

// Series is one line that a query returned.
type Series struct {
	Labels map[string]string
	Points []plot.Point
}

// Change says what changed. Either may be empty: a change of an incident may touch no node, and the other way round.
type Change struct {
	Incident string // ID
	Node     string // name
}
