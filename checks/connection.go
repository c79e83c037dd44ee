package checks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/control"
)

// protocol speaks on an open connection until it knows whether the far side answers as it should. Its error is a sentence that a
// person reads at 3 am. One file a protocol registers one.
type protocol struct {
	name     string // as in `protocol NAME`
	doc      string
	validate func(*control.Connection) error
	speak    func(ctx context.Context, conn net.Conn, t target) error
}

var protocols = map[string]protocol{}

func registerProtocol(p protocol) { protocols[p.name] = p }

// target is a connection test with what the service adds to it.
type target struct {
	*control.Connection
	host    string
	timeout time.Duration
}

const (
	connectTimeout = 5 * time.Second // where the test names none
	connectAtOnce  = 8               // connections of one service that are tried at the same time
)

// String names the far side as people write it: 127.0.0.1:80, or the path of a socket.
func (t target) String() string {
	if t.UnixSocket != "" {
		return t.UnixSocket
	}
	return net.JoinHostPort(t.host, strconv.Itoa(t.Port))
}

func protocolOf(c *control.Connection) (protocol, error) {
	name := c.Protocol
	if name == "" {
		name = "default"
	}
	p, known := protocols[name]
	if !known {
		return protocol{}, fmt.Errorf("no protocol %q is known here", name)
	}
	return p, nil
}

func validateConnections(s *control.Service) error {
	for _, c := range connectionsOf(s) {
		p, err := protocolOf(c)
		if err != nil {
			return err
		}
		if c.UnixSocket == "" && (c.Port < 1 || c.Port > 65535) {
			return fmt.Errorf("port %d is not between 1 and 65535", c.Port)
		}
		if p.validate == nil {
			continue
		}
		if err := p.validate(c); err != nil {
			return err
		}
	}
	return nil
}

func connectionsOf(s *control.Service) []*control.Connection {
	var all []*control.Connection
	for _, rule := range s.Rules {
		if c, is := rule.Test.(*control.Connection); is {
			all = append(all, c)
		}
	}
	return all
}

// connect tries every connection that the rules of a service name, side by side. Its error is the end of the check's time alone;
// what the far sides do is in the report.
func connect(ctx context.Context, s *control.Service, address string, r *Report) error {
	tests := connectionsOf(s)
	probes := make([]Probe, len(tests))
	var group sync.WaitGroup
	slots := make(chan struct{}, connectAtOnce)
	for i, c := range tests {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			probes[i] = probe(ctx, c, address)
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the time for the check ended before its connections answered: %w", context.Cause(ctx))
	}
	slowest := time.Duration(0)
	for i, c := range tests {
		r.Connected(c, probes[i].Took, probes[i].Err)
		if probes[i].Err == nil {
			slowest = max(slowest, probes[i].Took)
		}
	}
	if slowest > 0 {
		r.Value("response_seconds", slowest.Seconds())
	}
	return nil
}

// probe tries one connection, as often as its test allows; the last try counts.
func probe(ctx context.Context, c *control.Connection, address string) Probe {
	t := target{Connection: c, host: c.Host, timeout: c.Timeout}
	if t.host == "" {
		t.host = address
	}
	if t.timeout <= 0 {
		t.timeout = connectTimeout
	}
	var p Probe
	for range max(1, c.Retry) {
		began := time.Now()
		err := try(ctx, t)
		p = Probe{Took: time.Since(began), Err: err}
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return p
}

// try connects once and speaks the protocol, all within the time-out of the test.
func try(ctx context.Context, t target) error {
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
	if err := speech.speak(ctx, conn, t); err != nil {
		return sentence(err, t)
	}
	return nil
}

func dial(ctx context.Context, t target) (net.Conn, error) {
	network, address := "tcp", t.String()
	switch {
	case t.UnixSocket != "":
		network = "unix"
	case t.Network == "udp":
		network = "udp"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil || !t.TLS {
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
func sentence(err error, t target) error {
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
