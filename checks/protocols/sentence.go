package protocols

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

// told is an error that is a whole sentence already.
type told string

func (t told) Error() string { return string(t) }

// tell makes an error that people read as it is. What a far side sent goes through quote first.
func tell(format string, args ...any) error { return told(fmt.Sprintf(format, args...)) }

// distrusted is the sentence of a certificate that is not believed, by a far side that otherwise may be as well as ever.
type distrusted string

func (d distrusted) Error() string { return string(d) }

// Distrusts reports whether a connection test failed for the far side's certificate alone: its issuer, its name or its dates. No restart
// makes another of it.
func Distrusts(err error) bool {
	_, is := errors.AsType[distrusted](err)
	return is
}

// sentence says what went wrong with a connection, without the words of system calls.
func sentence(err error, t Target) error {
	if done, is := errors.AsType[told](err); is {
		return done
	}
	if done, is := errors.AsType[distrusted](err); is {
		return done
	}
	for _, known := range faults {
		if known.is(err) {
			return tell(known.text, t, t.timeout)
		}
	}
	if name, is := errors.AsType[*net.DNSError](err); is {
		return tell("the name %s does not resolve: %s", t.host, name.Err)
	}
	if _, is := errors.AsType[*net.AddrError](err); is && t.Family != "" {
		return tell("%s has no %s address", t.host, map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}[t.Family])
	}
	return tell("connection to %s failed: %v", t, err)
}

// faults are the usual ends of a connection; %[2]s is the time-out.
var faults = []struct {
	is   func(error) bool
	text string
}{
	{errno(syscall.ECONNREFUSED), "connection to %[1]s refused%.0[2]s"},
	{errno(syscall.EAGAIN), "socket %[1]s takes no more connections: as many wait already as it lets%.0[2]s"},
	{timedOut, "no answer from %[1]s within %[2]s"},
	{errno(syscall.ECONNRESET), "%[1]s broke the connection off%.0[2]s"},
	{errno(syscall.EPIPE), "%[1]s broke the connection off%.0[2]s"},
	{broken, "%[1]s closed the connection without an answer%.0[2]s"},
	{errno(syscall.EHOSTUNREACH), "%[1]s cannot be reached: no route to the host%.0[2]s"},
	{errno(syscall.ENETUNREACH), "%[1]s cannot be reached: no route to its network%.0[2]s"},
	{errno(syscall.EADDRNOTAVAIL), "%[1]s cannot be asked from this source address, which the machine does not have%.0[2]s"},
	{errno(syscall.ENOENT), "socket %[1]s does not exist%.0[2]s"},
	{errno(syscall.EACCES), "socket %[1]s may not be used by the agent's user%.0[2]s"},
}

func errno(want syscall.Errno) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

// broken is an end of the connection where an answer was due.
func broken(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &n) && n.Timeout()
}

// quote shows the start of what a far side sent; it is hostile text, so that what is not printable is escaped.
func quote(text []byte) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}
