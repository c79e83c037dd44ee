package protocols

import (
	"bytes"
	"context"
	"net"
)

func init() {
	register(Protocol{
		Name: "fail2ban", Speak: speakFail2ban,
		Doc: "The server of fail2ban answers the command ping with pong on its socket, where both are pickled lists of Python.",
	})
}

// What goes over the socket. fail2banPing is ["ping"] as pickle protocol 2, which every Python since 2.3 reads.
const (
	fail2banEnd   = "<F2B_END_COMMAND>"
	fail2banClose = "<F2B_CLOSE_COMMAND>"
	fail2banPing  = "\x80\x02]q\x00X\x04\x00\x00\x00pingq\x01a."
	fail2banMost  = 4096 // bytes of an answer; a pong has under a hundred
)

func speakFail2ban(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "fail2ban")
	if err := k.send(fail2banPing + fail2banEnd); err != nil {
		return err
	}
	answer, err := answerOfFail2ban(k)
	if err != nil {
		return err
	}
	if !isPong(answer) {
		return k.refused("ping", string(answer))
	}
	_ = k.send(fail2banClose + fail2banEnd)
	return nil
}

// answerOfFail2ban reads one pickled value, without the mark at its end.
func answerOfFail2ban(k *talk) ([]byte, error) {
	var answer []byte
	for len(answer) < fail2banMost {
		b, err := k.r.ReadByte()
		if err != nil && len(answer) > 0 && broken(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		answer = append(answer, b)
		if answer[0] != 0x80 {
			break // pickles of protocol 2 and later begin so
		}
		if pickle, ended := bytes.CutSuffix(answer, []byte(fail2banEnd)); ended {
			return pickle, nil
		}
	}
	rest, _ := k.r.Peek(k.r.Buffered())
	return nil, k.stranger(append(answer, rest...))
}

// isPong looks for the pair (0, "pong"): the small integer 0 (K, 0), later the text as any protocol writes it, and the end. A pickle
// is a program, so that it is looked at and not run.
func isPong(pickle []byte) bool {
	_, after, ok := bytes.Cut(pickle, []byte{'K', 0})
	if !ok || !bytes.HasSuffix(pickle, []byte(".")) {
		return false
	}
	for _, text := range []string{"\x8c\x04pong", "X\x04\x00\x00\x00pong", "U\x04pong"} {
		if bytes.Contains(after, []byte(text)) {
			return true
		}
	}
	return false
}
