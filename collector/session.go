package collector

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/wire"
)

// deskPatience bounds one hand-over to store or desk.
const deskPatience = 20 * time.Second

// session is one connection of one agent. It reads a frame, deals with it, and reads the next; samples go into its
// backlog, which another goroutine brings to the store.
type session struct {
	in      *Intake
	conn    net.Conn
	from    *wire.Reader
	dec     wire.Decoder // the backlog's
	backlog backlog
	hello   wire.Hello
	out     *outbox
	done    chan struct{} // closed when nothing of it reaches store or desk any more
	bye     string        // why the agent stops, once it said goodbye
}

// idleConn gives every read its own deadline: an agent is heard at least every heartbeat, or it is gone.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func newSession(in *Intake, conn net.Conn, ahead *bufio.Reader) *session {
	idle := idleConn{Conn: conn, idle: in.Idle}
	early := io.LimitReader(ahead, int64(ahead.Buffered())) // what came with the request
	from := wire.NewReader(io.MultiReader(early, idle))
	return &session{in: in, conn: conn, from: from, backlog: newBacklog(), out: newOutbox(), done: make(chan struct{})}
}

// run serves the agent until it leaves, breaks the rules, or ctx ends. The connection is closed when it returns.
func (s *session) run(ctx context.Context) error {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = s.out.send(s.conn) // the agent is gone: reading ends too, and says why
		_ = s.conn.Close()
	}()
	stop := context.AfterFunc(ctx, func() {
		s.end(&wire.Error{Code: wire.CodeStop, Message: "the collector is stopping; the agent connects again by itself"})
	})
	defer stop()
	err := s.serve(ctx)
	close(s.done)
	s.end(asError(err))
	<-sent
	return err
}

// end lets the outbox say its last word; the connection is closed after it. The first call counts.
func (s *session) end(last *wire.Error) { s.out.close(last) }

// asError returns what an agent is told of an error, nil when the agent itself hung up.
func asError(err error) *wire.Error {
	var told *wire.Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, wire.ErrCorrupt):
		return &wire.Error{Code: wire.CodeFrame, Message: err.Error()}
	}
	return nil
}

func (s *session) serve(ctx context.Context) error {
	if err := s.greet(); err != nil {
		return err
	}
	leave, err := s.in.seats.take(ctx, s)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.welcome(); err != nil {
		return err
	}
	s.in.Nodes.arrived(s.hello, time.Now())
	defer func() { s.in.Nodes.left(s.hello.Node.Name, s.bye) }()
	stored := make(chan error, 1)
	go func() { stored <- s.drain(ctx) }()
	err = s.listen(ctx)
	close(s.backlog.frames)
	close(s.backlog.deaf)
	if bad := <-stored; bad != nil && !errors.Is(bad, errLeft) {
		return bad
	}
	return err
}

// listen reads until the agent says goodbye or the connection ends.
func (s *session) listen(ctx context.Context) error {
	for s.bye == "" {
		t, body, err := s.from.Next()
		if err != nil {
			return err
		}
		if err := s.handle(ctx, t, body); err != nil {
			return err
		}
	}
	return nil
}

// greet reads the hello.
func (s *session) greet() error {
	t, body, err := s.from.Next()
	if err != nil {
		return err
	}
	if t != wire.TypeHello {
		return fmt.Errorf("%w: a stream begins with hello, not %s", wire.ErrCorrupt, t)
	}
	s.hello, err = wire.DecodeHello(body)
	return err
}

// welcome answers the hello with what is on disk.
func (s *session) welcome() error {
	kept, err := s.in.Nodes.ledger.open(s.hello)
	if err != nil {
		return storeError(err)
	}
	frame, err := wire.EncodeJSON(nil, wire.TypeWelcome, wire.Welcome{Version: wire.Version, Kept: kept, Time: time.Now().UTC()})
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	_, err = s.conn.Write(frame)
	return err
}

func storeError(err error) error {
	return &wire.Error{Code: wire.CodeStore, Message: fmt.Sprintf("the collector cannot keep anything at present: %v", err)}
}

func (s *session) handle(ctx context.Context, t wire.Type, body []byte) error {
	defer s.in.Nodes.working(s.hello.Node.Name)()
	switch t {
	case wire.TypeDict, wire.TypeSamples, wire.TypeBlock:
		return s.line(t, body)
	case wire.TypeEvents:
		return s.events(ctx, body)
	case wire.TypeStatus:
		return s.status(body)
	case wire.TypeHeartbeat:
		s.out.heartbeat(body)
		return nil
	case wire.TypeGoodbye:
		s.bye = printable(body)
		return nil
	case wire.TypeHello, wire.TypeWelcome, wire.TypeAck, wire.TypeError:
	}
	return fmt.Errorf("%w: an agent does not send %s here", wire.ErrCorrupt, t)
}

// printable returns the reason of a goodbye, never empty.
func printable(body []byte) string {
	reason := fmt.Sprintf("%.100q", body)
	if len(body) == 0 {
		return "stopped"
	}
	return reason[1 : len(reason)-1]
}

func (s *session) samples(ctx context.Context, body []byte) error {
	run, batch, err := wire.SamplesBody(body)
	if err != nil {
		return err
	}
	b, err := s.dec.Batch(batch)
	if err != nil {
		return err
	}
	if err := s.store(ctx, run, b); err != nil {
		return err
	}
	s.in.commit.add(s, run, b.Seq)
	return nil
}

// block stores what waited in a spool. A block that cannot be read never will be: it is refused by name, and the
// stream goes on, because the agent would send it again for ever.
func (s *session) block(ctx context.Context, body []byte) error {
	run, last, block, err := wire.BlockBody(body)
	if err != nil {
		return err
	}
	err = wire.DecodeBlock(block, func(b wire.Batch) error { return s.store(ctx, run, b) })
	if errors.Is(err, wire.ErrCorrupt) {
		if err := s.known(run); err != nil {
			return err
		}
		s.refuse(run, wire.LaneSamples, last, err)
		s.in.Nodes.ledger.take(s.mark(run, wire.LaneSamples), last)
	} else if err != nil {
		return err
	}
	s.in.commit.add(s, run, last)
	return nil
}

// store hands one batch to the store, unless that has it already.
func (s *session) store(ctx context.Context, run int, b wire.Batch) error {
	if err := s.known(run); err != nil {
		return err
	}
	m := s.mark(run, wire.LaneSamples)
	if !s.in.Nodes.ledger.fresh(m, b.Seq) {
		return nil
	}
	res, err := s.offer(ctx, b.Samples)
	if err != nil {
		return err
	}
	s.in.counts.samples(len(b.Samples), res)
	s.in.Nodes.ledger.take(m, b.Seq)
	return nil
}

func (s *session) events(ctx context.Context, body []byte) error {
	run, first, last, _, err := wire.EventsHead(body)
	if err == nil {
		err = s.known(run)
	}
	if err != nil {
		return err
	}
	m := s.mark(run, wire.LaneEvents)
	if s.in.Nodes.ledger.fresh(m, last) {
		if err := s.accept(ctx, m, body); errors.Is(err, wire.ErrCorrupt) {
			s.refuse(run, wire.LaneEvents, last, fmt.Errorf("events %d to %d: %w", first, last, err))
		} else if err != nil {
			return storeError(err)
		}
		s.in.Nodes.ledger.take(m, last)
	}
	s.in.commit.note(m, last)
	s.out.ack(wire.Ack{Run: run, Lane: wire.LaneEvents, Seq: last})
	return nil
}

// accept hands the events of a frame that are new to the desk.
func (s *session) accept(ctx context.Context, m mark, body []byte) error {
	e, err := wire.DecodeEvents(body)
	if err != nil {
		return err
	}
	var fresh []dialtone.Event
	for i, ev := range e.List {
		if seq := e.First + uint64(i); s.in.Nodes.ledger.fresh(m, seq) {
			fresh = append(fresh, s.own(ev, m.run, seq))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deskPatience)
	defer cancel()
	if err := s.in.Desk.Accept(ctx, fresh); err != nil {
		return fmt.Errorf("accepting events: %w", err)
	}
	s.in.counts.events(len(fresh))
	return nil
}

// own makes an event its session's: an agent speaks for its own node alone, and what it left out is filled in.
func (s *session) own(ev dialtone.Event, run string, seq uint64) dialtone.Event {
	ev.Node = s.hello.Node.Name
	if ev.ID == "" {
		ev.ID = fmt.Sprintf("%s/%s/w%d", s.hello.AgentID, run, seq)
	}
	if ev.At.IsZero() {
		ev.At = time.Now().UTC()
	}
	return ev
}

func (s *session) status(body []byte) error {
	st, err := wire.DecodeStatus(body)
	if err != nil {
		return err
	}
	s.in.Nodes.update(s.hello, st)
	return nil
}

func (s *session) refuse(run int, lane wire.Lane, seq uint64, err error) {
	s.in.Log.Warn("refused a batch that cannot be read", "node", s.hello.Node.Name, "lane", lane.String(), "seq", seq, "error", err)
	s.out.refuse(&wire.Error{Code: wire.CodeRefused, Message: err.Error(), Run: run, Lane: lane, Seq: seq})
}

func (s *session) known(run int) error {
	if run >= len(s.hello.Runs) {
		return fmt.Errorf("%w: run %d of %d", wire.ErrCorrupt, run, len(s.hello.Runs))
	}
	return nil
}

func (s *session) mark(run int, lane wire.Lane) mark {
	return mark{agent: s.hello.AgentID, run: s.hello.Runs[run].ID, lane: lane}
}
