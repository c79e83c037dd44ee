package protocols

import (
	"context"
	"net"
	"regexp"
)

func init() {
	register(Protocol{
		Name: "spamassassin", Speak: speakSpamAssassin,
		Doc: "The spam filter's daemon answers PING with PONG and code 0 (spamd's protocol 1.x).",
	})
}

// Lines of spamd: SPAMD/VERSION CODE MESSAGE.
var (
	spamdLine = regexp.MustCompile(`^SPAMD/1\.\d+ \d+ `)
	spamdPong = regexp.MustCompile(`^SPAMD/1\.\d+ 0 PONG$`)
)

func speakSpamAssassin(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "SpamAssassin")
	if err := k.send("PING SPAMC/1.2\r\n\r\n"); err != nil {
		return err
	}
	line, err := k.readLine()
	switch {
	case err != nil:
		return err
	case spamdPong.MatchString(line):
		return nil
	case spamdLine.MatchString(line):
		return k.refused("PING", line)
	}
	return k.stranger([]byte(line))
}
