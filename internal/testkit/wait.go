package testkit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// Ports below the range that Linux hands out for outgoing connections (32768 and up): a server that is killed and started again
// finds its port as it left it.
const firstPort, endPort = 15000, 32000

// FreePort returns a TCP port of 127.0.0.1 that nobody listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	var lc net.ListenConfig
	for range 100 {
		port := firstPort + rand.N(endPort-firstPort)
		l, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("finding a free port: a hundred were taken")
	return 0
}

// Eventually asks cond until it returns nil, and fails the test with its last error when that takes longer than within. It is
// for processes of others, which nothing but a question can wait for; our own code is waited for by channels.
func Eventually(t testing.TB, within time.Duration, cond func() error) {
	t.Helper()
	if err := poll(within, cond); err != nil {
		t.Fatalf("not within %v: %v", within, err)
	}
}

func poll(within time.Duration, cond func() error) error {
	deadline := time.Now().Add(within)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// accepts returns nil once something accepts connections at address, HOST:PORT or the path of a Unix socket.
func accepts(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var d net.Dialer
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}
