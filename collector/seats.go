package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

const (
	handover   = 5 * time.Second // for the connection before to finish what it is storing
	pastsKept  = 16              // runs of one agent that were sent away while they lived
	seatsLimit = 100_000         // agents ever seen by this process
)

// seats sees to it that each agent has one live session and each node name one agent.
//
// A second session of the same run is a reconnect: it takes the seat. A second run takes it too, as a restarted agent
// does. But a run that was sent away while it lived and comes back was no restart: two machines share one identity, as
// after cloning a disk. The newer run stays, the older is refused, and the desk is told once.
type seats struct {
	desk EventSink
	log  *slog.Logger

	mu     sync.Mutex
	agents map[string]*seat  // by agent id
	names  map[string]string // node name → agent id of the live session
}

type seat struct {
	live *session
	past []string // runs sent away while they lived, the newest last
}

func newSeats(desk EventSink, log *slog.Logger) *seats {
	return &seats{desk: desk, log: log, agents: map[string]*seat{}, names: map[string]string{}}
}

// take gives the seat of an agent to a session, after the session before has let go of the store. leave frees it.
func (t *seats) take(ctx context.Context, s *session) (leave func(), err error) {
	before, err := t.place(s)
	if err != nil {
		t.tell(ctx, s.hello, err)
		return nil, err
	}
	leave = func() { t.leave(s) }
	if before == nil {
		return leave, nil
	}
	before.end(&wire.Error{Code: wire.CodeClone, Message: "another agent with this identity has connected: if this machine was cloned, delete its id file and restart its agent"})
	select {
	case <-before.done:
		return leave, nil
	case <-time.After(handover):
	case <-ctx.Done():
	}
	leave()
	return nil, &wire.Error{Code: wire.CodeStore, Message: "the collector is still storing what the connection before sent"}
}

// place seats s and returns who sat there.
func (t *seats) place(s *session) (before *session, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := s.hello
	if holder, taken := t.names[h.Node.Name]; taken && holder != h.AgentID {
		return nil, &wire.Error{Code: wire.CodeName, Message: fmt.Sprintf("another live agent is called %s: give one of the two machines another name", h.Node.Name)}
	}
	its, err := t.seat(h.AgentID)
	if err != nil {
		return nil, err
	}
	if before = its.live; before != nil && current(before.hello) != current(h) {
		if slices.Contains(its.past, current(h)) {
			return nil, &wire.Error{Code: wire.CodeClone, Message: fmt.Sprintf("the agents on %s and %s show the same identity: if one machine was cloned from the other, delete its id file and restart its agent",
				before.conn.RemoteAddr(), s.conn.RemoteAddr())}
		}
		its.past = append(its.past, current(before.hello))
		its.past = its.past[max(0, len(its.past)-pastsKept):]
	}
	if before != nil {
		delete(t.names, before.hello.Node.Name)
	}
	its.live, t.names[h.Node.Name] = s, h.AgentID
	return before, nil
}

func (t *seats) seat(agent string) (*seat, error) {
	if its := t.agents[agent]; its != nil {
		return its, nil
	}
	if len(t.agents) >= seatsLimit {
		return nil, &wire.Error{Code: wire.CodeStore, Message: "the collector has seen too many agents; restart it"}
	}
	its := new(seat)
	t.agents[agent] = its
	return its, nil
}

// current is the run that the process which said hello is in.
func current(h wire.Hello) string { return h.Runs[len(h.Runs)-1].ID }

func (t *seats) leave(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if its := t.agents[s.hello.AgentID]; its.live == s {
		its.live = nil
		delete(t.names, s.hello.Node.Name)
	}
}

// tell puts a refusal on the timeline, under an ID that is the same each time the same two meet.
func (t *seats) tell(ctx context.Context, h wire.Hello, refusal error) {
	var e *wire.Error
	if !errors.As(refusal, &e) || (e.Code != wire.CodeClone && e.Code != wire.CodeName) {
		return
	}
	id := strings.Join([]string{"collector", string(e.Code), h.Node.Name, h.AgentID, current(h)}, "/")
	ev := dialtone.Event{ID: id, At: time.Now().UTC(), Kind: dialtone.EventAgent, Node: h.Node.Name, Why: e.Message}
	ctx, cancel := context.WithTimeout(ctx, deskPatience)
	defer cancel()
	if err := t.desk.Accept(ctx, []dialtone.Event{ev}); err != nil {
		t.log.Error("telling of two agents", "node", h.Node.Name, "error", err)
	}
}
