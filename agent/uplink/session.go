package uplink

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// session is one connection that the collector has taken, or is about to. One goroutine reads; everything else is done
// by the one that calls serve.
type session struct {
	u      *Uplink
	conn   net.Conn
	from   *wire.Reader
	enc    *wire.Encoder
	runs   []wire.Run     // as said in the hello
	index  map[string]int // place of a run in runs
	sent   []wire.Kept    // per run, the last numbers sent here or kept before
	flight []flight       // sent and not acknowledged, the oldest first
	more   bool           // the spool holds more runs than one hello can name
	out    *outage
	began  time.Time
	flows  bool       // samples have been acknowledged here
	inbox  chan any   // wire.Ack, wire.Heartbeat, *wire.Error
	broken chan error // why reading ended
	done   chan struct{}
}

// flight is a frame on its way.
type flight struct {
	run   int
	lane  wire.Lane
	last  uint64
	count int
	at    time.Time
}

// Frames on their way per lane: enough to keep the collector busy between two of its commits, few enough to be sent again.
var window = map[wire.Lane]int{wire.LaneEvents: 16, wire.LaneSamples: wire.SampleWindow}

// idleConn gives every read its own deadline.
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

// buffered reads what came with the answer to the upgrade before it reads the connection.
type buffered struct {
	ahead *bufio.Reader
	conn  idleConn
}

func (b buffered) Read(p []byte) (int, error) {
	if n := b.ahead.Buffered(); n > 0 {
		return b.ahead.Read(p[:min(n, len(p))])
	}
	return b.conn.Read(p)
}

func newSession(u *Uplink, conn net.Conn, ahead *bufio.Reader, out *outage) *session {
	idle := idleConn{Conn: conn, idle: u.timing.silence}
	return &session{
		u: u, conn: conn, from: wire.NewReader(buffered{ahead, idle}), enc: wire.NewEncoder(), index: map[string]int{}, out: out, began: time.Now(),
		inbox: make(chan any, 64), broken: make(chan error, 1), done: make(chan struct{}),
	}
}

func (s *session) close() {
	close(s.done)
	_ = s.conn.Close() // what it had to say is said
}

// greet says hello and reads the welcome.
func (s *session) greet() error {
	s.nameRuns()
	cfg := s.u.cfg
	hello := wire.Hello{Version: wire.Version, AgentID: cfg.AgentID, AgentVersion: cfg.Version, Node: cfg.Node, Runs: s.runs}
	frame, err := wire.EncodeJSON(nil, wire.TypeHello, hello)
	if err != nil {
		return err
	}
	if err := s.write(frame); err != nil {
		return err
	}
	t, body, err := s.from.Next()
	if err != nil {
		return fmt.Errorf("waiting for the welcome: %w", err)
	}
	if t == wire.TypeError {
		return refusal(body)
	}
	if t != wire.TypeWelcome {
		return fmt.Errorf("%w: the collector answers hello with %s", wire.ErrCorrupt, t)
	}
	w, err := wire.DecodeWelcome(body, len(s.runs))
	if err != nil {
		return err
	}
	s.sent = w.Kept
	s.settle()
	return nil
}

func refusal(body []byte) error {
	e, err := wire.DecodeError(body)
	if err != nil {
		return err
	}
	return e
}

// nameRuns lists the runs that have something in the spool, the oldest first, and the present one.
func (s *session) nameRuns() {
	s.u.mu.Lock()
	defer s.u.mu.Unlock()
	old := s.u.spool.runs(s.u.run)
	if s.more = len(old) > wire.MaxRuns-1; s.more {
		old = old[:wire.MaxRuns-1]
	}
	s.runs = append(old, wire.Run{ID: s.u.run, Events: s.u.last.Events, Samples: s.u.last.Samples})
	for i, run := range s.runs {
		s.index[run.ID] = i
	}
}

// settle forgets what the collector says it has.
func (s *session) settle() {
	for i, kept := range s.sent {
		s.acked(wire.Ack{Run: i, Lane: wire.LaneEvents, Seq: kept.Events})
		s.acked(wire.Ack{Run: i, Lane: wire.LaneSamples, Seq: kept.Samples})
	}
}

// serve sends what there is and hears what comes back, until the link breaks or ctx ends. It returns nil when a new
// connection should be made at once.
func (s *session) serve(ctx context.Context) error {
	go s.read()
	beat := time.NewTicker(s.u.timing.heartbeat)
	defer beat.Stop()
	for {
		if err := s.send(); err != nil {
			return err
		}
		if s.finished() {
			return nil
		}
		select {
		case <-ctx.Done():
			return s.farewell()
		case err := <-s.broken:
			return err
		case m := <-s.inbox:
			if err := s.hear(m); err != nil {
				return err
			}
		case <-s.u.wake:
		case now := <-beat.C:
			if err := s.beat(now); err != nil {
				return err
			}
		}
	}
}

// finished reports whether another connection must be made for runs that this one could not name.
func (s *session) finished() bool {
	s.u.mu.Lock()
	defer s.u.mu.Unlock()
	return s.more && len(s.flight) == 0 && len(s.u.acked) == 0
}

// read hands what the collector says to serve.
func (s *session) read() {
	for {
		m, err := s.next()
		if err != nil {
			s.broken <- err
			return
		}
		select {
		case s.inbox <- m:
		case <-s.done:
			return
		}
	}
}

func (s *session) next() (any, error) {
	t, body, err := s.from.Next()
	if err != nil {
		return nil, fmt.Errorf("hearing the collector: %w", err)
	}
	switch t {
	case wire.TypeAck:
		return wire.DecodeAck(body)
	case wire.TypeHeartbeat:
		return wire.DecodeHeartbeat(body)
	case wire.TypeError:
		return wire.DecodeError(body)
	case wire.TypeHello, wire.TypeWelcome, wire.TypeDict, wire.TypeSamples, wire.TypeBlock, wire.TypeEvents, wire.TypeStatus, wire.TypeGoodbye:
	}
	return nil, fmt.Errorf("%w: the collector sends %s", wire.ErrCorrupt, t)
}

func (s *session) hear(m any) error {
	switch m := m.(type) {
	case wire.Ack:
		if m.Run >= len(s.runs) {
			return fmt.Errorf("%w: ack of run %d of %d", wire.ErrCorrupt, m.Run, len(s.runs))
		}
		s.flows = s.flows || m.Lane == wire.LaneSamples
		s.acked(m)
		s.out.end(s.u)
	case wire.Heartbeat:
		s.u.mu.Lock()
		s.u.stats.RTT = time.Since(m.Sent)
		s.u.mu.Unlock()
	case *wire.Error:
		if m.Code != wire.CodeRefused {
			return m
		}
		s.refused(m)
	}
	return nil
}

// acked forgets what is on the collector's disk.
func (s *session) acked(a wire.Ack) {
	u := s.u
	u.mu.Lock()
	defer u.mu.Unlock()
	s.flight = slices.DeleteFunc(s.flight, func(f flight) bool {
		done := f.run == a.Run && f.lane == a.Lane && f.last <= a.Seq
		if done && f.lane == wire.LaneEvents {
			u.stats.AckedEvents += uint64(f.count)
		} else if done {
			u.stats.AckedSamples += uint64(f.count)
		}
		return done
	})
	if number, ok := u.spool.number(s.runs[a.Run].ID); ok && u.spool.holds(place{a.Lane, number}, a.Seq) {
		p := place{a.Lane, number}
		u.acked[p] = max(u.acked[p], a.Seq)
		poke(u.work)
	}
	if a.Run == len(s.runs)-1 {
		u.ackedNow(a)
	}
}

// ackedNow forgets what waits in memory of the present run. The caller holds mu.
func (u *Uplink) ackedNow(a wire.Ack) {
	if a.Lane == wire.LaneSamples {
		u.forget(a.Seq)
		return
	}
	for len(u.queue) > 0 && u.queue[0].last <= a.Seq {
		u.queue = u.queue[1:]
	}
	u.durable = max(u.durable, a.Seq)
}

// refused counts a batch that the collector will never keep as lost; the ack that follows makes it go.
func (s *session) refused(e *wire.Error) {
	s.u.mu.Lock()
	s.u.stats.Refused++
	for _, f := range s.flight {
		if f.run == e.Run && f.lane == e.Lane && f.last == e.Seq {
			s.u.lost.add(f.lane, f.count)
		}
	}
	s.u.mu.Unlock()
	poke(s.u.work)
	s.u.cfg.Log.Error("the collector refused a batch", "lane", e.Lane.String(), "seq", e.Seq, "error", e)
}

// beat sends a heartbeat, and gives the link up when events are not acknowledged: the collector lives but keeps nothing.
// Samples may wait for a store that takes none; while heartbeats come back, another connection would change nothing.
func (s *session) beat(now time.Time) error {
	for _, f := range s.flight {
		if f.lane == wire.LaneEvents && now.Sub(f.at) > s.u.timing.silence {
			return fmt.Errorf("no ack of %s for %s", f.lane, s.u.timing.silence)
		}
	}
	if now.Sub(s.began) > s.u.timing.silence {
		s.out.end(s.u)
	}
	frame, err := wire.AppendHeartbeat(nil, wire.Heartbeat{Sent: now})
	if err != nil {
		return err
	}
	return s.write(frame)
}

func (s *session) write(frames []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.u.timing.silence)); err != nil {
		return err
	}
	n, err := s.conn.Write(frames)
	s.u.mu.Lock()
	s.u.stats.SentBytes += uint64(n)
	s.u.mu.Unlock()
	if err != nil {
		return fmt.Errorf("telling the collector: %w", err)
	}
	return nil
}

// farewell sends what is left, waits a little for its acks, and says goodbye.
func (s *session) farewell() error {
	s.u.mu.Lock()
	s.u.formBatch()
	s.u.mu.Unlock()
	patience := time.After(s.u.timing.farewell)
	for {
		if err := s.send(); err != nil {
			return err
		}
		if len(s.flight) == 0 && s.u.said() {
			break
		}
		select {
		case <-patience:
			return errors.Join(errors.New("not everything was acknowledged in time"), s.goodbye())
		case err := <-s.broken:
			return err
		case <-s.u.wake:
		case m := <-s.inbox:
			if err := s.hear(m); err != nil {
				return err
			}
		}
	}
	return s.goodbye()
}

// said reports whether every event is on its way or gone.
func (u *Uplink) said() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.queue) == 0 || u.badSpool != nil
}

func (s *session) goodbye() error {
	frame, err := wire.AppendFrame(nil, wire.TypeGoodbye, []byte("agent stopped"))
	if err != nil {
		return err
	}
	return s.write(frame)
}
