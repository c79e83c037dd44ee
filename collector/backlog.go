package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// backlogFrames is how much of the samples lane a session holds: the agent's window, and a dictionary before each batch.
// An agent that sends more is not read until there is room.
const backlogFrames = 2 * wire.SampleWindow

// backlog is the samples lane of a session, in order, on its way to the store. The session reads on beside it: events,
// status and heartbeats pass a store that is slow or takes nothing.
type backlog struct {
	frames chan laneFrame
	deaf   chan struct{} // closed when the session reads no more: nobody waits for an ack
}

type laneFrame struct {
	kind wire.Type
	body []byte
}

func newBacklog() backlog {
	return backlog{frames: make(chan laneFrame, backlogFrames), deaf: make(chan struct{})}
}

// errLeft ends a backlog that the store refuses when its agent has gone; the agent has all of it still.
var errLeft = errors.New("the agent left before the store took its samples")

// line puts a frame of the samples lane behind the others.
func (s *session) line(kind wire.Type, body []byte) error {
	select {
	case s.backlog.frames <- laneFrame{kind, slices.Clone(body)}:
		return nil
	case <-s.out.over:
		return net.ErrClosed
	}
}

// drain brings the backlog to the store, until the session has read its last frame. An error that the agent must hear
// ends the session.
func (s *session) drain(ctx context.Context) error {
	for f := range s.backlog.frames {
		if err := s.take(ctx, f); err != nil {
			s.end(asError(err))
			return err
		}
	}
	return nil
}

func (s *session) take(ctx context.Context, f laneFrame) error {
	switch f.kind {
	case wire.TypeDict:
		return s.dec.Dict(f.body)
	case wire.TypeSamples:
		return s.samples(ctx, f.body)
	default:
		return s.block(ctx, f.body)
	}
}

// offer hands samples to the store until it takes them.
func (s *session) offer(ctx context.Context, samples []dialtone.Sample) (AppendResult, error) {
	res, err := s.append(ctx, samples)
	if err != nil {
		res, err = s.offerAgain(ctx, samples, err)
	}
	if err == nil {
		s.in.hold.taken()
	}
	return res, err
}

// offerAgain offers what the store refused, calmly: such a store waits for a person.
func (s *session) offerAgain(ctx context.Context, samples []dialtone.Sample, err error) (res AppendResult, _ error) {
	defer s.in.hold.enter()()
	for pause := s.in.Retry; err != nil; pause = min(2*pause, 5*s.in.Retry) {
		if ctx.Err() != nil {
			return res, errLeft
		}
		s.in.hold.refused(err)
		select {
		case <-s.backlog.deaf:
			return res, errLeft
		case <-time.After(pause):
		}
		res, err = s.append(ctx, samples)
	}
	return res, nil
}

func (s *session) append(ctx context.Context, samples []dialtone.Sample) (AppendResult, error) {
	ctx, cancel := context.WithTimeout(ctx, deskPatience)
	defer cancel()
	res, err := s.in.Store.Append(ctx, s.hello.Node.Name, samples)
	if err != nil {
		return res, fmt.Errorf("handing samples to the store: %w", err)
	}
	return res, nil
}

// hold says once that samples wait, and once that none does any more, however many agents are concerned.
type hold struct {
	log *slog.Logger

	mu      sync.Mutex
	waiting int // sessions
	told    bool
}

// enter counts a session among those that wait, until leave.
func (h *hold) enter() (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.waiting--
	}
}

func (h *hold) refused(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.told {
		h.told = true
		h.log.Error("samples wait: the store takes none; it is asked again and again", "error", err)
	}
}

// taken notes that the store has taken what a session offered. The end is as loud as the beginning: a collector's log
// begins at warnings.
func (h *hold) taken() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told && h.waiting == 0 {
		h.told = false
		h.log.Warn("samples wait no longer: the store takes them again")
	}
}
