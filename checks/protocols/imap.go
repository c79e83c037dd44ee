package protocols

import (
	"context"
	"fmt"
	"net"
	"strings"
)

func init() {
	const ends = " With a username it logs in (AUTHENTICATE PLAIN or LOGIN). It ends with LOGOUT."
	register(Protocol{
		Name: "imap", StartTLS: true, Validate: validateLogin, Speak: speakIMAP,
		Doc: "A mailbox server greets with OK or PREAUTH and tells its capabilities, of which one is IMAP4 (RFC 9051, RFC 3501)." +
			" With TLS options and without TLS from the first byte it changes to TLS with STARTTLS." + ends,
	})
	register(Protocol{
		Name: "imaps", TLS: true, Validate: validateLogin, Speak: speakIMAP,
		Doc: "IMAP inside TLS from the first byte, as on port 993 (RFC 8314)." + ends,
	})
}

func speakIMAP(ctx context.Context, conn net.Conn, t Target) error {
	c := &imap{talk: converse(conn, t, "IMAP")}
	known, err := c.greeting()
	if err != nil {
		return err
	}
	capable, err := c.capabilities()
	if err == nil && t.upgrades() {
		capable, err = c.startTLS(ctx, capable)
	}
	if err == nil && t.Username != "" && !known {
		err = c.login(capable)
	}
	if err != nil {
		return err
	}
	c.commands++
	c.farewell(ctx, c.tag()+" LOGOUT\r\n")
	return nil
}

// imap is a conversation whose commands have tags, by which their answers are known.
type imap struct {
	*talk
	commands int
}

func (c *imap) tag() string { return fmt.Sprintf("d%d", c.commands) }

// greeting reads `* OK …`, or `* PREAUTH …` from a server that knows us already (RFC 9051 section 7.1).
func (c *imap) greeting() (known bool, err error) {
	line, err := c.expect("* ")
	if err != nil {
		return false, err
	}
	switch state(line) {
	case "OK":
		return false, nil
	case "PREAUTH":
		return true, nil
	case "BYE":
		return false, c.unwelcome(line)
	}
	return false, c.stranger([]byte(line))
}

// state is the second word of a line: OK, NO, BAD, BYE, or the name of data.
func state(line string) string {
	words := strings.Fields(line)
	if len(words) < 2 {
		return ""
	}
	return strings.ToUpper(words[1])
}

// command sends a command and reads its answer.
func (c *imap) command(text string) (untagged []string, final string, err error) {
	c.commands++
	if err := c.send(c.tag() + " " + text + "\r\n"); err != nil {
		return nil, "", err
	}
	return c.answer()
}

// answer reads on to the line that ends the answer to the last command: the one with its tag, or one that asks for more of it, "+".
// What comes before is data, of that command or of others.
func (c *imap) answer() (untagged []string, final string, err error) {
	for range mostLines {
		line, err := c.readLine()
		switch {
		case err != nil:
			return nil, "", err
		case strings.HasPrefix(line, c.tag()+" "), line == "+", strings.HasPrefix(line, "+ "):
			return untagged, line, nil
		case !strings.HasPrefix(line, "* "):
			return nil, "", c.stranger([]byte(line))
		}
		untagged = append(untagged, line)
	}
	return nil, "", tell("%s answers without end", c.t)
}

// capabilities asks what the server can do (RFC 9051 section 6.1.1).
func (c *imap) capabilities() ([]string, error) {
	untagged, final, err := c.command("CAPABILITY")
	if err != nil {
		return nil, err
	}
	if state(final) != "OK" {
		return nil, c.refused("CAPABILITY", final)
	}
	for _, line := range untagged {
		words := strings.Fields(line)
		if state(line) == "CAPABILITY" && (has(words, "IMAP4rev1") || has(words, "IMAP4rev2") || has(words, "IMAP4")) {
			return words[2:], nil
		}
	}
	return nil, tell("%s does not name IMAP4 among its capabilities", c.t)
}

// startTLS changes to TLS, after which the capabilities are others.
func (c *imap) startTLS(ctx context.Context, capable []string) ([]string, error) {
	if !has(capable, "STARTTLS") {
		return nil, c.noTLS("STARTTLS")
	}
	_, final, err := c.command("STARTTLS")
	if err != nil {
		return nil, err
	}
	if state(final) != "OK" {
		return nil, c.refused("STARTTLS", final)
	}
	if err := c.upgrade(ctx); err != nil {
		return nil, err
	}
	return c.capabilities()
}

func (c *imap) login(capable []string) error {
	if !has(capable, "AUTH=PLAIN") {
		if has(capable, "LOGINDISABLED") {
			return tell("%s offers no login with a password (AUTH=PLAIN or LOGIN)", c.t)
		}
		return c.loggedIn(c.command("LOGIN " + quotedString(c.t.Username) + " " + quotedString(c.t.Password.Reveal())))
	}
	_, line, err := c.command("AUTHENTICATE PLAIN")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "+") {
		return c.noLogin(line)
	}
	if err := c.send(c.t.saslPlain() + "\r\n"); err != nil {
		return err
	}
	return c.loggedIn(c.answer())
}

// loggedIn judges the answer to the last step of a login.
func (c *imap) loggedIn(_ []string, final string, err error) error {
	if err == nil && state(final) != "OK" {
		return c.noLogin(final)
	}
	return err
}

// quotedString writes text as IMAP, ManageSieve and others want it (RFC 9051 section 4.3); it holds no line break.
func quotedString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
