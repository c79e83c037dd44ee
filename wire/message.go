package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dialtone/dialtone"
)

// Hello is the first frame of an agent. Runs names every run of which it may send something, the oldest first and the
// present one last; batches and acks refer to a run by its place in this list.
type Hello struct {
	Version      int           `json:"version"`
	AgentID      string        `json:"agent_id"`
	AgentVersion string        `json:"agent_version"`
	Node         dialtone.Node `json:"node"`
	Runs         []Run         `json:"runs"`
}

// Run is one life of an agent's process, with the last number that it has given out per lane.
type Run struct {
	ID      string `json:"id"`
	Events  uint64 `json:"events"`
	Samples uint64 `json:"samples"`
}

// Welcome answers Hello. Kept has one entry per run of the hello: what is on disk already and need not be sent again.
type Welcome struct {
	Version int       `json:"version"`
	Kept    []Kept    `json:"kept"`
	Time    time.Time `json:"time"` // the collector's clock
}

// Kept is the last number on disk per lane; zero is nothing yet.
type Kept struct {
	Events  uint64 `json:"events"`
	Samples uint64 `json:"samples"`
}

// Code says what an agent should do about an [Error].
type Code string

// The codes of errors.
const (
	CodeVersion Code = "version" // the two do not speak the same stream: update one of them
	CodeClone   Code = "clone"   // another live agent shows the same identity
	CodeName    Code = "name"    // another live agent has the same node name
	CodeFrame   Code = "frame"   // the collector could not read a frame; a new connection starts afresh
	CodeStore   Code = "store"   // the collector cannot keep anything at present; later
	CodeRefused Code = "refused" // one batch will never be kept (Run, Lane, Seq say which); the stream goes on
	CodeStop    Code = "stop"    // the collector is stopping; reconnect
)

// Error is the collector's last word before it hangs up, except for CodeRefused. Message says what to do.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Run     int    `json:"run,omitempty"`
	Lane    Lane   `json:"lane,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
}

// Error makes an Error frame an error of Go.
func (e *Error) Error() string { return e.Message }

// Ack says that everything of one lane of one run up to Seq is on disk.
type Ack struct {
	Run  int
	Lane Lane
	Seq  uint64
}

// Heartbeat carries the agent's clock; the collector returns it unchanged, so that the agent learns the round trip.
type Heartbeat struct{ Sent time.Time }

// Events is a body of events numbered First, First+1, … of one run.
type Events struct {
	Run   int
	First uint64
	List  []dialtone.Event
}

// EncodeJSON appends a frame with a JSON body: hello, welcome, status, error.
func EncodeJSON(dst []byte, t Type, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("encoding %s: %w", t, err)
	}
	if t == TypeStatus && len(body) > MaxStatus {
		return dst, fmt.Errorf("status of %d bytes is over the limit of %d", len(body), MaxStatus)
	}
	return AppendFrame(dst, t, body)
}

// DecodeHello reads a hello. A hello of another version is returned with an *Error that says what to do.
func DecodeHello(body []byte) (Hello, error) {
	var h Hello
	if err := json.Unmarshal(body, &h); err != nil {
		return h, corrupt("hello: %v", err)
	}
	if h.Version != Version {
		return h, &Error{Code: CodeVersion, Message: fmt.Sprintf("the agent speaks stream version %d, this collector speaks %d: update %s",
			h.Version, Version, older(h.Version))}
	}
	if err := h.check(); err != nil {
		return h, err
	}
	return h, nil
}

func older(agent int) string {
	if agent < Version {
		return "the agent"
	}
	return "the collector"
}

func (h *Hello) check() error {
	switch {
	case h.AgentID == "" || len(h.AgentID) > MaxName:
		return corrupt("hello: agent id of %d bytes", len(h.AgentID))
	case h.Node.Name == "" || len(h.Node.Name) > MaxName:
		return corrupt("hello: node name of %d bytes", len(h.Node.Name))
	case len(h.Runs) == 0 || len(h.Runs) > MaxRuns:
		return corrupt("hello: %d runs, 1 to %d are allowed", len(h.Runs), MaxRuns)
	}
	seen := make(map[string]bool, len(h.Runs))
	for _, run := range h.Runs {
		if run.ID == "" || len(run.ID) > MaxName || seen[run.ID] {
			return corrupt("hello: run %q is empty, too long or named twice", run.ID)
		}
		seen[run.ID] = true
	}
	return nil
}

// DecodeWelcome reads the answer to a hello that named runs runs.
func DecodeWelcome(body []byte, runs int) (Welcome, error) {
	var w Welcome
	if err := json.Unmarshal(body, &w); err != nil {
		return w, corrupt("welcome: %v", err)
	}
	if w.Version != Version {
		return w, &Error{Code: CodeVersion, Message: fmt.Sprintf("the collector speaks stream version %d, this agent speaks %d", w.Version, Version)}
	}
	if len(w.Kept) != runs {
		return w, corrupt("welcome: %d runs kept, %d were named", len(w.Kept), runs)
	}
	return w, nil
}

// DecodeError reads an error frame.
func DecodeError(body []byte) (*Error, error) {
	e := new(Error)
	if err := json.Unmarshal(body, e); err != nil {
		return nil, corrupt("error: %v", err)
	}
	return e, nil
}

// DecodeStatus reads a status frame.
func DecodeStatus(body []byte) (dialtone.NodeStatus, error) {
	var st dialtone.NodeStatus
	if len(body) > MaxStatus {
		return st, corrupt("status of %d bytes is over the limit of %d", len(body), MaxStatus)
	}
	if err := json.Unmarshal(body, &st); err != nil {
		return st, corrupt("status: %v", err)
	}
	return st, nil
}

// AppendAck appends an ack frame.
func AppendAck(dst []byte, a Ack) ([]byte, error) {
	body := binary.AppendUvarint(nil, uint64(a.Run))
	body = append(body, byte(a.Lane))
	return AppendFrame(dst, TypeAck, binary.AppendUvarint(body, a.Seq))
}

// DecodeAck reads an ack frame.
func DecodeAck(body []byte) (Ack, error) {
	c := cursor{rest: body}
	a := Ack{Run: c.count("as place of a run", MaxRuns-1), Lane: Lane(c.byte()), Seq: c.uvarint()}
	if a.Lane != LaneEvents && a.Lane != LaneSamples {
		c.fail("ack of %s", a.Lane)
	}
	return a, c.end()
}

// AppendHeartbeat appends a heartbeat frame.
func AppendHeartbeat(dst []byte, h Heartbeat) ([]byte, error) {
	return AppendFrame(dst, TypeHeartbeat, binary.AppendVarint(nil, h.Sent.UnixMicro()))
}

// DecodeHeartbeat reads a heartbeat frame.
func DecodeHeartbeat(body []byte) (Heartbeat, error) {
	c := cursor{rest: body}
	h := Heartbeat{Sent: time.UnixMicro(c.varint()).UTC()}
	return h, c.end()
}

// AppendEvents appends an events frame of events that are JSON already, numbered from first on.
func AppendEvents(dst []byte, run int, first uint64, events [][]byte) ([]byte, error) {
	if len(events) > MaxEvents {
		return dst, fmt.Errorf("%d events in one frame, at most %d are allowed", len(events), MaxEvents)
	}
	body := binary.AppendUvarint(nil, uint64(run))
	body = binary.AppendUvarint(body, first)
	body = binary.AppendUvarint(body, uint64(len(events)))
	body = append(body, '[')
	body = append(body, bytes.Join(events, []byte{','})...)
	return AppendFrame(dst, TypeEvents, append(body, ']'))
}

// EventsHead reads the numbers of an events frame, so that one whose events cannot be read can still be refused by name.
// list is the JSON that follows.
func EventsHead(body []byte) (run int, first, last uint64, list []byte, err error) {
	c := cursor{rest: body}
	run, first = c.count("as place of a run", MaxRuns-1), c.uvarint()
	n := c.count("events", MaxEvents)
	if n == 0 {
		c.fail("events frame without events")
	}
	return run, first, first + uint64(n) - 1, c.rest, c.err
}

// DecodeEvents reads an events frame.
func DecodeEvents(body []byte) (Events, error) {
	run, first, last, list, err := EventsHead(body)
	e := Events{Run: run, First: first}
	if err != nil {
		return e, err
	}
	dec := json.NewDecoder(bytes.NewReader(list))
	if open, err := dec.Token(); err != nil || open != json.Delim('[') {
		return e, corrupt("events: no list")
	}
	for n := first; n <= last && dec.More(); n++ {
		var ev dialtone.Event
		if err := dec.Decode(&ev); err != nil {
			return e, corrupt("event %d: %v", n, err)
		}
		e.List = append(e.List, ev)
	}
	if end, err := dec.Token(); err != nil || end != json.Delim(']') || first+uint64(len(e.List))-1 != last {
		return e, corrupt("events: the list does not hold %d", last-first+1)
	}
	return e, nil
}
