package protocols

import (
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

const maxForwards = 70 // RFC 3261, section 8.1.1.6

// options builds the request. Its branch, tag and Call-ID are used for this transaction alone, which a retry does not continue.
func options(local net.Addr, t Target) (*sip.Request, error) {
	target, err := sipURI(t)
	if err != nil {
		return nil, err
	}
	host, port := sentBy(local)
	us := sip.Uri{Scheme: "sip", User: "dialtone", Host: host, Port: port}
	call := sip.CallIDHeader(rand.Text() + "@" + strings.Trim(host, "[]"))
	forwards := sip.MaxForwardsHeader(maxForwards)
	if t.MaxForward > 0 {
		forwards = sip.MaxForwardsHeader(t.MaxForward) //nolint:gosec // 1 to 255
	}
	request := sip.NewRequest(sip.OPTIONS, target)
	for _, h := range []sip.Header{
		&sip.ViaHeader{
			ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: sipTransport(t), Host: host, Port: port,
			Params: sip.HeaderParams{{K: "branch", V: sip.RFC3261BranchMagicCookie + rand.Text()}, {K: "rport"}}, // RFC 3581
		},
		&forwards,
		&sip.FromHeader{Address: us, Params: sip.HeaderParams{{K: "tag", V: rand.Text()}}},
		&sip.ToHeader{Address: target},
		&call,
		&sip.CSeqHeader{SeqNo: 1, MethodName: sip.OPTIONS},
		&sip.ContactHeader{Address: us},
		sip.NewHeader("Accept", "application/sdp"),
		sip.NewHeader("User-Agent", "dialtone"),
	} {
		request.AppendHeader(h)
	}
	request.SetBody(nil)
	return request, nil
}

// sipURI is whom the request asks: the test's target, in which sip: goes without saying, or the host itself.
func sipURI(t Target) (sip.Uri, error) {
	text := t.Target
	if text == "" {
		text = bracketed(withoutZone(t.host))
		if t.UnixSocket == "" {
			text += ":" + strconv.Itoa(t.Port)
		}
	}
	if !strings.HasPrefix(strings.ToLower(text), "sip:") && !strings.HasPrefix(strings.ToLower(text), "sips:") {
		text = "sip:" + text
	}
	var uri sip.Uri
	if err := sip.ParseUri(text, &uri); err != nil || uri.Host == "" || strings.ContainsAny(text, "\r\n <>\"") {
		return uri, fmt.Errorf("the sip target %q is no SIP URI, such as sip:desk@pbx.example", t.Target)
	}
	return uri, nil
}

// sentBy is where answers come back to: our end of the connection.
func sentBy(local net.Addr) (host string, port int) {
	host, text, err := net.SplitHostPort(local.String())
	if err != nil {
		return "localhost", 0
	}
	port, _ = strconv.Atoi(text)
	return bracketed(withoutZone(host)), port
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func sipTransport(t Target) string {
	switch {
	case t.network == "udp":
		return "UDP"
	case t.tls:
		return "TLS"
	}
	return "TCP"
}
