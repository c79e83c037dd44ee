package protocols

import (
	"context"
	"net"
)

func init() {
	const (
		ends    = " With a username it logs in (AUTH PLAIN or LOGIN, RFC 4954). It ends with QUIT."
		inClear = " With TLS options and without TLS from the first byte it changes to TLS with STARTTLS (RFC 3207)."
	)
	register(Protocol{
		Name: "smtp", StartTLS: true, Validate: validateLogin, Speak: speakSMTP("EHLO", "SMTP"),
		Doc: "A mail server greets with 220 and answers EHLO, or else HELO, with 250 (RFC 5321)." + inClear + ends,
	})
	register(Protocol{
		Name: "smtps", TLS: true, Validate: validateLogin, Speak: speakSMTP("EHLO", "SMTP"),
		Doc: "SMTP inside TLS from the first byte, as on port 465 (RFC 8314)." + ends,
	})
	register(Protocol{
		Name: "lmtp", StartTLS: true, Validate: validateLogin, Speak: speakSMTP("LHLO", "LMTP"),
		Doc: "A local delivery server greets with 220 and answers LHLO with 250 (RFC 2033)." + inClear + ends,
	})
}

// speakSMTP speaks SMTP, or LMTP, which differs in the name of its first command.
func speakSMTP(hello, name string) func(context.Context, net.Conn, Target) error {
	return func(ctx context.Context, conn net.Conn, t Target) error {
		k := converse(conn, t, name)
		if _, err := k.answer("", "220"); err != nil {
			return err
		}
		offer, err := helloSMTP(k, hello)
		if err == nil && t.upgrades() {
			offer, err = startTLSofSMTP(ctx, k, hello, offer)
		}
		if err == nil && t.Username != "" {
			err = loginSMTP(k, offer)
		}
		if err != nil {
			return err
		}
		k.farewell(ctx, "QUIT\r\n")
		return nil
	}
}

// helloSMTP introduces us, and returns what the server offers. A server from before extensions refuses EHLO and takes HELO.
func helloSMTP(k *talk, hello string) (reply, error) {
	me := addressLiteral(k.conn.LocalAddr())
	offer, err := k.command(hello+" "+me, "250")
	if err != nil && hello == "EHLO" && offer.code >= "500" {
		return k.command("HELO "+me, "250")
	}
	return offer, err
}

// addressLiteral is our address as RFC 5321 section 4.1.3 writes it: a name that the server could not resolve may be refused.
func addressLiteral(a net.Addr) string {
	tcp, is := a.(*net.TCPAddr)
	switch {
	case !is:
		return "localhost"
	case tcp.IP.To4() != nil:
		return "[" + tcp.IP.String() + "]"
	}
	return "[IPv6:" + tcp.IP.String() + "]"
}

// startTLSofSMTP changes to TLS, after which everything said before is forgotten (RFC 3207 section 4.2).
func startTLSofSMTP(ctx context.Context, k *talk, hello string, offer reply) (reply, error) {
	if _, found := offer.offers("STARTTLS"); !found {
		return reply{}, k.noTLS("STARTTLS")
	}
	if _, err := k.command("STARTTLS", "220"); err != nil {
		return reply{}, err
	}
	if err := k.upgrade(ctx); err != nil {
		return reply{}, err
	}
	return helloSMTP(k, hello)
}

func loginSMTP(k *talk, offer reply) error {
	ways, _ := offer.offers("AUTH")
	switch {
	case has(ways, "PLAIN"):
		return stepsOfLogin(k, step{"AUTH PLAIN " + k.t.saslPlain(), "235"})
	case has(ways, "LOGIN"):
		return stepsOfLogin(k, step{"AUTH LOGIN", "334"}, step{base64Of(k.t.Username), "334"},
			step{base64Of(k.t.Password.Reveal()), "235"})
	}
	return tell("%s offers no login with a password (AUTH PLAIN or LOGIN)", k.t)
}

// step is a line that may hold a secret, and the code of the reply that lets us go on.
type step struct{ line, want string }

// stepsOfLogin goes from step to step until a reply begins with the code of the last: some servers ask for less than they could.
func stepsOfLogin(k *talk, steps ...step) error {
	done := steps[len(steps)-1].want
	for _, s := range steps {
		if err := k.send(s.line + "\r\n"); err != nil {
			return err
		}
		r, err := k.reply()
		switch {
		case err != nil:
			return err
		case r.code == done:
			return nil
		case r.code != s.want:
			return k.noLogin(r.first)
		}
	}
	return nil
}
