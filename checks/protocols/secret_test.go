package protocols

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

// TestNoSecretIsPrinted: servers that greet as one of the protocols does, and then send back what they get.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	const secret control.Secret = "s3cret\"words"
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			for _, greeting := range []string{"", strings.Repeat("x", 45), "+OK\r\n", "220 echo\r\n", "* OK echo\r\n", "200 echo\r\n", "R\x00\x00\x00\x08\x00\x00\x00\x03"} {
				tryEcho(t, p, secret, greeting)
			}
		})
	}
}

func tryEcho(t *testing.T, p Protocol, secret control.Secret, greeting string) {
	t.Helper()
	c := &control.Connection{
		Protocol: p.Name, Port: 1, Timeout: 100 * time.Millisecond, Username: "desk", Password: secret, Secret: secret,
		TLS: &control.TLS{VerifyOff: true},
	}
	if !p.TLS {
		c.TLS = nil
	}
	if p.UDP {
		c.Port = serveUDP(t, func(b []byte) []byte { return append([]byte(greeting), b...) })
	} else {
		c.Port = serve(t, func(conn net.Conn) { echoAfter(conn, greeting) })
	}
	_, err := Probe(t.Context(), c, "127.0.0.1")
	if err != nil && (strings.Contains(err.Error(), "s3cr") || strings.Contains(err.Error(), "words")) {
		t.Errorf("%s prints the password: %v", p.Name, err)
	}
}

func echoAfter(conn net.Conn, greeting string) {
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte(greeting))
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		_, _ = conn.Write(buf[:n])
	}
}
