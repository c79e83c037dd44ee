package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	gomail "github.com/wneessen/go-mail"
)

// TLSPolicy says how a mail connection is kept secret.
type TLSPolicy string

// The policies. Mandatory is the default.
const (
	TLSMandatory TLSPolicy = "mandatory" // STARTTLS or nothing (RFC 3207)
	TLSImplicit  TLSPolicy = "implicit"  // TLS from the first byte, port 465 (RFC 8314)
	TLSNone      TLSPolicy = "none"      // for a mail server on this machine; a password is never sent this way
)

// smtpTimeout bounds each step of a delivery; the caller's context bounds the whole.
const smtpTimeout = 8 * time.Second

// EmailConfig is one set of receivers behind one mail server. Server, From and To are needed.
type EmailConfig struct {
	Server   string // HOST:PORT
	From     string
	To       []string
	Username string
	Password Secret
	TLS      TLSPolicy
	CAFile   string
}

// Email sends one mail to each receiver, text and HTML with the graph inside, so that one receiver's bad address does not
// keep the page from the others. Delivered means that the server has queued it.
type Email struct {
	cfg    EmailConfig
	host   string
	port   int
	domain string // of Message-IDs
	tls    *tls.Config
}

// NewEmail checks the configuration and reads the password once, to know that it can.
func NewEmail(cfg EmailConfig) (*Email, error) {
	host, portText, err := net.SplitHostPort(cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("server %q is not HOST:PORT", cfg.Server)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("server %q: %q is not a port", cfg.Server, portText)
	}
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("from %q: %w", cfg.From, err)
	}
	authorities, err := trust(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	e := &Email{
		cfg: cfg, host: host, port: port, domain: domain,
		tls: &tls.Config{ServerName: host, RootCAs: authorities, MinVersion: tls.VersionTLS12},
	}
	return e, e.checkPassword()
}

func (e *Email) checkPassword() error {
	if e.cfg.Username == "" {
		return nil
	}
	if e.cfg.TLS == TLSNone {
		return errors.New("a password is not sent without TLS: take username out, or set tls: mandatory")
	}
	_, err := e.cfg.Password.Read()
	return err
}

// Send hands the message to the server, for each receiver on one connection. A receiver that the server refuses for good is
// passed over as long as another one was taken.
func (e *Email) Send(ctx context.Context, m Message) (Receipt, error) {
	client, err := e.client()
	if err != nil {
		return Receipt{}, err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return Receipt{}, fmt.Errorf("connecting to %s: %w", e.cfg.Server, err)
	}
	var receipt Receipt
	var refused []error
	for _, to := range e.cfg.To {
		queued, err := e.sendTo(client, to, m)
		switch {
		case err == nil:
			receipt.External = queued
		case Rejected(err):
			refused = append(refused, fmt.Errorf("%s: %w", to, err))
		default:
			return Receipt{}, errors.Join(fmt.Errorf("%s: %w", to, err), client.Close())
		}
	}
	// The server has taken what it has taken: a connection that does not end well changes nothing.
	_ = client.Close()
	if len(refused) == len(e.cfg.To) {
		return Receipt{}, &RejectedError{Why: errors.Join(refused...).Error()}
	}
	if len(refused) > 0 {
		receipt.Note = errors.Join(refused...).Error()
	}
	return receipt, nil
}

func (e *Email) sendTo(client *gomail.Client, to string, m Message) (queued string, err error) {
	msg, err := e.compose(to, m)
	if err != nil {
		return "", &RejectedError{Why: err.Error()}
	}
	err = client.Send(msg)
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && !refusal.IsTemp() && refusal.ErrorCode() >= 500 {
		return "", &RejectedError{Why: err.Error()}
	}
	return clean(msg.ServerResponse(), 120), err
}

func (e *Email) client() (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(e.port), gomail.WithTimeout(smtpTimeout), gomail.WithTLSConfig(e.tls)}
	switch e.cfg.TLS {
	case TLSNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case TLSImplicit:
		options = append(options, gomail.WithSSL())
	case TLSMandatory:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if e.cfg.Username != "" {
		password, err := e.cfg.Password.Read()
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(e.cfg.Username), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(e.host, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing mail to %s: %w", e.cfg.Server, err)
	}
	return client, nil
}

// compose writes the mail. Its Message-ID is the notice's, so a resend is the same mail to readers that look; all mails of
// an incident refer to one ID, so that they make one thread.
func (e *Email) compose(to string, m Message) (*gomail.Msg, error) {
	letter := Write(m)
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(e.cfg.From), msg.To(to)); err != nil {
		return nil, err
	}
	msg.Subject(letter.Title)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.ID + "@" + e.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Incident.ID != "" {
		thread := "<incident-" + m.Incident.ID + "@" + e.domain + ">"
		msg.SetGenHeader(gomail.HeaderReferences, thread)
		msg.SetGenHeader(gomail.HeaderInReplyTo, thread)
	}
	if m.Kind != dialtone.NoticeResolved {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	msg.SetBodyString(gomail.TypeTextPlain, plain(letter))
	page := mailPage{Letter: letter, Color: color(m), Image: len(m.Image) > 0 && len(m.Image) <= maxImage}
	if err := msg.AddAlternativeHTMLTemplate(mailTemplate, page); err != nil {
		return nil, fmt.Errorf("writing mail: %w", err)
	}
	if !page.Image {
		return msg, nil
	}
	err := msg.EmbedReader("graph.png", bytes.NewReader(m.Image), gomail.WithFileContentID("<graph>"), gomail.WithFileContentType("image/png"))
	return msg, err
}

type mailPage struct {
	Letter

	Color string
	Image bool
}

//go:embed email.html
var mailHTML string

var mailTemplate = template.Must(template.New("mail").Parse(mailHTML))

func color(m Message) string {
	switch {
	case m.Kind == dialtone.NoticeResolved:
		return "#1a7f37"
	case m.Incident.Severity == dialtone.Warning:
		return "#9a6700"
	}
	return "#b42318"
}

// plain is the letter as text, for mail readers without HTML.
func plain(l Letter) string {
	var b strings.Builder
	b.WriteString(l.Title + "\n\n")
	for _, line := range l.Lines {
		b.WriteString(line + "\n")
	}
	for _, item := range l.Items {
		b.WriteString("- " + item.Text + "\n  " + item.Link + "\n")
	}
	if l.Output != "" {
		b.WriteString("\nIt printed:\n    " + strings.ReplaceAll(l.Output, "\n", "\n    ") + "\n")
	}
	b.WriteString("\n" + l.Link + "\n")
	return b.String()
}
