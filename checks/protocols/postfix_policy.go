package protocols

import (
	"context"
	"net"
	"strings"
)

func init() {
	register(Protocol{
		Name: "postfix-policy", Speak: speakPostfixPolicy,
		Doc: "A policy server of Postfix answers a request for a mail from and to an address that cannot exist with an action, whichever" +
			" (Postfix, SMTPD_POLICY_README).",
	})
}

// policyRequest asks about a mail that nobody sends: .invalid is no domain (RFC 2606).
const policyRequest = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=SMTP
helo_name=localhost
queue_id=
instance=dialtone
sender=dialtone@dialtone.invalid
recipient=dialtone@dialtone.invalid
recipient_count=0
client_address=127.0.0.1
client_name=localhost

`

// speakPostfixPolicy reads name=value lines up to an empty one.
func speakPostfixPolicy(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "the policy protocol of Postfix")
	if err := k.send(policyRequest); err != nil {
		return err
	}
	acts := false
	for range mostLines {
		line, err := k.readLine()
		switch name, value, isPair := strings.Cut(line, "="); {
		case err != nil:
			return err
		case line == "" && acts:
			return nil
		case !isPair || name == "":
			return k.stranger([]byte(line))
		case name == "action" && value != "":
			acts = true
		}
	}
	return tell("%s answers without end", t)
}
