package collector

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// writePatience bounds one write to an agent.
const writePatience = 10 * time.Second

// refusalsKept bounds the refusals that wait for an agent that does not read.
const refusalsKept = 64

// outbox is what one session has to say to its agent. Everything in it is bounded: acks of a lane replace one another,
// so does the heartbeat, and refusals are few.
type outbox struct {
	wake chan struct{}
	over chan struct{} // closed by close

	mu       sync.Mutex
	acks     map[wire.Ack]uint64 // by run and lane (Seq is zero in the key)
	echo     []byte
	refusals []*wire.Error
	last     *wire.Error
	closed   bool
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), over: make(chan struct{}), acks: map[wire.Ack]uint64{}}
}

func (o *outbox) ack(a wire.Ack) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := wire.Ack{Run: a.Run, Lane: a.Lane}
	o.acks[key] = max(o.acks[key], a.Seq)
	poke(o.wake)
}

func (o *outbox) heartbeat(body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.echo = slices.Clone(body)
	poke(o.wake)
}

func (o *outbox) refuse(e *wire.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.refusals) < refusalsKept {
		o.refusals = append(o.refusals, e)
	}
	poke(o.wake)
}

// close makes send write what is left, the error last, and return. A nil error is none.
func (o *outbox) close(last *wire.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed, o.last = true, last
		close(o.over)
	}
	poke(o.wake)
}

// send writes until the outbox is closed or the agent does not take it in time.
func (o *outbox) send(conn net.Conn) error {
	for range o.wake {
		frames, closed, err := o.frames()
		if err != nil {
			return err
		}
		if len(frames) > 0 {
			if err := conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
				return err
			}
			if _, err := conn.Write(frames); err != nil {
				return err
			}
		}
		if closed {
			return nil
		}
	}
	return nil
}

// frames takes everything that is to be said.
func (o *outbox) frames() (frames []byte, closed bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.refusals {
		if frames, err = wire.EncodeJSON(frames, wire.TypeError, e); err != nil {
			return nil, true, err
		}
	}
	for key, seq := range o.acks {
		if frames, err = wire.AppendAck(frames, wire.Ack{Run: key.Run, Lane: key.Lane, Seq: seq}); err != nil {
			return nil, true, err
		}
	}
	if o.echo != nil {
		if frames, err = wire.AppendFrame(frames, wire.TypeHeartbeat, o.echo); err != nil {
			return nil, true, err
		}
	}
	if o.closed && o.last != nil {
		if frames, err = wire.EncodeJSON(frames, wire.TypeError, o.last); err != nil {
			return nil, true, err
		}
	}
	clear(o.acks)
	o.echo, o.refusals = nil, nil
	return frames, o.closed, nil
}
