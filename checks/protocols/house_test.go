package protocols

import (
	"net"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/control"
)

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
