package checks

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

// try1 tries one connection test against 127.0.0.1.
func try1(t *testing.T, c *control.Connection) error {
	t.Helper()
	s := &control.Service{Kind: "host", Name: "under test", Address: "127.0.0.1", Rules: rules(c)}
	r := run(t, newCheck(t, "host", s))
	wantDeclared(t, "host", r)
	return r.Connections[c].Err
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

func TestConnectionDefault(t *testing.T) {
	wantSaid(t, try1(t, &control.Connection{Port: serve(t, silence)}), "")
	refused := closedPort(t, "tcp")
	err := try1(t, &control.Connection{Port: refused})
	wantSaid(t, err, "connection to 127.0.0.1:")
	wantSaid(t, err, "refused")
	wantSaid(t, try1(t, &control.Connection{Host: "no-such-host.invalid", Port: 80, Timeout: 20 * time.Second}), "no-such-host.invalid does not resolve")

	socket := filepath.Join(t.TempDir(), "s")
	wantSaid(t, try1(t, &control.Connection{UnixSocket: socket}), "socket "+socket+" does not exist")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	wantSaid(t, try1(t, &control.Connection{UnixSocket: socket}), "")
	_ = l.Close()
}

func TestConnectionUDP(t *testing.T) {
	l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	wantSaid(t, try1(t, &control.Connection{Port: portOf(l.LocalAddr()), Network: "udp"}), "")
	wantSaid(t, try1(t, &control.Connection{Port: closedPort(t, "udp"), Network: "udp"}), "refused")
}

func TestConnectionHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/host":
			_, _ = w.Write([]byte(r.Method + " " + r.Host + " " + r.URL.RawQuery))
		case "/big":
			_, _ = w.Write([]byte(strings.Repeat("x", maxBody) + "needle"))
		default:
			_, _ = w.Write([]byte("welcome"))
		}
	}))
	defer server.Close()
	port := portOf(server.Listener.Addr())
	for _, test := range []struct {
		name string
		http control.HTTPTest
		want string
	}{
		{name: "answers"},
		{name: "not found", http: control.HTTPTest{Request: "/missing"}, want: "answered HTTP status 404 Not Found to /missing"},
		{name: "not found is wanted", http: control.HTTPTest{Request: "/missing", StatusOp: control.Equal, Status: 404}},
		{name: "other status wanted", http: control.HTTPTest{StatusOp: control.Equal, Status: 201}, want: "answered HTTP status 200 OK to /, wanted status = 201"},
		{name: "redirects are answers", http: control.HTTPTest{Request: "/moved"}},
		{name: "content", http: control.HTTPTest{Content: "wel+come"}},
		{name: "other content", http: control.HTTPTest{Content: "goodbye"}, want: `without the content "goodbye"`},
		{name: "content not wanted", http: control.HTTPTest{Content: "welcome", ContentNot: true}, want: `with the content "welcome"`},
		{name: "host and query", http: control.HTTPTest{Request: "/host?a=b", Host: "www.example", Content: "^GET www.example a=b$"}},
		{name: "head", http: control.HTTPTest{Method: "HEAD"}},
		{name: "content behind the bound", http: control.HTTPTest{Request: "/big", Content: "needle"}, want: "without"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantSaid(t, try1(t, &control.Connection{Port: port, Protocol: "http", HTTP: test.http}), test.want)
		})
	}
}

// TestHTTPNonsense: what answers, but not as an HTTP server does, is told apart from what is silent.
func TestHTTPNonsense(t *testing.T) {
	for name, test := range map[string]struct{ answer, want string }{
		"an SSH server":           {"SSH-2.0-OpenSSH_9.2p1\r\n", `answered "SSH-2.0-OpenSSH_9.2p1", which is not HTTP`},
		"control characters":      {"\x1b[31mred", `answered "\x1b[31mred", which is not HTTP`},
		"nothing":                 {"", "closed the connection without an answer"},
		"half a status line":      {"HTTP/1.1 abc\r\n\r\n", "is not HTTP"},
		"a body that breaks off":  {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "broke its answer off"},
		"only interim answers":    {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 9), "no final one"},
		"an interim answer first": {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1024))
				_, _ = conn.Write([]byte(test.answer))
			})
			wantSaid(t, try1(t, &control.Connection{Port: port, Protocol: "http", Timeout: 20 * time.Second}), test.want)
		})
	}
}

func TestSilentServer(t *testing.T) {
	port := serve(t, silence)
	for _, c := range []*control.Connection{
		{Port: port, Protocol: "http", Timeout: 50 * time.Millisecond},
		{Port: port, TLS: true, Timeout: 50 * time.Millisecond, Retry: 2},
	} {
		err := try1(t, c)
		wantSaid(t, err, "no answer from 127.0.0.1:")
		wantSaid(t, err, "within 50ms")
	}
}

func TestConnectionTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	c := &control.Connection{Port: portOf(server.Listener.Addr()), TLS: true, Timeout: 20 * time.Second}
	wantSaid(t, try1(t, c), "is not valid")
	plain := serve(t, func(conn net.Conn) { _, _ = conn.Write([]byte("220 mail.example ESMTP\r\n")); silence(conn) })
	wantSaid(t, try1(t, &control.Connection{Port: plain, TLS: true, Timeout: 20 * time.Second}), "does not speak TLS")
}

func TestCertificateFault(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 1, 2, 3, 4, 5, 0, time.UTC) }
	expired := x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: year(2020), NotAfter: year(2021)}}
	if got := certificateFault(expired); got != "it was valid from 2020-01-02 03:04:05 to 2021-01-02 03:04:05" {
		t.Error(got)
	}
	wrong := x509.HostnameError{Host: "a.example", Certificate: &x509.Certificate{DNSNames: []string{"b.example"}}}
	wantSaid(t, tell("%s", certificateFault(wrong)), "b.example, not a.example")
}

func TestRetry(t *testing.T) {
	tries := make(chan struct{}, 10)
	port := serve(t, func(conn net.Conn) {
		tries <- struct{}{}
		if len(tries) < 3 {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\n"))
		_, _ = conn.Read(make([]byte, 1024))
	})
	wantSaid(t, try1(t, &control.Connection{Port: port, Protocol: "http", Retry: 3, Timeout: 20 * time.Second}), "")
	if len(tries) != 3 {
		t.Errorf("%d tries", len(tries))
	}
}

// TestCheckEndsWithItsContext: a check whose time is over could not look; it does not say that the far side failed.
func TestCheckEndsWithItsContext(t *testing.T) {
	c := &control.Connection{Port: serve(t, silence), Protocol: "http", Timeout: time.Hour}
	check := newCheck(t, "host", &control.Service{Address: "127.0.0.1", Rules: rules(c)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := check.Run(ctx, &Report{}); err == nil {
		t.Error("no error")
	}
}

func FuzzHTTPAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	f.Add("SSH-2.0-OpenSSH\r\n")
	f.Fuzz(func(t *testing.T, answer string) {
		near, far := net.Pipe()
		go func() {
			silenceUntilHead(far)
			_, _ = far.Write([]byte(answer))
			_ = far.Close()
		}()
		err := speakHTTP(t.Context(), near, target{Connection: &control.Connection{Port: 80}, host: "h", timeout: time.Second})
		_ = near.Close()
		if err == nil && !strings.HasPrefix(answer, "HTTP/") {
			t.Errorf("%q is taken for HTTP", answer)
		}
	})
}

// silenceUntilHead reads up to the empty line that ends a request.
func silenceUntilHead(conn net.Conn) {
	var head strings.Builder
	for buf := make([]byte, 512); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		head.Write(buf[:n])
	}
}
