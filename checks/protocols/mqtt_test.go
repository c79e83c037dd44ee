package protocols

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestMQTT asks real brokers: one for anybody, one that wants a user, over TLS too.
func TestMQTT(t *testing.T) {
	t.Parallel()
	fourCases(t, control.Connection{Protocol: "mqtt"}, func(t *testing.T, c *control.Connection) { c.Port = broker(t, "allow_anonymous true\n") })
	users := filepath.Join(t.TempDir(), "users")
	writeText(t, users, "desk:two words\n")
	run(t, testkit.Program(t, "mosquitto", "mosquitto_passwd").Spec("-U", users))
	port := broker(t, "allow_anonymous false\npassword_file "+users+"\n")
	pair := testkit.Certificate(t)
	secure := broker(t, fmt.Sprintf("allow_anonymous true\ncertfile %s\nkeyfile %s\n", pair.CertFile, pair.KeyFile))
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"nobody":           {c: control.Connection{Port: port}},
		"login":            {c: control.Connection{Port: port, Username: "desk", Password: "two words"}},
		"another password": {c: control.Connection{Port: port, Username: "desk", Password: "guess"}, want: "refuses the user desk or the password (return code 5)"},
		"TLS":              {c: control.Connection{Port: secure, TLS: &control.TLS{On: true, CAFile: pair.CertFile}}},
		"an unknown CA":    {c: control.Connection{Port: secure, TLS: &control.TLS{On: true}}, want: "is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Protocol, test.c.Timeout = "mqtt", 20*time.Second
			wantSaid(t, try1(t, &test.c), test.want)
		})
	}
}

func broker(t *testing.T, options string) int {
	t.Helper()
	bin, port := testkit.Program(t, "mosquitto", "mosquitto"), testkit.FreePort(t)
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	writeText(t, conf, fmt.Sprintf("listener %d 127.0.0.1\nuser root\n%s", port, options))
	testkit.Serve(t, loopback(port), bin, "-c", conf)
	return port
}

func TestMQTTAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ answer, user, want string }{
		"accepted":          {answer: "\x20\x02\x00\x00\xd0\x00"},
		"not authorized":    {answer: "\x20\x02\x00\x05"},
		"bad password":      {answer: "\x20\x02\x00\x04", user: "desk", want: "refuses the user desk"},
		"another version":   {answer: "\x20\x02\x00\x01", want: "does not speak MQTT 3.1.1"},
		"unavailable":       {answer: "\x20\x02\x00\x03", want: "its service is unavailable"},
		"another code":      {answer: "\x20\x02\x00\x63", want: "refuses the connection (return code 99)"},
		"another packet":    {answer: "\x30\x02\x00\x00", want: "is not MQTT"},
		"another length":    {answer: "\x20\x09\x00\x00", want: "is not MQTT"},
		"no answer to ping": {answer: "\x20\x02\x00\x00\x20\x00", want: "is not MQTT"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 512))
				_, _ = conn.Write([]byte(test.answer))
				silence(conn)
			})
			wantSaid(t, try1(t, &control.Connection{Protocol: "mqtt", Port: port, Username: test.user, Timeout: 20 * time.Second}), test.want)
		})
	}
}

// TestMQTTConnect: the remaining length takes two bytes from 128 on.
func TestMQTTConnect(t *testing.T) {
	long := connectMQTT(Target{Connection: &control.Connection{Username: strings.Repeat("u", 200), Password: "p"}})
	if got := int(long[1]&0x7f) | int(long[2])<<7; long[1]&0x80 == 0 || got != len(long)-3 {
		t.Errorf("the remaining length is %d of %d bytes", got, len(long)-3)
	}
	if want := "\x00\x04MQTT\x04\xc2\x00\x3c"; string(long[3:13]) != want {
		t.Errorf("it begins %q, wanted %q", long[3:13], want)
	}
}
