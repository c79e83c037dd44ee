package checks

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

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

// silence reads until the far side has had enough.
func silence(conn net.Conn) {
	for buf := make([]byte, 512); ; {
		if _, err := conn.Read(buf); err != nil {
			return
		}
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
