// Package collector takes in the streams of the agents and knows which nodes there are.
//
//	agent ══ stream ══► Intake ──► SampleStore (Append, then one Sync for everybody)  ──► ack
//	                      │   └──► EventSink   (Accept, fsynced by itself)            ──► ack
//	                      └──────► Nodes: newest status, last heartbeat, what was kept ──► Watch ──► EventSink
//
// It knows neither the store nor the desk: whoever joins the parts hands them over as the interfaces of this file.
package collector

import (
	"context"

	"github.com/dialtone/dialtone"
)

// AppendResult says what became of the samples of one Append. Samples in neither count were stored.
type AppendResult struct {
	Known   int // had been stored before, with the same time: a resend, harmless
	Refused int // will never be stored: too old, too far in the future, or too many series
}

// SampleStore keeps samples. Append returns an error only when nothing useful can be said about single samples (disk
// full, closed); they are then offered again until it takes them, and the agent keeps them meanwhile. Sync returns when all that was appended before it was
// called is on disk; it serves many agents at once.
type SampleStore interface {
	Append(ctx context.Context, node string, samples []dialtone.Sample) (AppendResult, error)
	Sync(ctx context.Context) error
}

// EventSink keeps events. Accept returns after they are on disk; the same ID twice is the same event.
type EventSink interface {
	Accept(ctx context.Context, events []dialtone.Event) error
}
