// Package wire is the stream between an agent and its collector: frames, their bodies, and their limits.
//
//	uint32  length of what follows, big-endian, 5 bytes to 4 MiB
//	byte    type; the top bit says that the body is zstd
//	…       body
//	uint32  CRC-32C over type and body, big-endian
//
// The agent asks for the stream with an HTTP/1.1 Upgrade (see [Protocol]), then says [Hello]; the collector answers with
// [Welcome], which names what it has already kept. Samples and events then travel in batches numbered per run of the
// agent and per [Lane]; an [Ack] means that everything up to its number is on disk. docs/decisions/006-stream.md says why.
//
// Every decoder of this package takes hostile bytes: it returns an error, never panics, and its memory is bounded by
// the limits below.
package wire

import (
	"errors"
	"fmt"
)

// Version is the version of the stream that this build speaks.
const Version = 1

// Protocol is the name in the Upgrade header, and Path is what the agent asks for.
const (
	Protocol = "dialtone/1"
	Path     = "/agent/v1/stream"
)

// Limits that both sides keep. Whoever goes over them is cut off with an [Error].
const (
	MaxFrame      = 4 << 20   // bytes of a frame after its length, and of its body once unpacked
	MaxSeries     = 200_000   // series in the dictionary of one connection
	MaxDictionary = 64 << 20  // bytes of names, labels and overhead in the dictionary of one connection
	MaxBatch      = 16_384    // samples in one batch
	MaxLabels     = 64        // labels of one series
	MaxName       = 512       // bytes of a metric's or label's name
	MaxValue      = 4096      // bytes of a label's value
	MaxEvent      = 512 << 10 // bytes of one event as JSON
	MaxEvents     = 1024      // events in one frame
	MaxStatus     = 1 << 20   // bytes of a status as JSON
	MaxRuns       = 256       // runs named by one hello
)

// SampleWindow is how many frames of samples an agent may send ahead of their acks, and a collector holds while its store
// takes none. An ack may take as long as that lasts: while heartbeats come back, the link is good. An agent whose samples have not
// been acknowledged on a connection yet sends one frame first.
const SampleWindow = 16

// Type says what the body of a frame is.
type Type byte

// The frames. Bodies are JSON where nothing is gained by less.
const (
	TypeHello     Type = iota + 1 // agent: [Hello]
	TypeWelcome                   // collector: [Welcome]
	TypeDict                      // agent: definitions of series, see [Encoder]
	TypeSamples                   // agent: one batch in terms of the connection's dictionary, see [Encoder]
	TypeBlock                     // agent: batches with a dictionary of their own, out of the spool, see [EncodeBlock]
	TypeEvents                    // agent: [Events]
	TypeStatus                    // agent: dialtone.NodeStatus, the newest wins
	TypeHeartbeat                 // both: [Heartbeat]; the collector returns the agent's unchanged
	TypeAck                       // collector: [Ack]
	TypeError                     // collector: [Error]
	TypeGoodbye                   // agent: a text, why it stops; silence after it is no outage
)

var typeNames = [...]string{"", "hello", "welcome", "dict", "samples", "block", "events", "status", "heartbeat", "ack", "error", "goodbye"}

// String returns the word that logs and errors use.
func (t Type) String() string {
	if t > 0 && int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", byte(t))
}

func (t Type) known() bool { return t > 0 && int(t) < len(typeNames) }

// Lane is one of the two numbered queues of a run. They are apart so that hours of samples never stand before a page.
type Lane byte

// The lanes. The zero value is no lane.
const (
	LaneEvents Lane = iota + 1
	LaneSamples
)

// String returns the word that logs and errors use.
func (l Lane) String() string {
	switch l {
	case LaneEvents:
		return "events"
	case LaneSamples:
		return "samples"
	}
	return fmt.Sprintf("lane(%d)", byte(l))
}

// ErrCorrupt means that bytes are not what this package wrote: a broken link, a broken disk, or somebody else.
var ErrCorrupt = errors.New("corrupt data")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}
