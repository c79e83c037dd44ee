package protocols

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestRdate asks the time service of a real inetd. Over UDP that does not answer loopback, so that a fake does, which is as strict: the
// question is an empty datagram.
func TestRdate(t *testing.T) {
	port := testkit.FreePort(t)
	bin := testkit.Installed(t, "inetd", "inetd")
	serveAfter(t, loopback(port), bin, `
sed -i '/^time[[:space:]]/d' /etc/services
echo "time `+number(port)+`/tcp" >>/etc/services
echo "127.0.0.1:time stream tcp nowait root internal" >/etc/inetd.conf`, "-i")
	fourCases(t, control.Connection{Protocol: "rdate"}, func(_ *testing.T, c *control.Connection) { c.Port = port })
	fourCases(t, control.Connection{Protocol: "rdate", Network: "udp"}, func(t *testing.T, c *control.Connection) {
		c.Port = serveUDP(t, func(question []byte) []byte {
			if len(question) != 0 {
				return nil
			}
			return binary.BigEndian.AppendUint32(nil, uint32(time.Now().Unix()+rdateEpoch)) //nolint:gosec // as the protocol does
		})
	})
}

func TestRdateAnswers(t *testing.T) {
	at := func(when time.Time) []byte {
		return binary.BigEndian.AppendUint32(nil, uint32(when.Unix()+rdateEpoch)) //nolint:gosec // as the protocol does
	}
	now := time.Now()
	for name, test := range map[string]struct {
		answer []byte
		want   string
	}{
		"now":               {at(now), ""},
		"an hour ahead":     {at(now.Add(time.Hour)), ""},
		"yesterday":         {at(now.Add(-25 * time.Hour)), "is not within a day of this machine's clock"},
		"1970":              {at(time.Unix(0, 0)), "says it is 1970-01-01 00:00:"},
		"three bytes":       {at(now)[1:], "broke off after"},
		"more than a time":  {append(at(now), 'x'), "is not the time protocol"},
		"nothing but a bye": {nil, "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "rdate", Timeout: patient}
			c.Port = serve(t, func(conn net.Conn) { _, _ = conn.Write(test.answer) })
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}
