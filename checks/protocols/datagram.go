package protocols

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	firstResend     = time.Second // RFC 1035 and RFC 5080 wish one to five seconds; the wait doubles each time
	longestDatagram = 4096        // bytes; what is longer is cut, and so no answer
)

// stray is what is wrong with a datagram that answers another request, or that anybody may have sent: the wait for the right one goes
// on, and people read this only when none comes.
type stray struct{ told }

func (s stray) Unwrap() error { return s.told }

func notOurs(format string, args ...any) error { return stray{told(fmt.Sprintf(format, args...))} }

// inquire sends a request over UDP, again and again, until judge is content with an answer or finds an error in it that is no stray.
func inquire(ctx context.Context, conn net.Conn, request []byte, judge func(answer []byte) error) error {
	var last error
	for wait := firstResend; ; wait *= 2 {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		err := await(ctx, conn, time.Now().Add(wait), judge)
		if _, is := errors.AsType[stray](err); is {
			last = err
		} else if !timedOut(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(last, ctx.Err())
		}
	}
}

// await reads datagrams until one is judged, and returns the time-out, or what the last stray was, when none is before until.
func await(ctx context.Context, conn net.Conn, until time.Time, judge func([]byte) error) error {
	var last error
	for buf := make([]byte, longestDatagram); ; {
		n, err := readUntil(ctx, conn, buf, until)
		if err != nil && last != nil && timedOut(err) {
			return last
		}
		if err != nil {
			return err
		}
		last = judge(buf[:n])
		if _, is := errors.AsType[stray](last); !is {
			return last
		}
	}
}

// readUntil reads one datagram. Who ends ctx moves the deadline into the past; asking ctx after moving it here loses no end.
func readUntil(ctx context.Context, conn net.Conn, buf []byte, until time.Time) (int, error) {
	if err := conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return conn.Read(buf)
}

// redial connects once more within the same test; end closes the connection.
func redial(ctx context.Context, t Target) (conn net.Conn, end func(), err error) {
	conn, err = dial(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() {
		stop()
		_ = conn.Close()
	}, nil
}
