package protocols

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dialUDP connects to a server of the test.
func dialUDP(t *testing.T, port int) net.Conn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestInquireAsksAgain: the first datagram is lost, the second is answered, first with one of another request.
func TestInquireAsksAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for buf := make([]byte, 100); ; {
			_, from, err := l.ReadFrom(buf)
			if err != nil {
				return
			}
			if asked.Add(1) == 2 {
				_, _ = l.WriteTo([]byte("late"), from)
				_, _ = l.WriteTo([]byte("pong"), from)
			}
		}
	}()
	began := time.Now()
	err = inquire(t.Context(), dialUDP(t, portOf(l.LocalAddr())), []byte("ping"), func(answer []byte) error {
		if string(answer) != "pong" {
			return notOurs("it said %s", answer)
		}
		return nil
	})
	if err != nil || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	if took := time.Since(began); took < firstResend {
		t.Errorf("asked again after %v", took)
	}
}

// TestInquireTellsOfStrays: when nothing better comes, people read what came.
func TestInquireTellsOfStrays(t *testing.T) {
	t.Parallel()
	port := serveUDP(t, func(b []byte) []byte { return b })
	ctx, cancel := context.WithTimeout(t.Context(), silentTimeout)
	defer cancel()
	conn := dialUDP(t, port)
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	err := inquire(ctx, conn, []byte("ping"), func(answer []byte) error { return notOurs("it said %s", answer) })
	if _, is := errors.AsType[told](err); !is || !strings.Contains(err.Error(), "it said ping") {
		t.Errorf("said %v", err)
	}
}
