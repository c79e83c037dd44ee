package protocols

import (
	"context"
	"io"
	"net"
	"slices"
	"strconv"

	ber "github.com/go-asn1-ber/asn1-ber"
)

func init() {
	register(Protocol{
		Name:     "ldap3",
		Doc:      "The far side accepts a bind of LDAP version 3 (RFC 4511), anonymous or with the user (a distinguished name) and the password, and a search of its root entry. Without a user, a refusal of anonymous binds is a sign of life. TLS by StartTLS, or from the first byte.",
		StartTLS: true,
		Speak:    func(ctx context.Context, conn net.Conn, t Target) error { return speakLDAP(ctx, conn, t, 3) },
	})
	register(Protocol{
		Name:  "ldap2",
		Doc:   "The far side accepts a bind of LDAP version 2 (RFC 1777), anonymous or with the user (a distinguished name) and the password. Without a user, a refusal of anonymous binds is a sign of life.",
		Speak: func(ctx context.Context, conn net.Conn, t Target) error { return speakLDAP(ctx, conn, t, 2) },
	})
}

// Operations (RFC 4511, 4.2 and on) and results (4.1.9).
const (
	ldapBind          = 0
	ldapBindAnswer    = 1
	ldapUnbind        = 2
	ldapSearch        = 3
	ldapEntry         = 4
	ldapSearchDone    = 5
	ldapReference     = 19
	ldapExtended      = 23
	ldapExtendedReply = 24

	ldapSuccess            = 0
	ldapStrongerAuth       = 8
	ldapConfidentiality    = 13
	ldapNoSuchObject       = 32
	ldapInappropriateAuth  = 48
	ldapInsufficientAccess = 50
	ldapUnwilling          = 53

	ldapLongest = 64 << 10 // bytes of one message; a root entry has a few KiB
	ldapEntries = 8        // messages before the end of a search for one entry
	startTLSOID = "1.3.6.1.4.1.1466.20037"
)

// directory is a conversation with a directory.
type directory struct {
	*talk
	id int64 // of the last request
}

func speakLDAP(ctx context.Context, conn net.Conn, t Target, version int64) error {
	d := &directory{talk: converse(conn, t, "LDAP")}
	if t.TLS != nil && !t.tls {
		if err := d.startTLS(ctx); err != nil {
			return err
		}
	}
	bound, err := d.bind(version)
	if err != nil {
		return err
	}
	if bound && version == 3 {
		if err := d.readRoot(); err != nil {
			return err
		}
	}
	_ = d.request(ber.Encode(ber.ClassApplication, ber.TypePrimitive, ldapUnbind, nil, ""))
	return nil
}

// operation is a request of some kind with its fields.
func operation(tag ber.Tag, fields ...*ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	for _, field := range fields {
		p.AppendChild(field)
	}
	return p
}

func berText(text string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, "")
}

func berNumber(tag ber.Tag, n int64) *ber.Packet {
	return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, tag, n, "")
}

// berChoice is a text that is one of several kinds of field.
func berChoice(tag ber.Tag, text string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, tag, text, "")
}

func (d *directory) startTLS(ctx context.Context) error {
	result, err := d.ask(operation(ldapExtended, berChoice(0, startTLSOID)), ldapExtendedReply)
	if err != nil {
		return err
	}
	if result.code != ldapSuccess {
		return tell("%s offers no StartTLS: it answered %s", d.t, result)
	}
	return d.upgrade(ctx)
}

// bind reports whether the far side now takes requests; false without an error is its refusal of anonymous ones.
func (d *directory) bind(version int64) (bound bool, err error) {
	result, err := d.ask(operation(ldapBind,
		berNumber(ber.TagInteger, version), berText(d.t.Username), berChoice(0, d.t.Password.Reveal())), ldapBindAnswer)
	if err != nil {
		return false, err
	}
	anonymous := []int64{ldapStrongerAuth, ldapConfidentiality, ldapInappropriateAuth, ldapInsufficientAccess, ldapUnwilling}
	switch {
	case result.code == ldapSuccess:
		return true, nil
	case d.t.Username == "" && slices.Contains(anonymous, result.code):
		return false, nil
	case d.t.Username == "":
		return false, tell("%s refuses an anonymous bind: %s", d.t, result)
	}
	return false, tell("%s refuses the bind of %s: %s", d.t, d.t.Username, result)
}

// readRoot searches the entry that describes the server (RFC 4512, 5.1). Who may not see it is told so, by a server that works.
func (d *directory) readRoot() error {
	attributes := ber.NewSequence("")
	attributes.AppendChild(berText("supportedLDAPVersion"))
	result, err := d.ask(operation(ldapSearch,
		berText(""), berNumber(ber.TagEnumerated, 0), berNumber(ber.TagEnumerated, 0), berNumber(ber.TagInteger, 1), berNumber(ber.TagInteger, 0),
		ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, false, ""), berChoice(7, "objectClass"), attributes), ldapSearchDone)
	if err != nil {
		return err
	}
	if !slices.Contains([]int64{ldapSuccess, ldapNoSuchObject, ldapInsufficientAccess}, result.code) {
		return tell("%s does not let its root entry be searched: %s", d.t, result)
	}
	return nil
}

func (d *directory) request(op *ber.Packet) error {
	d.id++
	message := ber.NewSequence("")
	message.AppendChild(berNumber(ber.TagInteger, d.id))
	message.AppendChild(op)
	return d.send(string(message.Bytes()))
}

// ask sends a request and reads up to the answer of the kind wanted.
func (d *directory) ask(op *ber.Packet, want ber.Tag) (ldapResult, error) {
	if err := d.request(op); err != nil {
		return ldapResult{}, err
	}
	for range ldapEntries {
		tag, id, fields, err := d.message()
		if err != nil {
			return ldapResult{}, err
		}
		switch {
		case tag == ldapExtendedReply && id == 0:
			result, _ := resultOf(fields)
			return result, tell("%s ends the conversation: %s", d.t, result)
		case id != d.id:
			return ldapResult{}, tell("%s answered a request that was not made", d.t)
		case tag == want:
			result, is := resultOf(fields)
			if !is {
				return result, tell("%s answered without a result, which is not LDAP", d.t)
			}
			return result, nil
		case want != ldapSearchDone || tag != ldapEntry && tag != ldapReference:
			return ldapResult{}, tell("%s answered with operation %d, wanted %d", d.t, tag, want)
		}
	}
	return ldapResult{}, tell("%s answers without end", d.t)
}

// message reads one LDAPMessage: its operation, its id and the operation's fields.
func (d *directory) message() (tag ber.Tag, id int64, fields []*ber.Packet, err error) {
	start, err := d.r.Peek(1)
	if err != nil {
		return 0, 0, nil, err
	}
	said, _ := d.r.Peek(min(d.r.Buffered(), 64))
	said = slices.Clone(said)
	if start[0] != byte(ber.TypeConstructed|ber.Type(ber.TagSequence)) {
		return 0, 0, nil, d.stranger(said)
	}
	p, err := ber.ReadPacket(io.LimitReader(d.r, ldapLongest))
	if timedOut(err) {
		return 0, 0, nil, err
	}
	if err != nil || len(p.Children) < 2 || p.Children[1].ClassType != ber.ClassApplication {
		return 0, 0, nil, d.stranger(said)
	}
	id, is := p.Children[0].Value.(int64)
	if !is {
		return 0, 0, nil, d.stranger(said)
	}
	return p.Children[1].Tag, id, p.Children[1].Children, nil
}

// ldapResult is LDAPResult without the referral.
type ldapResult struct {
	code       int64
	diagnostic string
}

func resultOf(fields []*ber.Packet) (r ldapResult, is bool) {
	if len(fields) < 3 {
		return r, false
	}
	r.code, is = fields[0].Value.(int64)
	r.diagnostic, _ = fields[2].Value.(string)
	return r, is
}

// ldapResults are the names of the results that operators meet (RFC 4511, appendix A.2).
var ldapResults = map[int64]string{
	1: "operationsError", 2: "protocolError", 7: "authMethodNotSupported", 8: "strongerAuthRequired", 13: "confidentialityRequired",
	32: "noSuchObject", 34: "invalidDNSyntax", 48: "inappropriateAuthentication", 49: "invalidCredentials", 50: "insufficientAccessRights",
	51: "busy", 52: "unavailable", 53: "unwillingToPerform", 80: "other",
}

// String is the result as an operator looks it up, with what the server adds.
func (r ldapResult) String() string {
	text := "result " + strconv.FormatInt(r.code, 10)
	if name, known := ldapResults[r.code]; known {
		text = name
	}
	if r.diagnostic != "" {
		text += ", " + quote([]byte(r.diagnostic))
	}
	return text
}
