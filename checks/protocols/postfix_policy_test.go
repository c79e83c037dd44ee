package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestPostfixPolicy(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "postfix-policy"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.FreePort(t)
		bin := testkit.Installed(t, "postgrey", "postgrey", "postgrey")
		serveAfter(t, loopback(c.Port), bin, "mkdir -m 1777 /run/postgrey",
			"--inet="+loopback(c.Port), "--dbdir=/run/postgrey", "--user=nobody", "--group=nogroup")
	})
}

func TestPostfixPolicyAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"action=DUNNO\n":           "",
		"x=y\naction=reject you\n": "",
		"x=y\n":                    "is not the policy protocol",
		"action=\n":                "is not the policy protocol",
		"=DUNNO\n":                 "is not the policy protocol",
		"action=DUNNO":             "closed the connection",
	} {
		t.Run(answer, func(t *testing.T) {
			c := control.Connection{Protocol: "postfix-policy", Timeout: patient, Port: serve(t, answersOnce(answer+"\n"))}
			wantSaid(t, try1(t, &c), want)
		})
	}
}
