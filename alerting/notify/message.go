// Package notify puts incidents into words and sends them: one file a way.
//
// A notifier sends one message and says whether it arrived. It keeps no queue and never retries: the outbox of package
// alerting does, with the same Message.ID each time.
package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dialtone/dialtone"
)

// Message is what one notice tells.
type Message struct {
	ID       string // stable over retries: idempotency key, Message-ID
	Kind     dialtone.NoticeKind
	Reason   string // "new", "again", "change", "worse", "parked", "reminder", "escalated", "unmuted", "over"
	Combined bool   // a resolved notice whose firing notice never left: it tells both
	Attempt  int    // 1 for the first try
	Created  time.Time
	At       time.Time // when this attempt is made; ages in the text count up to it
	Zone     *time.Location
	Incident dialtone.Incident
	Link     string // of the incident's page, or of the list when Digest is set
	Thread   string // Receipt.External of the incident's first message on this way; empty: there is none
	Image    []byte // PNG of the incident's graph; nil: none
	Digest   []Line // set when many incidents share this message; Incident is then empty
}

// Line is one incident in a digest.
type Line struct {
	Kind     dialtone.NoticeKind `json:"kind"`
	Combined bool                `json:"combined,omitempty"`
	Incident dialtone.Incident   `json:"incident"`
	Link     string              `json:"link"`
}

// Receipt is what the far side said when it took a message. External is its name there: a Slack channel and timestamp, a
// queue id; empty when it gave none. Note says what did not work although the message arrived; it goes on the timeline.
type Receipt struct{ External, Note string }

// Notifier sends messages by one way. Send returns nil when the far side has taken the message, which for mail means
// queued. Its error is one of: *RejectedError, *BusyError, or any other, which means that the way itself is in trouble.
type Notifier interface {
	Send(ctx context.Context, m Message) (Receipt, error)
}

// RejectedError is an answer that the same message will get again, while other messages may pass.
type RejectedError struct{ Why string }

func (e *RejectedError) Error() string { return "rejected: " + e.Why }

// BusyError is a far side that asks for a pause.
type BusyError struct{ After time.Duration }

func (e *BusyError) Error() string { return fmt.Sprintf("asked to wait %s", e.After) }

// Rejected reports whether err says that only this message is refused.
func Rejected(err error) bool {
	_, rejected := errors.AsType[*RejectedError](err)
	return rejected
}

// Pause returns how long the far side asked to be left alone; 0: it did not ask.
func Pause(err error) time.Duration {
	if busy, ok := errors.AsType[*BusyError](err); ok {
		return busy.After
	}
	return 0
}
