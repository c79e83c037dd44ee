package protocols

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestGeneric talks to a real memcached as a control file would.
func TestGeneric(t *testing.T) {
	version := control.Connection{Protocol: "generic", Script: []control.Exchange{
		{Send: "version\r\n"}, {Expect: `^VERSION [[:digit:]]+\.[0-9.]+\r\n`}, {Send: "get none\r\n", Expect: "^END\r\n$"}, {Send: "quit\r\n"},
	}}
	fourCases(t, version, func(t *testing.T, c *control.Connection) {
		t.Helper()
		server := testkit.Memcached(t)
		server.Start(t)
		c.Port = server.Port
	})
}

func TestGenericBytes(t *testing.T) {
	for name, test := range map[string]struct{ answer, expect, want string }{
		"bytes":             {"\xff\xfe\x00\x01", "^\xff\xfe", ""},
		"NUL":               {"a\x00b", `^a\x00b$`, ""},
		"NUL as Monit does": {"a\x00b", `^a\\0b$`, ""},
		"not UTF-8":         {"caf\xe9", "^caf.$", ""},
		"UTF-8":             {"café", "café", ""},
		"second line":       {"220-welcome\r\n220 ready\r\n", "^220 ready", ""},
		"dot is any byte":   {"a\nb", "^a.b$", ""},
		"something else":    {"554 no\r\n", "^220", `answered "554 no\r\n", which does not match "^220"`},
		"nothing":           {"", "^220", "closed the connection without an answer"},
		"behind the bound":  {strings.Repeat("x", 100) + "needle", "needle", "which does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) { _, _ = conn.Write([]byte(test.answer)) })
			c := &control.Connection{Port: port, Script: []control.Exchange{{Expect: test.expect}}, Buffer: 100, Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), test.want)
		})
	}
	if err := Validate(&control.Connection{Port: 1, Script: []control.Exchange{{Expect: "("}}}); err == nil {
		t.Error("a broken expression is accepted")
	}
}

// TestGenericPieces: an answer may come in pieces, and one that never matches is told with what came.
func TestGenericPieces(t *testing.T) {
	port := serve(t, func(conn net.Conn) {
		for _, piece := range []string{"2", "20 rea", "dy\r\n"} {
			_, _ = conn.Write([]byte(piece))
		}
		silence(conn)
	})
	c := &control.Connection{Port: port, Script: []control.Exchange{{Expect: "^220 ready"}}, Timeout: 20 * time.Second}
	wantSaid(t, try1(t, c), "")
	c.Script[0].Expect, c.Timeout = "^221", silentTimeout
	wantSaid(t, try1(t, c), `answered "220 ready\r\n", which does not match "^221"`)
}

func TestGenericUDP(t *testing.T) {
	port := serveUDP(t, func(question []byte) []byte { return append(question, "ack"...) })
	c := control.Connection{Network: "udp", Script: []control.Exchange{{Send: "\xff\xffping"}, {Expect: "^\xff\xffpingack$"}}}
	fourCases(t, c, func(_ *testing.T, c *control.Connection) { c.Port = port })
}

func FuzzGeneric(f *testing.F) {
	fuzzSpeak(f, control.Connection{Protocol: "generic", Script: []control.Exchange{{Expect: "^(a|b)*\xff+$"}, {Expect: "."}}}, "ab\xff", "a\x00b\r\n")
}
