package protocols

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

func TestResponseTime(t *testing.T) {
	port := serve(t, silence)
	wantSaid(t, try1(t, &control.Connection{Port: port, ResponseOp: control.Greater, Response: time.Hour}), "")
	wantSaid(t, try1(t, &control.Connection{Port: port, ResponseOp: control.Less, Response: time.Hour}), "s (limit < 1h0m0s)")
}

// TestTalk: lines end in LF or CRLF, and what never ends is no answer.
func TestTalk(t *testing.T) {
	for name, test := range map[string]struct{ answer, line, want string }{
		"CRLF":       {"+OK\r\nmore", "+OK", ""},
		"LF":         {"+OK\nmore", "+OK", ""},
		"cut":        {"+OK", "", `broke off within the line "+OK"`},
		"empty":      {"", "", "EOF"},
		"endless":    {strings.Repeat("+", longestLine+1), "", "which is not POP3"},
		"not wanted": {"-ERR\r\n", "", `answered "-ERR", which is not POP3`},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			go func() {
				_, _ = far.Write([]byte(test.answer))
				_ = far.Close()
			}()
			line, err := converse(near, fuzzTarget, "POP3").expect("+")
			wantSaid(t, err, test.want)
			if line != test.line {
				t.Errorf("read %q", line)
			}
			_ = near.Close()
		})
	}
}

// TestTalkRefusesEarlyText: what comes in clear text after the agreement to TLS is not taken for an answer over TLS.
func TestTalkRefusesEarlyText(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = near.Close() }()
	go func() { _, _ = far.Write([]byte("220 go ahead\r\n250 injected\r\n")) }()
	k := converse(near, fuzzTarget, "SMTP")
	if _, err := k.expect("220"); err != nil {
		t.Fatal(err)
	}
	wantSaid(t, k.upgrade(t.Context()), `sent "250 injected\r\n" in clear text after it agreed to TLS`)
}
