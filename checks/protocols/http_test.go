package protocols

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

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
			_, _ = w.Write([]byte(strings.Repeat("x", bodyLooked) + "needle"))
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
		"endless headers":         {"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", longestHead/6), "sent headers of more than 262144 bytes"},
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
		err := speakHTTP(t.Context(), near, Target{Connection: &control.Connection{Port: 80}, host: "h", timeout: time.Second})
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

func TestNginx(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "http", HTTP: control.HTTPTest{Content: "^dial tone$|dial tone\n"}}, func(t *testing.T, c *control.Connection) {
		t.Helper()
		server := testkit.Nginx(t)
		server.Start(t)
		c.Port = server.Port
	})
}

func TestHTTPOverUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "web")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Host + r.URL.Path)) })}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	c := &control.Connection{UnixSocket: socket, Protocol: "http", HTTP: control.HTTPTest{Request: "/up", Content: "^localhost/up$"}, Timeout: 20 * time.Second}
	wantSaid(t, try1(t, c), "")
	c.HTTP.Content = "down"
	wantSaid(t, try1(t, c), socket+` answered without the content "down"`)
}
