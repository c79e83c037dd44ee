package protocols

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" // one of PostgreSQL's ways to log in
	"encoding/hex"
	"errors"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"
)

func init() {
	register(Protocol{
		Name:      "pgsql",
		Doc:       "PostgreSQL lets the user log in to the database (SCRAM-SHA-256, MD5, password or trust) and is ready for queries. Without a user, that it wants a password, or knows no such role or database, is a sign of life; a server that starts, stops or is full fails. TLS begins with SSLRequest.",
		TLSWithin: true,
		Speak:     speakPostgres,
	})
}

const (
	postgresLongest  = 64 << 10        // bytes of one message
	postgresMessages = 200             // before it is ready; about fifteen are usual
	postgresStranger = "dialtone"      // who asks when the test names no user
	protocolThree    = 3 << 16         // version 3.0
	mostIterations   = 1_000_000       // of SCRAM; 4,096 are usual, and more are a server's way to keep this machine busy
	scramMechanism   = "SCRAM-SHA-256" // RFC 7677
)

// postgres is a conversation with a server.
type postgres struct {
	*talk
	*pgproto3.Frontend
	scram    *scram.ClientConversation
	loggedIn bool
}

// errAlive ends a conversation without a user: what the server said proves that it serves.
var errAlive = errors.New("a sign of life")

func speakPostgres(ctx context.Context, conn net.Conn, t Target) error {
	p := &postgres{talk: converse(conn, t, "PostgreSQL")}
	if t.TLS != nil {
		if err := p.startTLS(ctx); err != nil {
			return err
		}
	}
	p.Frontend = pgproto3.NewFrontend(p.r, p.conn)
	p.SetMaxBodyLen(postgresLongest)
	user := cmp.Or(t.Username, postgresStranger)
	p.Send(&pgproto3.StartupMessage{ProtocolVersion: protocolThree, Parameters: map[string]string{
		"user": user, "database": cmp.Or(t.Database, user), "application_name": "dialtone",
	}})
	if err := p.logIn(); err != nil && !errors.Is(err, errAlive) {
		return err
	}
	p.Send(&pgproto3.Terminate{})
	_ = p.Flush()
	return nil
}

// startTLS asks for TLS; the answer is one byte.
func (p *postgres) startTLS(ctx context.Context) error {
	request, err := (&pgproto3.SSLRequest{}).Encode(nil)
	if err != nil {
		return err
	}
	if err := p.send(string(request)); err != nil {
		return err
	}
	answer, err := p.read(1)
	if err != nil {
		return err
	}
	switch answer[0] {
	case 'S':
		return p.upgrade(ctx)
	case 'N':
		return tell("%s does not offer TLS", p.t)
	}
	return p.stranger(answer)
}

// logIn answers until the server is ready for queries, or has said why it will not be.
func (p *postgres) logIn() error {
	for range postgresMessages {
		message, err := p.exchange()
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *pgproto3.ErrorResponse:
			return p.judgeError(m)
		case *pgproto3.ReadyForQuery:
			if !p.loggedIn {
				return tell("%s is ready for queries before anybody has logged in, which is not PostgreSQL", p.t)
			}
			return nil
		case *pgproto3.AuthenticationOk:
			if p.scram != nil && !p.scram.Valid() {
				return p.unproven()
			}
			p.loggedIn = true
		case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus, *pgproto3.BackendKeyData, *pgproto3.NegotiateProtocolVersion:
		default:
			if err := p.authenticate(message); err != nil {
				return err
			}
		}
	}
	return tell("%s sends messages without end before it is ready", p.t)
}

// exchange sends what is to be sent and receives one message.
func (p *postgres) exchange() (pgproto3.BackendMessage, error) {
	if err := p.Flush(); err != nil {
		return nil, err
	}
	if p.ReadBufferLen() > 0 {
		return p.received(nil)
	}
	if _, err := p.r.Peek(1); err != nil {
		return nil, err
	}
	said, _ := p.r.Peek(min(p.r.Buffered(), 64))
	return p.received(slices.Clone(said))
}

// received says what came where it is no message of PostgreSQL's.
func (p *postgres) received(said []byte) (pgproto3.BackendMessage, error) {
	message, err := p.Receive()
	if err == nil || timedOut(err) || broken(err) && len(said) == 0 {
		return message, err
	}
	return nil, p.stranger(said)
}

func (p *postgres) authenticate(message pgproto3.BackendMessage) error {
	if p.t.Username == "" {
		switch message.(type) {
		case *pgproto3.AuthenticationCleartextPassword, *pgproto3.AuthenticationMD5Password, *pgproto3.AuthenticationSASL, *pgproto3.AuthenticationGSS:
			return errAlive
		}
	}
	password := p.t.Password.Reveal()
	switch m := message.(type) {
	case *pgproto3.AuthenticationCleartextPassword:
		p.Send(&pgproto3.PasswordMessage{Password: password})
	case *pgproto3.AuthenticationMD5Password:
		p.Send(&pgproto3.PasswordMessage{Password: md5Password(p.t.Username, password, m.Salt)})
	case *pgproto3.AuthenticationSASL:
		return p.beginSCRAM(m.AuthMechanisms)
	case *pgproto3.AuthenticationSASLContinue:
		return p.continueSCRAM(m.Data)
	case *pgproto3.AuthenticationSASLFinal:
		return p.endSCRAM(m.Data)
	case *pgproto3.AuthenticationGSS:
		return tell("%s wants the user %s to log in with Kerberos, which is not done here", p.t, p.t.Username)
	default:
		return tell("%s sent a message that has no place in a login (%T)", p.t, message)
	}
	return nil
}

// md5Password is the answer to AuthenticationMD5Password (PostgreSQL's manual, 55.2.1).
func md5Password(user, password string, salt [4]byte) string {
	inner := md5.Sum([]byte(password + user))
	outer := md5.Sum(append([]byte(hex.EncodeToString(inner[:])), salt[:]...))
	return "md5" + hex.EncodeToString(outer[:])
}

// beginSCRAM names no user: the server takes the one of the startup message.
func (p *postgres) beginSCRAM(mechanisms []string) error {
	if !slices.Contains(mechanisms, scramMechanism) {
		return tell("%s offers the ways to log in %s, and none that is known here", p.t, quote([]byte(strings.Join(mechanisms, ", "))))
	}
	password := p.t.Password.Reveal()
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil { // a password that stringprep does not take is used as it is, as the server does
		client, err = scram.SHA256.NewClientUnprepped("", password, "")
	}
	if err != nil {
		return tell("the password for %s cannot be used with SCRAM", p.t)
	}
	p.scram = client.WithMinIterations(1).NewConversation()
	first, err := p.scram.Step("")
	if err != nil {
		return tell("the login to %s cannot begin", p.t)
	}
	p.Send(&pgproto3.SASLInitialResponse{AuthMechanism: scramMechanism, Data: []byte(first)})
	return nil
}

var scramIterations = regexp.MustCompile(`,i=(\d+)`)

func (p *postgres) continueSCRAM(challenge []byte) error {
	count := scramIterations.FindSubmatch(challenge)
	if p.scram == nil || count == nil {
		return p.stranger(challenge)
	}
	if n, err := strconv.Atoi(string(count[1])); err != nil || n > mostIterations {
		return tell("%s wants %s rounds of SCRAM, %d are enough", p.t, quote(count[1]), mostIterations)
	}
	answer, err := p.scram.Step(string(challenge))
	if err != nil {
		return p.stranger(challenge)
	}
	p.Send(&pgproto3.SASLResponse{Data: []byte(answer)})
	return nil
}

// endSCRAM is where the server proves that it knows the password too.
func (p *postgres) endSCRAM(signature []byte) error {
	if p.scram == nil {
		return p.stranger(signature)
	}
	if _, err := p.scram.Step(string(bytes.Clone(signature))); err != nil || !p.scram.Valid() {
		return p.unproven()
	}
	return nil
}

func (p *postgres) unproven() error {
	return tell("%s could not prove that it knows the password of %s", p.t, p.t.Username)
}

// judgeError tells a server that will not serve a stranger from one that serves nobody (SQLSTATE, PostgreSQL's manual, appendix A).
func (p *postgres) judgeError(m *pgproto3.ErrorResponse) error {
	stranger := strings.HasPrefix(m.Code, "28") || m.Code == "3D000" || m.Code == "08P01" && strings.HasPrefix(m.Message, "no such")
	if p.t.Username == "" && stranger {
		return errAlive
	}
	return tell("%s answered %s (SQLSTATE %s)", p.t, quote([]byte(m.Message)), quote([]byte(m.Code)))
}
