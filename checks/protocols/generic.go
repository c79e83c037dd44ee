package protocols

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name: "generic",
		Doc: "What send and expect spell out, in the order written: each send goes out as it is, each expect is a regular expression that what " +
			"comes after the one before must match, in any of its lines. Bytes are matched one by one; a NUL also as the two characters \\0.",
		UDPToo:   true,
		Validate: validateGeneric,
		Speak:    speakGeneric,
	})
}

const expectLooked = 64 << 10 // bytes that an expect looks at where `set limits` names no other number

func validateGeneric(c *control.Connection) error {
	for _, e := range c.Script {
		if _, err := bytewise(e.Expect); err != nil {
			return fmt.Errorf("expect %q: %w", e.Expect, err)
		}
	}
	return nil
}

func speakGeneric(_ context.Context, conn net.Conn, t Target) error {
	for _, e := range t.Script {
		if e.Send != "" {
			if _, err := io.WriteString(conn, e.Send); err != nil {
				return err
			}
		}
		if e.Expect != "" {
			if err := expectAnswer(conn, e.Expect, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// expectAnswer reads until what came matches. That the far side has said all can only be known from its end or from the time-out.
func expectAnswer(conn net.Conn, expect string, t Target) error {
	pattern, err := bytewise(expect)
	if err != nil {
		return tell("expect %q: %v", expect, err)
	}
	text, most := []byte(nil), cmp.Or(t.Buffer, expectLooked)
	for buf := make([]byte, 4096); len(text) < most; {
		n, err := conn.Read(buf)
		text = append(text, buf[:min(n, most-len(text))]...)
		if n > 0 && matches(pattern, text) {
			return nil
		}
		if err != nil && (len(text) == 0 || !timedOut(err) && !broken(err)) {
			return err
		}
		if err != nil {
			break
		}
	}
	return tell("%s answered %s, which does not match %q", t, quote(text), expect)
}

// bytewise compiles an expression whose characters are bytes, as those of the answer are: neither needs to be UTF-8.
func bytewise(expect string) (*regexp.Regexp, error) { return regexp.Compile("(?ms)" + latin(expect)) }

func matches(pattern *regexp.Regexp, text []byte) bool {
	seen := latin(string(text))
	return pattern.MatchString(seen) || bytes.IndexByte(text, 0) >= 0 && pattern.MatchString(strings.ReplaceAll(seen, "\x00", `\0`))
}

// latin makes a character of each byte.
func latin(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(rune(text[i]))
	}
	return b.String()
}
