package protocols

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestWebSocket opens MQTT over WebSockets of a real mosquitto.
func TestWebSocket(t *testing.T) {
	options := control.Connection{Protocol: "websocket", HTTP: control.HTTPTest{
		Request: "/mqtt", Origin: "http://localhost", Headers: []control.Header{{Name: "Sec-WebSocket-Protocol", Value: "mqtt"}},
	}}
	fourCases(t, options, func(t *testing.T, c *control.Connection) {
		t.Helper()
		bin := testkit.Program(t, "mosquitto", "mosquitto")
		c.Port = testkit.FreePort(t)
		config := filepath.Join(t.TempDir(), "mosquitto.conf")
		// This mosquitto ends unless it has a listener without WebSockets, too.
		text := fmt.Sprintf("listener %d 127.0.0.1\nlistener %d 127.0.0.1\nprotocol websockets\nallow_anonymous true\nuser root\n", testkit.FreePort(t), c.Port)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		testkit.Serve(t, fmt.Sprintf("127.0.0.1:%d", c.Port), bin, "-c", config)
	})
}

// TestWebSocketHandshake: a client must refuse what looks like a WebSocket and is none.
func TestWebSocketHandshake(t *testing.T) {
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
	for name, test := range map[string]struct{ answer, want string }{
		"right":            {answer, ""},
		"a fixed key":      {strings.ReplaceAll(answer, "%s", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=%.0s"), `answered with the key "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", which is not made of ours`},
		"no key":           {strings.ReplaceAll(answer, "Sec-WebSocket-Accept: %s", "X: %s"), `answered with the key ""`},
		"another protocol": {strings.Replace(answer, "WebSocket", "h2c", 1), `switches to "h2c", which is not a WebSocket`},
		"no connection":    {strings.Replace(answer, "keep-alive, Upgrade", "close", 1), "is not a WebSocket"},
		"a page":           {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %s\r\n\r\n", `answered HTTP status "200 OK" to /chat instead of a WebSocket`},
		"upgrade required": {"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nX: %s\r\n\r\n", "426 Upgrade Required"},
		"no HTTP":          {"RFB 003.008\n%.0s", `answered "RFB 003.008", which is not HTTP`},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				r := bufio.NewReader(conn)
				req, err := http.ReadRequest(r)
				if err != nil || req.Header.Get("Sec-WebSocket-Version") != "13" || req.Header.Get("Connection") != "Upgrade" || req.Header.Get("Origin") != "http://o.example" {
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 400 %v %v\r\n\r\n", err, req)
					return
				}
				_, _ = fmt.Fprintf(conn, test.answer, webSocketAccept(req.Header.Get("Sec-WebSocket-Key")))
				if goodbye, _ := io.ReadAll(r); test.want == "" && (len(goodbye) != 8 || goodbye[0] != 0x88 || goodbye[1] != 0x82) {
					t.Errorf("ended with % x", goodbye)
				}
			})
			c := &control.Connection{Port: port, Protocol: "websocket", HTTP: control.HTTPTest{Request: "/chat", Origin: "http://o.example"}, Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), test.want)
		})
	}
}

// TestWebSocketAccept is the example of RFC 6455, section 1.3.
func TestWebSocketAccept(t *testing.T) {
	if got := webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func FuzzWebSocket(f *testing.F) {
	fuzzSpeak(f, control.Connection{Protocol: "websocket"}, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")
}
