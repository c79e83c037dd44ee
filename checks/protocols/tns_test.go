package protocols

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

// listenerReply is what a listener of Oracle 10g answers to a ping, as people print it who ask it with other tools.
const listenerReply = "(DESCRIPTION=(TMP=)(VSNNUM=169870592)(ERR=0)(ALIAS=LISTENER))"

// refuse is a REFUSE packet with this text.
func refuse(text string) string {
	packet := binary.BigEndian.AppendUint16(nil, uint16(12+len(text)))
	packet = append(packet, 0, 0, tnsRefuse, 0, 0, 0, 0x22, 0)
	packet = binary.BigEndian.AppendUint16(packet, uint16(len(text)))
	return string(packet) + text
}

// TestTNS speaks to a fake listener, for no Debian package is one. It takes nothing but a CONNECT whose lengths are right.
func TestTNS(t *testing.T) {
	t.Parallel()
	fourCases(t, control.Connection{Protocol: "tns"}, func(t *testing.T, c *control.Connection) { c.Port = listener(t, refuse(listenerReply)) })
	const resend = "\x00\x08\x00\x00\x0b\x00\x00\x00"
	for name, test := range map[string]struct {
		answers []string
		want    string
	}{
		"asks once more":           {answers: []string{resend, refuse(listenerReply)}},
		"asks again and again":     {answers: []string{resend, resend, resend}, want: "again and again"},
		"accepts":                  {answers: []string{"\x00\x08\x00\x00\x02\x00\x00\x00"}},
		"knows no such service":    {answers: []string{refuse("(DESCRIPTION=(ERR=12514)(VSNNUM=1))")}},
		"does not trust strangers": {answers: []string{refuse("(DESCRIPTION=(ERR=1189))")}},
		"full":                     {answers: []string{refuse("(DESCRIPTION=(ERR=12519)(VSNNUM=1))")}, want: "has no session to give: TNS-12519"},
		"no number":                {answers: []string{refuse("busy")}, want: `answered "busy", which is not an Oracle listener`},
		"wrong inner length":       {answers: []string{strings.Replace(refuse(listenerReply), "\x22\x00\x00", "\x22\x00\x01", 1)}, want: "is not an Oracle listener"},
		"too long":                 {answers: []string{"\x7f\xff\x00\x00\x04\x00\x00\x00"}, want: "is not an Oracle listener"},
		"another type":             {answers: []string{"\x00\x08\x00\x00\x0c\x00\x00\x00"}, want: "is not an Oracle listener"},
	} {
		t.Run(name, func(t *testing.T) {
			port := listener(t, test.answers...)
			wantSaid(t, try1(t, &control.Connection{Protocol: "tns", Port: port, Timeout: 20 * time.Second}), test.want)
		})
	}
}

// listener answers one CONNECT after the other.
func listener(t *testing.T, answers ...string) int {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		for _, answer := range answers {
			header := make([]byte, 8)
			if _, err := io.ReadFull(conn, header); err != nil {
				return
			}
			body := make([]byte, int(binary.BigEndian.Uint16(header))-8)
			if _, err := io.ReadFull(conn, body); err != nil || header[4] != tnsConnect {
				return
			}
			length, offset := int(binary.BigEndian.Uint16(body[16:])), int(binary.BigEndian.Uint16(body[18:]))
			if offset+length != len(body)+8 || string(body[offset-8:]) != "(DESCRIPTION=(CONNECT_DATA=(COMMAND=ping)))" {
				return
			}
			_, _ = conn.Write([]byte(answer))
		}
		silence(conn)
	})
}

func FuzzTNSAnswer(f *testing.F) {
	f.Add([]byte(refuse(listenerReply)))
	f.Fuzz(func(t *testing.T, answer []byte) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 512))
			_, _ = far.Write(answer)
			_ = far.Close()
		}()
		err := speakTNS(t.Context(), near, fuzzTarget)
		_ = near.Close()
		if err == nil && (len(answer) < 8 || answer[4] == tnsResend && len(answer) < 16) {
			t.Errorf("%q is taken for an answer", answer)
		}
	})
}
