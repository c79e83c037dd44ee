package protocols

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"math/rand"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// silentTimeout is the time-out of tests against servers that never answer, and lateness how much later their error may come on a
// machine that does much else.
const (
	silentTimeout = 200 * time.Millisecond
	lateness      = 2 * time.Second
)

// fourCases tries a protocol as every protocol must be tried: against a server that is good, a port where nobody listens, a server
// that accepts and never answers, and servers that answer nonsense. Options are those of the test (protocol, user, …) without the
// server; good starts a real server, or a fake that is as strict, sets what leads to it, and is skipped where it cannot be had.
func fourCases(t *testing.T, options control.Connection, good func(t *testing.T, c *control.Connection)) {
	t.Helper()
	p, err := protocolOf(&options)
	if err != nil {
		t.Fatal(err)
	}
	udp := p.UDP || options.Network == "udp"
	t.Run("good", func(t *testing.T) {
		c := options
		c.Timeout = 20 * time.Second
		good(t, &c)
		wantSaid(t, try1(t, &c), "")
	})
	t.Run("dead", func(t *testing.T) {
		c := options
		c.Port = closedPort(t, map[bool]string{true: "udp", false: "tcp"}[udp])
		wantSaid(t, try1(t, &c), "refused")
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		trySilent(t, options, udp)
	})
	for name, nonsense := range nonsenses {
		t.Run("nonsense: "+name, func(t *testing.T) {
			t.Parallel() // they wait for time-outs
			tryNonsense(t, options, p, udp, nonsense)
		})
	}
}

func trySilent(t *testing.T, c control.Connection, udp bool) {
	t.Helper()
	c.Timeout = silentTimeout
	if udp {
		c.Port = serveUDP(t, nil)
	} else {
		c.Port = serve(t, silence)
	}
	began := time.Now()
	wantSaid(t, try1(t, &c), "no answer from 127.0.0.1:")
	if took := time.Since(began); took < silentTimeout || took > silentTimeout+lateness {
		t.Errorf("the error came after %v, the time-out is %v", took, silentTimeout)
	}
}

// nonsenses are answers of no protocol. Each is sent at once and again after what the client says, then the connection ends.
var nonsenses = map[string][]byte{
	"nothing":         nil,
	"a line":          []byte("the number you have dialed is not in service\r\n"),
	"an escape":       []byte("\x1b[31m\x07red\r\n"),
	"zeros":           make([]byte, 256),
	"ones":            bytes.Repeat([]byte{0xff}, 256),
	"noise":           noise(4096),
	"a line of 1 MiB": bytes.Repeat([]byte{'x'}, 1<<20),
	"empty lines":     []byte(strings.Repeat("\r\n", 100)),
}

func noise(n int) []byte {
	text := make([]byte, n)
	_, _ = rand.New(rand.NewSource(1)).Read(text) //nolint:gosec // the same noise in every run
	return text
}

// tryNonsense wants an error in one printable sentence, well before the time-out of what would be waiting for more.
func tryNonsense(t *testing.T, c control.Connection, p Protocol, udp bool, nonsense []byte) {
	t.Helper()
	c.Timeout = lateness
	talk := func(conn net.Conn) {
		_ = conn.SetDeadline(time.Now().Add(silentTimeout)) // some wait for us, as we for them
		_, _ = conn.Write(nonsense)
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write(nonsense)
	}
	switch {
	case udp: // where nonsense may come from anybody, and ends no wait for the answer
		c.Timeout = silentTimeout
		c.Port = serveUDP(t, func([]byte) []byte { return nonsense[:min(len(nonsense), 1200)] })
	case p.TLS:
		c.TLS = &control.TLS{On: true, VerifyOff: true}
		c.Port = serve(t, overTLS(t, talk))
	default:
		c.Port = serve(t, talk)
	}
	err := try1(t, &c)
	if err == nil {
		t.Fatal("nonsense is taken for an answer")
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) || len(err.Error()) > 500 {
		t.Errorf("the error cannot be read: %q", err)
	}
}

// overTLS talks behind a certificate that nobody trusts.
func overTLS(t *testing.T, talk func(net.Conn)) func(net.Conn) {
	t.Helper()
	pair := testkit.Certificate(t)
	own, err := tls.LoadX509KeyPair(pair.CertFile, pair.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return func(conn net.Conn) {
		secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
		if secure.Handshake() == nil { //nolint:noctx // it ends with the connection
			talk(secure)
		}
		_ = secure.Close()
	}
}

// serveUDP answers each datagram with what answer makes of it, until the test ends; a nil answer is silence.
func serveUDP(t *testing.T, answer func([]byte) []byte) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for buf := make([]byte, 64<<10); ; {
			n, from, err := l.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer != nil {
				_, _ = l.WriteTo(answer(buf[:n]), from)
			}
		}
	}()
	return portOf(l.LocalAddr())
}

// fuzzSpeak feeds a protocol with what the fuzzer makes of recorded answers: it must end, without a panic. Nothing that it says gets
// an answer but those bytes, which are there from the beginning, so that a fuzzer tries thousands a second.
func fuzzSpeak(f *testing.F, c control.Connection, recorded ...string) {
	f.Helper()
	p, err := protocolOf(&c)
	if err != nil {
		f.Fatal(err)
	}
	for _, answer := range recorded {
		f.Add([]byte(answer))
	}
	c.Port = 1
	t := targetOf(p, &c, "127.0.0.1")
	t.timeout = time.Second
	f.Fuzz(func(_ *testing.T, answer []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
		defer cancel()
		if err := p.Speak(ctx, &recording{answer: bytes.NewReader(answer)}, t); err != nil {
			_ = sentence(err, t)
		}
	})
}

// recording is a connection whose far side sends fixed bytes and then ends.
type recording struct {
	net.Conn // what a protocol should not need: calling it is a panic
	answer   io.Reader
	said     bytes.Buffer
}

func (r *recording) Read(p []byte) (int, error)       { return r.answer.Read(p) }
func (r *recording) Write(p []byte) (int, error)      { return r.said.Write(p) }
func (r *recording) Close() error                     { return nil }
func (r *recording) SetDeadline(time.Time) error      { return nil }
func (r *recording) SetReadDeadline(time.Time) error  { return nil }
func (r *recording) SetWriteDeadline(time.Time) error { return nil }

func (r *recording) LocalAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000}
}

func (r *recording) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// try1 tries one connection test against 127.0.0.1.
func try1(t *testing.T, c *control.Connection) error {
	t.Helper()
	if err := Validate(c); err != nil {
		t.Fatal(err)
	}
	_, err := Probe(t.Context(), c, "127.0.0.1")
	return err
}

func wantSaid(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("failed: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("said %v; wanted %q", err, want)
	}
}

// serve accepts connections on loopback and gives each to talk, until the test ends.
func serve(t *testing.T, talk func(net.Conn)) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				talk(conn)
			}()
		}
	}()
	return portOf(l.Addr())
}

func portOf(a net.Addr) int {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	}
	return 0
}

// closedPort returns a port on which nobody listens.
func closedPort(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return portOf(l.LocalAddr())
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return portOf(l.Addr())
}

// silence reads until the far side has had enough.
func silence(conn net.Conn) {
	for buf := make([]byte, 512); ; {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}
