package protocols

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"github.com/dialtone/dialtone/control"
)

// TestDWP has no real server: none is packaged, and the protocol was never published. The fake takes nothing but a whole request.
func TestDWP(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "dwp"}, func(t *testing.T, c *control.Connection) {
		c.Port = serve(t, dwpServer("DWP/1.1 200 OK\r\n\r\n"))
	})
	for answer, want := range map[string]string{
		"DWP/1.0 399\r\n":           "",
		"DWP/1.1 404 Not Found\r\n": `answered "DWP/1.1 404 Not Found" to HEAD /`,
		"HTTP/1.1 200 OK\r\n":       "",
		"OK 200\r\n":                "is not DWP",
		"DWP/1.1 2000\r\n":          "is not DWP",
	} {
		c := control.Connection{Protocol: "dwp", Timeout: patient, Port: serve(t, dwpServer(answer))}
		wantSaid(t, try1(t, &c), want)
	}
}

func dwpServer(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil || request.Method != http.MethodHead || !request.Close {
			answer = "DWP/1.1 400 Bad Request\r\n"
		}
		_, _ = conn.Write([]byte(answer))
	}
}
