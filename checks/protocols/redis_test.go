package protocols

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestRedis asks real servers: one that anybody may use, one with a password and users.
func TestRedis(t *testing.T) {
	t.Parallel()
	fourCases(t, control.Connection{Protocol: "redis"}, func(t *testing.T, c *control.Connection) { c.Port = redis(t) })
	port := redis(t, "--requirepass", "night bell", "--user", "desk", "on", ">words", "+ping", "~*")
	for name, test := range map[string]struct {
		user     string
		password control.Secret
		want     string
	}{
		"nobody":           {},
		"password":         {password: "night bell"},
		"user":             {user: "desk", password: "words"},
		"another password": {password: "guess", want: "refuses the password: it answered \"-WRONGPASS"},
		"another user":     {user: "caller", password: "night bell", want: "refuses the password"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &control.Connection{Protocol: "redis", Port: port, Username: test.user, Password: test.password, Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), test.want)
		})
	}
	t.Run("a replica without its master", func(t *testing.T) {
		port := redis(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(closedPort(t, "tcp")), "--replica-serve-stale-data", "no")
		wantSaid(t, try1(t, &control.Connection{Protocol: "redis", Port: port, Timeout: 20 * time.Second}), `answered "-MASTERDOWN`)
	})
	t.Run("unix socket", func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "s")
		redis(t, "--unixsocket", socket)
		wantSaid(t, try1(t, &control.Connection{Protocol: "redis", UnixSocket: socket, Timeout: 20 * time.Second}), "")
	})
}

func redis(t *testing.T, options ...string) int {
	t.Helper()
	bin, port := testkit.Program(t, "redis", "redis-server"), testkit.FreePort(t)
	arguments := append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, options...)
	testkit.Serve(t, loopback(port), bin, arguments...)
	return port
}

// TestRedisAnswers judges what servers say that serve nobody, and an echo, which must not print the password.
func TestRedisAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer   string // to the first command; "" echoes
		password control.Secret
		want     string
	}{
		"loading":      {answer: "-LOADING Redis is loading the dataset in memory\r\n", want: `answered "-LOADING`},
		"busy":         {answer: "-BUSY Redis is busy running a script\r\n", want: `answered "-BUSY`},
		"full":         {answer: "-ERR max number of clients reached\r\n", want: "max number of clients"},
		"old":          {answer: "-ERR operation not permitted\r\n"},
		"another type": {answer: ":1\r\n", want: "is not Redis"},
		"echo":         {password: "night bell", want: "something that is not Redis"},
		"hostile":      {password: "night bell", answer: "-night bell\r\n", want: `it answered "-********"`},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				buf := make([]byte, 512)
				n, _ := conn.Read(buf)
				if test.answer == "" {
					test.answer = string(buf[:n])
				}
				_, _ = conn.Write([]byte(test.answer))
				silence(conn)
			})
			err := try1(t, &control.Connection{Protocol: "redis", Port: port, Password: test.password, Timeout: 20 * time.Second})
			wantSaid(t, err, test.want)
			if err != nil && strings.Contains(err.Error(), "night bell") {
				t.Errorf("the password is printed: %v", err)
			}
		})
	}
}
