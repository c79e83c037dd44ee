package protocols

import (
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"

	"golang.org/x/net/dns/dnsmessage"
)

func init() {
	register(Protocol{
		Name:   "dns",
		Doc:    "The far side answers a query for the name servers of the root with NOERROR, NXDOMAIN or REFUSED (RFC 1035); SERVFAIL, NOTIMP and FORMERR fail. Over UDP it is asked again while it is silent, and over TCP when its answer is cut.",
		UDPToo: true,
		Speak:  speakDNS,
	})
}

// rootServers is what is asked: every resolver knows it, and a server that is no resolver can say REFUSED.
var rootServers = dnsmessage.Question{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeNS, Class: dnsmessage.ClassINET}

func speakDNS(ctx context.Context, conn net.Conn, t Target) error {
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(rand.Uint32()), RecursionDesired: true},
		Questions: []dnsmessage.Question{rootServers},
	}
	request, err := query.Pack()
	if err != nil {
		return err
	}
	if t.network != "udp" {
		return speakDNSOverTCP(conn, request, t)
	}
	cut := false
	err = inquire(ctx, conn, request, func(answer []byte) (err error) {
		cut, err = judgeDNS(answer, query.ID, t)
		return err
	})
	if err != nil || !cut {
		return err
	}
	return askDNSAgain(ctx, request, t)
}

// askDNSAgain asks over TCP what did not fit a datagram (RFC 7766, 5).
func askDNSAgain(ctx context.Context, request []byte, t Target) error {
	t.network = "tcp"
	conn, end, err := redial(ctx, t)
	if err != nil {
		return tell("%s cut its answer over UDP; over TCP: %v", t, sentence(err, t))
	}
	defer end()
	return speakDNSOverTCP(conn, request, t)
}

// speakDNSOverTCP puts the length before each message (RFC 1035, 4.2.2).
func speakDNSOverTCP(conn net.Conn, request []byte, t Target) error {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(request)))
	if _, err := conn.Write(append(framed, request...)); err != nil {
		return err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	answer := make([]byte, binary.BigEndian.Uint16(size[:]))
	if n, err := io.ReadFull(conn, answer); err != nil {
		if timedOut(err) {
			return err
		}
		return tell("%s answered %s, which is not DNS", t, quote(append(size[:], answer[:n]...)))
	}
	_, err := judgeDNS(answer, binary.BigEndian.Uint16(request), t)
	return err
}

// judgeDNS says whether an answer is one to rootServers, and whether it is cut.
func judgeDNS(answer []byte, id uint16, t Target) (cut bool, err error) {
	var p dnsmessage.Parser
	header, err := p.Start(answer)
	if err != nil || !header.Response {
		return false, tell("%s answered %s, which is not DNS", t, quote(answer))
	}
	questions, err := p.AllQuestions()
	switch {
	case err != nil:
		return false, tell("%s answered %s, which is not DNS", t, quote(answer))
	case header.ID != id:
		return false, notOurs("%s answered a query that was not made (its id is not ours)", t)
	case len(questions) == 0 && header.RCode != dnsmessage.RCodeSuccess: // a refusal may leave the question out
	case len(questions) != 1 || questions[0] != rootServers:
		return false, notOurs("%s answered another question than ours", t)
	}
	if name, fault := dnsFaults[header.RCode]; fault || header.RCode > dnsmessage.RCodeRefused {
		return false, tell("%s answered %s to a query for the root's name servers", t, cmp.Or(name, header.RCode.String()))
	}
	return header.Truncated, nil
}

// dnsFaults are the codes of servers that cannot do their work, as operators know them (IANA's registry of DNS parameters).
var dnsFaults = map[dnsmessage.RCode]string{
	dnsmessage.RCodeFormatError:    "FORMERR",
	dnsmessage.RCodeServerFailure:  "SERVFAIL",
	dnsmessage.RCodeNotImplemented: "NOTIMP",
}
