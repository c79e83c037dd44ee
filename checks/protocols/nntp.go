package protocols

import (
	"context"
	"net"
)

func init() {
	register(Protocol{
		Name: "nntp", StartTLS: true, Validate: validateLogin, Speak: speakNNTP,
		Doc: "A news server greets with 200 or 201 and answers CAPABILITIES with its list; one from before RFC 3977, or one that wants a" +
			" login first, refuses it with 480 or 500. With TLS options and without TLS from the first byte it changes to TLS with" +
			" STARTTLS (RFC 4642); with a username it logs in (AUTHINFO USER, RFC 4643). It ends with QUIT.",
	})
}

func speakNNTP(ctx context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "NNTP")
	_, err := k.answer("", "200", "201")
	if err == nil && t.upgrades() {
		err = startTLSofNNTP(ctx, k)
	}
	if err == nil && t.Username != "" {
		err = loginNNTP(k)
	}
	if err == nil {
		err = capabilitiesOfNNTP(k)
	}
	if err != nil {
		return err
	}
	k.farewell(ctx, "QUIT\r\n")
	return nil
}

func startTLSofNNTP(ctx context.Context, k *talk) error {
	if _, err := k.command("STARTTLS", "382"); err != nil {
		return err
	}
	return k.upgrade(ctx)
}

func capabilitiesOfNNTP(k *talk) error {
	r, err := k.command("CAPABILITIES", "101", "480", "500")
	if err != nil || r.code != "101" {
		return err
	}
	lines, err := k.listed()
	if _, found := offered(lines, "VERSION"); err == nil && !found {
		return tell("%s lists its capabilities without a version of NNTP", k.t)
	}
	return err
}

func loginNNTP(k *talk) error {
	return stepsOfLogin(k, step{"AUTHINFO USER " + k.t.Username, "381"}, step{"AUTHINFO PASS " + k.t.Password.Reveal(), "281"})
}
