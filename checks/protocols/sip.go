package protocols

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name: "sip",
		Doc: "The far side answers an OPTIONS request finally (RFC 3261, over UDP with type udp, over TCP or TLS). Any final answer, also 401 or 404, " +
			"proves life unless the test names one: status = 200. A 100 Trying alone does not, and an answer must be to this request. " +
			"Over UDP the request is sent again after 0.5, 1, 2, 4, 4, … seconds until the time-out. target is the URI asked, of the host itself where none is written; maxforward is Max-Forwards.",
		UDPToo: true,
		Validate: func(c *control.Connection) error {
			_, err := sipURI(Target{Connection: c, host: "localhost"})
			return err
		},
		Speak: speakSIP,
	})
}

// The timers of a transaction that is no INVITE: RFC 3261, section 17.1.2.2.
const (
	sipT1 = 500 * time.Millisecond // an estimate of the round trip; what is not answered is sent again after it, then after twice that …
	sipT2 = 4 * time.Second        // … but not later than this, and at this pace once a provisional answer came
)

func speakSIP(ctx context.Context, conn net.Conn, t Target) error {
	request, err := options(conn.LocalAddr(), t)
	if err != nil {
		return tell("the request to %s cannot be written: %v", t, err)
	}
	s := &sipClient{conn: conn, t: t, request: request}
	if t.network == "udp" {
		err = s.overUDP(ctx)
	} else {
		err = s.overStream()
	}
	if err != nil && timedOut(err) && s.heard != "" {
		return tell("%s sent no final answer within %s; %s", t, t.timeout, s.heard)
	}
	return err
}

// sipClient is one client transaction.
type sipClient struct {
	conn    net.Conn
	t       Target
	request *sip.Request
	heard   string // what came and did not end the transaction, for people; empty: nothing
	trying  bool   // a provisional answer came
}

// overUDP sends the request again and again until a final answer is there or ctx ends.
func (s *sipClient) overUDP(ctx context.Context) error {
	for wait := sipT1; ; wait = min(2*wait, sipT2) {
		if _, err := io.WriteString(s.conn, s.request.String()); err != nil {
			return err
		}
		if s.trying {
			wait = sipT2
		}
		err := await(ctx, s.conn, time.Now().Add(wait), s.datagram)
		if _, is := errors.AsType[stray](err); !is && !timedOut(err) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// datagram judges one message of UDP. What is no SIP may come from anybody, and ends nothing.
func (s *sipClient) datagram(text []byte) error {
	message, err := sip.ParseMessage(text)
	if err != nil {
		s.heard = fmt.Sprintf("it answered %s, which is not SIP", quote(text))
		return notOurs("%s", s.heard)
	}
	final, err := s.judge(message)
	if err == nil && !final {
		return notOurs("%s", s.heard)
	}
	return err
}

// overStream sends the request once, for TCP sends again by itself, and reads messages until one is final.
func (s *sipClient) overStream() error {
	if _, err := io.WriteString(s.conn, s.request.String()); err != nil {
		return err
	}
	stream := sip.NewParser().NewSIPStream()
	defer stream.Close()
	var start []byte
	for buf := make([]byte, 4096); ; {
		n, err := s.conn.Read(buf)
		if err != nil && n == 0 {
			return s.ended(err, start)
		}
		if start == nil {
			start = append(start, buf[:n]...)
		}
		_, _ = stream.Write(buf[:n]) // it grows up to the longest message, and says so below
		if final, err := s.messages(stream, start); final || err != nil {
			return err
		}
	}
}

// messages judges those that are complete by now, up to a final one. Start is what the far side said first.
func (s *sipClient) messages(stream *sip.ParserStream, start []byte) (final bool, err error) {
	for stream.Buffer().Len() > 0 {
		message, _, err := stream.ParseNext()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil // the rest is under way
		}
		if err != nil {
			return false, tell("%s answered %s, which is not SIP", s.t, quote(start))
		}
		if final, err := s.judge(message); final || err != nil {
			return final, err
		}
	}
	return false, nil
}

// ended says why there is nothing more to read.
func (s *sipClient) ended(err error, start []byte) error {
	switch {
	case !broken(err) || len(start) == 0 && s.heard == "":
		return err
	case s.heard != "":
		return tell("%s closed the connection without a final answer; %s", s.t, s.heard)
	}
	return tell("%s answered %s, which is not SIP", s.t, quote(start))
}

// judge says whether a message is the final answer to our request; its error is that this answer is not the one wanted.
func (s *sipClient) judge(message sip.Message) (final bool, err error) {
	answer, is := message.(*sip.Response)
	switch {
	case !is:
		s.heard = "it sent a request instead"
		return false, nil
	case !s.ours(answer):
		s.heard = "it answered another request"
		return false, nil
	}
	status := strconv.Itoa(answer.StatusCode) + " " + answer.Reason
	if answer.StatusCode < 200 {
		s.trying, s.heard = true, "it said "+quote([]byte(status))
		return false, nil
	}
	if op := s.t.HTTP.StatusOp; op != "" && !op.Holds(float64(answer.StatusCode), float64(s.t.HTTP.Status)) {
		return true, tell("%s answered SIP status %s, wanted status %s %d", s.t, quote([]byte(status)), op, s.t.HTTP.Status)
	}
	return true, nil
}

// ours matches an answer with the request: RFC 3261, sections 17.1.3 and 8.1.3.3.
func (s *sipClient) ours(answer *sip.Response) bool {
	via, call, sequence := answer.Via(), answer.CallID(), answer.CSeq()
	if via == nil || call == nil || sequence == nil || len(answer.GetHeaders("Via")) != 1 {
		return false
	}
	got, _ := via.Params.Get("branch")
	sent, _ := s.request.Via().Params.Get("branch")
	return got == sent && call.Value() == s.request.CallID().Value() && *sequence == *s.request.CSeq()
}
