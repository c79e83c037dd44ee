package protocols

import (
	"context"
	"net"
	"strings"
)

func init() {
	const ends = " With a username it logs in (USER and PASS, or AUTH PLAIN, RFC 5034). It ends with QUIT; no mail is touched."
	register(Protocol{
		Name: "pop", StartTLS: true, Validate: validateLogin, Speak: speakPOP,
		Doc: "A mailbox server greets with +OK and answers CAPA, which a server from before RFC 2449 refuses with -ERR (RFC 1939)." +
			" With TLS options and without TLS from the first byte it changes to TLS with STLS (RFC 2595)." + ends,
	})
	register(Protocol{
		Name: "pops", TLS: true, Validate: validateLogin, Speak: speakPOP,
		Doc: "POP3 inside TLS from the first byte, as on port 995 (RFC 8314)." + ends,
	})
}

func speakPOP(ctx context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "POP3")
	if err := greetingOfPOP(k); err != nil {
		return err
	}
	capable, err := capabilitiesOfPOP(k)
	if err == nil && t.upgrades() {
		capable, err = startTLSofPOP(ctx, k)
	}
	if err == nil && t.Username != "" {
		err = loginPOP(k, capable)
	}
	if err != nil {
		return err
	}
	k.farewell(ctx, "QUIT\r\n")
	return nil
}

func greetingOfPOP(k *talk) error {
	line, err := k.readLine()
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(line, "-ERR"):
		return k.unwelcome(line)
	case !strings.HasPrefix(line, "+OK"):
		return k.stranger([]byte(line))
	}
	return nil
}

// capabilitiesOfPOP returns no lines for a server that does not know CAPA: its refusal proves it as well.
func capabilitiesOfPOP(k *talk) ([]string, error) {
	if err := k.send("CAPA\r\n"); err != nil {
		return nil, err
	}
	line, err := k.readLine()
	switch {
	case err != nil:
		return nil, err
	case strings.HasPrefix(line, "-ERR"):
		return nil, nil
	case !strings.HasPrefix(line, "+OK"):
		return nil, k.stranger([]byte(line))
	}
	return k.listed()
}

// startTLSofPOP tries STLS whatever the capabilities say: a server that cannot says no.
func startTLSofPOP(ctx context.Context, k *talk) ([]string, error) {
	if _, err := k.ask("STLS", "+OK"); err != nil {
		return nil, err
	}
	if err := k.upgrade(ctx); err != nil {
		return nil, err
	}
	return capabilitiesOfPOP(k)
}

func loginPOP(k *talk, capable []string) error {
	_, user := offered(capable, "USER")
	ways, _ := offered(capable, "SASL")
	steps := []string{"USER " + k.t.Username, "PASS " + k.t.Password.Reveal()}
	if !user && has(ways, "PLAIN") {
		steps = []string{"AUTH PLAIN " + k.t.saslPlain()}
	}
	for _, step := range steps {
		if err := k.send(step + "\r\n"); err != nil {
			return err
		}
		line, err := k.readLine()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, "+OK") {
			return k.noLogin(line)
		}
	}
	return nil
}
