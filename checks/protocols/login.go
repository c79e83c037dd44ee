package protocols

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/dialtone/dialtone/control"
)

// validateLogin is Validate of text protocols that log in: what would end a line must not stand in one.
func validateLogin(c *control.Connection) error {
	switch {
	case strings.ContainsAny(c.Username+c.Password.Reveal(), "\r\n\x00"):
		return errors.New("a username or password must not hold a line break or a zero byte")
	case c.Username == "" && c.Password != "":
		return errors.New("a password needs a username")
	}
	return nil
}

// upgrades says that the test wants a connection that begins in clear text to change to TLS.
func (t Target) upgrades() bool { return t.TLS != nil && !t.tls }

// clearLogins are the protocols whose login is readable on the way unless TLS is written.
var clearLogins = map[string]bool{
	"ftp": true, "http": true, "imap": true, "ldap2": true, "ldap3": true, "lmtp": true, "mqtt": true, "nntp": true, "pop": true,
	"redis": true, "sieve": true, "smtp": true, "websocket": true,
}

// Exposes reports whether a test sends its password over a network where others can read it. It is sent: whoever wrote the test knows
// what Monit did with it, and a test that fails for another reason than the server's would have the server restarted.
func Exposes(c *control.Connection, address string) bool {
	host := cmp.Or(c.Host, address)
	ip, err := netip.ParseAddr(host)
	near := c.UnixSocket != "" || host == "" || host == "localhost" || err == nil && ip.IsLoopback()
	return c.Password != "" && c.TLS == nil && clearLogins[c.Protocol] && !near
}

// noLogin says that the far side did not let us in.
func (k *talk) noLogin(line string) error {
	return tell("%s does not let %q log in: it answered %s", k.t, k.t.Username, quote([]byte(line)))
}

// saslPlain is user and password as SASL PLAIN (RFC 4616) in Base64.
func (t Target) saslPlain() string {
	return base64Of("\x00" + t.Username + "\x00" + t.Password.Reveal())
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// farewellWait is how long a far side that has proven itself may take to say goodbye.
const farewellWait = time.Second

// farewell ends the conversation politely. How it is answered is not judged, only waited for: servers log a connection that is
// closed before they said goodbye.
func (k *talk) farewell(ctx context.Context, line string) {
	until := time.Now().Add(farewellWait)
	if deadline, set := ctx.Deadline(); set && deadline.Before(until) {
		until = deadline
	}
	if k.conn.SetDeadline(until) != nil || k.send(line) != nil {
		return
	}
	_, _ = k.readLine()
}

// noTLS says that the far side does not offer what the test's TLS options need.
func (k *talk) noTLS(command string) error {
	return tell("%s offers no TLS on this port (%s)", k.t, command)
}
