package protocols

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestClamAV asks a real clamd, whose database is one signature: the checksum of nothing that there is.
func TestClamAV(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "clamav"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.FreePort(t)
		database := write(t, "test.hdb", "00000000000000000000000000000000:68:Nothing\n")
		socket := filepath.Join(filepath.Dir(database), "clamd.sock")
		config := write(t, "clamd.conf", "Foreground yes\nUser root\nTCPAddr 127.0.0.1\nTCPSocket "+number(c.Port)+
			"\nLocalSocket "+socket+"\nDatabaseDirectory "+filepath.Dir(database)+"\n")
		testkit.Serve(t, socket, testkit.Installed(t, "clamav", "clamd"), "-c", config)
		wantSaid(t, try1(t, &control.Connection{Protocol: "clamav", UnixSocket: socket, Timeout: patient}), "")
	})
}

func TestClamAVAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"PONG\n":            "",
		"UNKNOWN COMMAND\n": `answered "UNKNOWN COMMAND", which is not ClamAV`,
		"PONG":              "broke off within the line",
	} {
		c := control.Connection{Protocol: "clamav", Timeout: patient, Port: serve(t, answersOnce(answer))}
		wantSaid(t, try1(t, &c), want)
	}
}

// answersOnce waits for something and answers it; then the connection ends.
func answersOnce(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write([]byte(answer))
	}
}
