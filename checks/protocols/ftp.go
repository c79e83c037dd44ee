package protocols

import (
	"context"
	"net"
)

func init() {
	register(Protocol{
		Name: "ftp", StartTLS: true, Validate: validateLogin, Speak: speakFTP,
		Doc: "A file server greets with 220 and answers NOOP with a success, or refuses it (5xx), as some do before a login (RFC 959)." +
			" With TLS options and without TLS from the first byte it changes to TLS with AUTH TLS (RFC 4217); with a username it logs in" +
			" (USER and PASS). It ends with QUIT; no data connection is made.",
	})
}

func speakFTP(ctx context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "FTP")
	_, err := k.answer("", "220")
	if err == nil && t.upgrades() {
		err = startTLSofFTP(ctx, k)
	}
	if err == nil && t.Username != "" {
		err = loginFTP(k)
	}
	if err == nil {
		_, err = k.command("NOOP", "2", "5")
	}
	if err != nil {
		return err
	}
	k.farewell(ctx, "QUIT\r\n")
	return nil
}

func startTLSofFTP(ctx context.Context, k *talk) error {
	if _, err := k.command("AUTH TLS", "234"); err != nil {
		return err
	}
	return k.upgrade(ctx)
}

func loginFTP(k *talk) error {
	return stepsOfLogin(k, step{"USER " + k.t.Username, "331"}, step{"PASS " + k.t.Password.Reveal(), "230"})
}
