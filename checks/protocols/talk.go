package protocols

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
)

// longestLine bounds one line of an answer, its end included. RFC 5321 asks for 512 bytes, RFC 3977 for 512, IMAP's capability lines
// are longer.
const longestLine = 16 << 10

// talk is a conversation with a far side: what text protocols need, and the exact reads of binary ones. Every error that it returns
// may be returned by Speak as it is: what is not a sentence yet becomes one there. Reads and writes end with the test's time-out.
type talk struct {
	conn     net.Conn
	r        *bufio.Reader
	t        Target
	protocol string // as people call it: IMAP
}

// converse begins a conversation; protocol is its name for sentences, "IMAP".
func converse(conn net.Conn, t Target, protocol string) *talk {
	return &talk{conn: conn, r: bufio.NewReaderSize(conn, longestLine), t: t, protocol: protocol}
}

// send writes text as it is; the caller ends its lines.
func (k *talk) send(text string) error {
	_, err := io.WriteString(k.conn, text)
	return err
}

// readLine reads one line, without its end (LF or CRLF).
func (k *talk) readLine() (string, error) {
	line, err := k.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", k.stranger(line)
	}
	if err != nil && len(line) > 0 && errors.Is(err, io.EOF) {
		return "", tell("%s broke off within the line %s", k.t, quote(line))
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), err
}

// read reads exactly n bytes, a number that the caller has bounded.
func (k *talk) read(n int) ([]byte, error) {
	bytes := make([]byte, n)
	got, err := io.ReadFull(k.r, bytes)
	if got > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, tell("%s broke off after %s", k.t, quote(bytes[:got]))
	}
	return bytes, err
}

// expect reads one line, which must begin with prefix (in this case): "+OK".
func (k *talk) expect(prefix string) (string, error) {
	line, err := k.readLine()
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(line, prefix) {
		return "", k.stranger([]byte(line))
	}
	return line, nil
}

// ask sends one line, to which the end (CRLF) is added, and expects an answer that begins with prefix; anything else is an answer of
// the protocol that says no. For commands whose text is secret use send and expect: ask shows the command in its error.
func (k *talk) ask(command, prefix string) (string, error) {
	if err := k.send(command + "\r\n"); err != nil {
		return "", err
	}
	line, err := k.readLine()
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(line, prefix) {
		return "", k.refused(command, line)
	}
	return line, nil
}

// stranger says that what came is no answer of this protocol.
func (k *talk) stranger(said []byte) error {
	return tell("%s answered %s, which is not %s", k.t, quote(said), k.protocol)
}

// refused says that the far side speaks the protocol and does not do as it was asked. Command must hold no secret.
func (k *talk) refused(command, line string) error {
	return tell("%s answered %s to %s", k.t, quote([]byte(line)), command)
}

// upgrade continues over TLS, after the far side has agreed to STARTTLS. What it sent ahead in clear text could come from somebody
// between (CVE-2011-0411), so that it ends the conversation.
func (k *talk) upgrade(ctx context.Context) error {
	if ahead := k.r.Buffered(); ahead > 0 {
		early, _ := k.r.Peek(ahead)
		return tell("%s sent %s in clear text after it agreed to TLS", k.t, quote(early))
	}
	conn, err := upgrade(ctx, k.conn, k.t)
	if err != nil {
		return err
	}
	k.conn = conn
	k.r.Reset(conn)
	return nil
}
