package protocols

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestMemcache asks real servers: of either protocol, and one that wants a login.
func TestMemcache(t *testing.T) {
	t.Parallel()
	fourCases(t, control.Connection{Protocol: "memcache"}, func(t *testing.T, c *control.Connection) { c.Port = memcached(t) })
	users := filepath.Join(t.TempDir(), "users")
	writeText(t, users, "desk:words\n")
	for name, options := range map[string][]string{
		"text":   {"-B", "ascii"},
		"binary": {"-B", "binary"},
		"login":  {"-Y", users},
	} {
		t.Run(name, func(t *testing.T) {
			port := memcached(t, options...)
			wantSaid(t, try1(t, &control.Connection{Protocol: "memcache", Port: port, Timeout: 20 * time.Second}), "")
		})
	}
}

func memcached(t *testing.T, options ...string) int {
	t.Helper()
	bin, port := testkit.Program(t, "memcached", "memcached"), testkit.FreePort(t)
	arguments := append([]string{"-l", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "0", "-m", "8", "-t", "1", "-u", "root"}, options...)
	testkit.Serve(t, loopback(port), bin, arguments...)
	return port
}

func TestMemcacheAnswers(t *testing.T) {
	t.Parallel()
	binary := func(status byte) string {
		return "\x81\x0b\x00\x00\x00\x00\x00" + string([]byte{status}) + "\x00\x00\x00\x00" + "dton" + "\x00\x00\x00\x00\x00\x00\x00\x00"
	}
	for name, test := range map[string]struct{ text, binary, want string }{
		"full":             {text: "ERROR Too many open connections\r\n", want: `answered "ERROR Too many open connections" to version`},
		"out of memory":    {text: "SERVER_ERROR out of memory\r\n", want: "SERVER_ERROR"},
		"binary":           {binary: binary(0)},
		"binary, login":    {binary: binary(0x20)},
		"binary, busy":     {binary: binary(0x85), want: "answered with status 0x85"},
		"binary, a banner": {binary: "SSH-2.0-OpenSSH_9.2p1 Debian\r\n", want: "is not memcached"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				first := make([]byte, 512)
				_, _ = conn.Read(first)
				if first[0] == memcacheRequest {
					_, _ = conn.Write([]byte(test.binary))
				} else {
					_, _ = conn.Write([]byte(test.text))
				}
			})
			wantSaid(t, try1(t, &control.Connection{Protocol: "memcache", Port: port, Timeout: 20 * time.Second}), test.want)
		})
	}
}
