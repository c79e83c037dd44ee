package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestSpamAssassin(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "spamassassin"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.FreePort(t)
		testkit.Serve(t, loopback(c.Port), testkit.Installed(t, "spamd", "spamd"),
			"-u", "nobody", "-i", "127.0.0.1", "-p", number(c.Port), "-L", "-x", "-m", "1", "-s", "stderr")
	})
}

func TestSpamAssassinAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"SPAMD/1.5 0 PONG\r\n":                         "",
		"SPAMD/1.1 0 PONG\r\n":                         "",
		"SPAMD/1.5 75 EX_TEMPFAIL\r\n":                 `answered "SPAMD/1.5 75 EX_TEMPFAIL" to PING`,
		"SPAMD/1.0 76 Bad header line: (PING ...)\r\n": "to PING",
		"HTTP/1.0 400 Bad Request\r\n":                 "is not SpamAssassin",
	} {
		c := control.Connection{Protocol: "spamassassin", Timeout: patient, Port: serve(t, answersOnce(answer))}
		wantSaid(t, try1(t, &c), want)
	}
}
