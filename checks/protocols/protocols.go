// Package protocols asks far sides whether they answer as their protocol says: one file a protocol, one test beside it.
//
// A protocol registers itself; the control file names it in `if failed port N protocol NAME`. Probe dials, speaks and closes, all
// within the time-out of the test; what is wrong comes back as a sentence that a person reads at 3 am.
package protocols

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/control"
)

// Protocol is one row of the registry.
type Protocol struct {
	Name     string                          // as in `protocol NAME`
	Doc      string                          // one paragraph: what passes, and after which document
	Validate func(*control.Connection) error // what this protocol cannot do with the options written; nil: anything goes
	TLS      bool                            // TLS from the first byte, whatever the test says: https, imaps
	UDP      bool                            // over UDP unless the test says tcp

	// Speak speaks on a connection that Probe dialled (with TLS where the test or the protocol wants it) and closes. It returns an
	// error unless the far side has proven that it speaks the protocol. Its reads and writes end with ctx.
	Speak func(ctx context.Context, conn net.Conn, t Target) error
}

var registry = map[string]Protocol{}

func register(p Protocol) { registry[p.Name] = p }

// All returns the registered protocols by name.
func All() []Protocol {
	return slices.SortedFunc(maps.Values(registry), func(a, b Protocol) int { return strings.Compare(a.Name, b.Name) })
}

// Target is a connection test with what the service adds to it.
type Target struct {
	*control.Connection
	host    string        // who is dialled
	timeout time.Duration // of the whole test, never zero
}

const connectTimeout = 5 * time.Second // where the test names none

// String names the far side as people write it: 127.0.0.1:80, or the path of a socket.
func (t Target) String() string {
	if t.UnixSocket != "" {
		return t.UnixSocket
	}
	return net.JoinHostPort(t.host, strconv.Itoa(t.Port))
}

func protocolOf(c *control.Connection) (Protocol, error) {
	name := c.Protocol
	if name == "" {
		name = "default"
	}
	p, known := registry[name]
	if !known {
		return Protocol{}, fmt.Errorf("no protocol %q is known here", name)
	}
	return p, nil
}

// Validate says what is wrong with a connection test before anybody is asked.
func Validate(c *control.Connection) error {
	p, err := protocolOf(c)
	if err != nil {
		return err
	}
	if c.UnixSocket == "" && (c.Port < 1 || c.Port > 65535) {
		return fmt.Errorf("port %d is not between 1 and 65535", c.Port)
	}
	if p.Validate == nil {
		return nil
	}
	return p.Validate(c)
}

// Probe tries one connection, as often as its test allows; the last try counts. Address is who is asked where the test names no
// host. It returns how long that try took, and nil or a sentence.
func Probe(ctx context.Context, c *control.Connection, address string) (took time.Duration, err error) {
	t := Target{Connection: c, host: c.Host, timeout: c.Timeout}
	if t.host == "" {
		t.host = address
	}
	if t.timeout <= 0 {
		t.timeout = connectTimeout
	}
	for range max(1, c.Retry) {
		began := time.Now()
		err = try(ctx, t)
		took = time.Since(began)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return took, err
}

// try connects once and speaks the protocol, all within the time-out of the test.
func try(ctx context.Context, t Target) error {
	speech, err := protocolOf(t.Connection)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	conn, err := dial(ctx, t)
	if err != nil {
		return sentence(err, t)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := speech.Speak(ctx, conn, t); err != nil {
		return sentence(err, t)
	}
	return nil
}

func dial(ctx context.Context, t Target) (net.Conn, error) {
	network, address := "tcp", t.String()
	switch {
	case t.UnixSocket != "":
		network = "unix"
	case t.Network == "udp":
		network = "udp"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil || t.TLS == nil {
		return conn, err
	}
	name := t.host
	if t.HTTP.Host != "" {
		name = withoutPort(t.HTTP.Host)
	}
	secure := tls.Client(conn, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

func withoutPort(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// told is an error that is a whole sentence already.
type told string

func (t told) Error() string { return string(t) }

func tell(format string, args ...any) error { return told(fmt.Sprintf(format, args...)) }

// sentence says what went wrong with a connection, without the words of system calls.
func sentence(err error, t Target) error {
	if done, is := errors.AsType[told](err); is {
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
	if certificate, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return tell("the certificate of %s is not valid: %s", t, certificateFault(certificate.Err))
	}
	if record, is := errors.AsType[tls.RecordHeaderError](err); is {
		return tell("%s does not speak TLS: it answered %s", t, quote(record.RecordHeader[:]))
	}
	return tell("connection to %s failed: %v", t, err)
}

// faults are the usual ends of a connection; %[2]s is the time-out.
var faults = []struct {
	is   func(error) bool
	text string
}{
	{errno(syscall.ECONNREFUSED), "connection to %[1]s refused%.0[2]s"},
	{timedOut, "no answer from %[1]s within %[2]s"},
	{errno(syscall.ECONNRESET), "%[1]s broke the connection off%.0[2]s"},
	{errno(syscall.EPIPE), "%[1]s broke the connection off%.0[2]s"},
	{errno(syscall.EHOSTUNREACH), "%[1]s cannot be reached: no route to the host%.0[2]s"},
	{errno(syscall.ENETUNREACH), "%[1]s cannot be reached: no route to its network%.0[2]s"},
	{errno(syscall.ENOENT), "socket %[1]s does not exist%.0[2]s"},
	{errno(syscall.EACCES), "socket %[1]s may not be used by the agent's user%.0[2]s"},
}

func errno(want syscall.Errno) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &n) && n.Timeout()
}

func certificateFault(err error) string {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil {
		return fmt.Sprintf("it was valid from %s to %s", invalid.Cert.NotBefore.UTC().Format(time.DateTime), invalid.Cert.NotAfter.UTC().Format(time.DateTime))
	}
	return err.Error()
}

// quote shows the start of what a far side sent; it is hostile text, so that what is not printable is escaped.
func quote(text []byte) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}
