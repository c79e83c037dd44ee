package protocols

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// startPatience is how long a real server may take to start on a machine that does much else.
const startPatience = 60 * time.Second

// fuzzTarget is a far side that is nobody.
var fuzzTarget = Target{Connection: &control.Connection{Port: 1, Username: "desk", Password: "s3cret"}, host: "192.0.2.1", timeout: time.Second, network: "tcp"}

// start runs a server until the test ends.
func start(t *testing.T, s command.Spec) *command.Process {
	t.Helper()
	p, err := command.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(5 * time.Second) })
	return p
}

// loopback is where a server listens.
func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// answersSoon waits until a server that speaks over UDP, and so cannot be seen to listen, gives the answer wanted.
func answersSoon(t *testing.T, p *command.Process, c *control.Connection, want string) {
	t.Helper()
	c.Timeout = 500 * time.Millisecond
	testkit.Eventually(t, startPatience, func() error {
		select {
		case <-p.Ended():
			t.Fatalf("the server ended: %s", p.Output())
		default:
		}
		_, err := Probe(t.Context(), c, "127.0.0.1")
		if err == nil && want == "" || err != nil && want != "" && strings.Contains(err.Error(), want) {
			return nil
		}
		return fmt.Errorf("it says %w, wanted %q: %s", err, want, p.Output())
	})
}

// run runs a program to its end, which must be a good one.
func run(t *testing.T, s command.Spec) {
	t.Helper()
	s.Timeout = startPatience
	r, err := command.Run(t.Context(), s)
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("%v: exit status %d, error %v\n%s", s.Argv, r.ExitCode, err, r.Output)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // servers run as others
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { // servers run as others
		t.Fatal(err)
	}
}

// freeUDPPort returns a port of loopback that was free for TCP and UDP a moment ago.
func freeUDPPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := testkit.FreePort(t)
		l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", loopback(port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("a hundred UDP ports were taken")
	return 0
}
