package protocols

import (
	"context"
	"net"
	"time"
)

const (
	firstResend     = time.Second // RFC 1035 and RFC 5080 wish one to five seconds; the wait doubles each time
	longestDatagram = 4096        // bytes; what is longer is cut, and so no answer
)

// inquire sends a request over UDP, again and again until judge is content with an answer. An error of judge says what is wrong with
// a datagram, which might come from anybody: it stays unheeded, and is what people read when no better answer comes in time.
func inquire(ctx context.Context, conn net.Conn, request []byte, judge func(answer []byte) error) error {
	var last error
	buf := make([]byte, longestDatagram)
	for wait := firstResend; ; wait *= 2 {
		if _, err := conn.Write(request); err != nil {
			return orLast(last, err)
		}
		until := time.Now().Add(wait)
		for {
			n, err := readUntil(ctx, conn, buf, until)
			if timedOut(err) && ctx.Err() == nil {
				break // time to ask again
			}
			if err != nil {
				return orLast(last, err)
			}
			if last = judge(buf[:n]); last == nil {
				return nil
			}
			if final, is := last.(verdict); is { //nolint:errorlint // judge returns it bare
				return final.error
			}
		}
	}
}

// verdict is an error of judge about an answer that is certainly the far side's: there is nothing to wait for.
type verdict struct{ error }

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

// orLast prefers what was wrong with an answer to the time-out that ended the wait for a better one.
func orLast(last, err error) error {
	if last != nil && timedOut(err) {
		return last
	}
	return err
}
