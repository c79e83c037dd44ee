package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
)

// patience is how many times longer than a step a server may think about a message that it has got: some filter it first, and one that
// is not waited for gets the message again.
const patience = 6

// Bounds of one connection: what a server may say on it, and how many times longer than a step it may take, however steadily it goes on.
const (
	maxSaid = 1 << 20
	longest = 60
)

// sendSMTP tries one server after the other (RFC 5321).
func sendSMTP(ctx context.Context, o order) (taken int, err error) {
	var faults []error
	for _, server := range o.servers {
		n, err := o.sendTo(ctx, server, taken)
		taken += n
		if err == nil {
			return taken, nil
		}
		o.failed(server, err)
		faults = append(faults, fmt.Errorf("mail server %s: %w", addressOfServer(server), err))
		if ctx.Err() != nil {
			break
		}
	}
	return taken, errors.Join(faults...)
}

// sendTo sends the messages from the first on to one server, over one connection.
func (o order) sendTo(ctx context.Context, server *control.MailServer, first int) (taken int, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest*o.timeout)
	defer cancel()
	c, conn, err := o.connect(ctx, server)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	conn.step = patience * o.timeout
	for i := first; i < len(o.messages); i++ {
		if err := o.sendOne(c, i); err != nil {
			return taken, readable(err)
		}
		taken++
	}
	_ = c.Quit() // it has taken what it has taken
	return taken, nil
}

func (o order) sendOne(c *smtp.Client, i int) error {
	if err := c.Mail(o.from[i]); err != nil {
		return err
	}
	if err := c.Rcpt(o.to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(o.messages[i]); err != nil {
		return err
	}
	return w.Close()
}

// connect is everything up to where mail can be handed over.
func (o order) connect(ctx context.Context, server *control.MailServer) (*smtp.Client, *stepConn, error) {
	dialer := net.Dialer{Timeout: o.timeout}
	raw, err := dialer.DialContext(ctx, "tcp", addressOfServer(server))
	if err != nil {
		return nil, nil, err
	}
	conn := &stepConn{Conn: raw, step: o.timeout, left: maxSaid}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	c, err := o.greet(conn, server)
	if err != nil {
		return nil, nil, errors.Join(readable(err), raw.Close())
	}
	return c, conn, nil
}

// greet opens the session, makes it TLS where it should be, and logs in.
func (o order) greet(conn *stepConn, server *control.MailServer) (*smtp.Client, error) {
	options := server.TLS
	if options == nil {
		options = o.tls
	}
	config, err := protocols.ClientTLS(options, server.Host, portOf(server))
	if err != nil {
		return nil, err
	}
	var c *smtp.Client
	if implicit(server) {
		c, err = smtp.NewClient(tls.Client(conn, config), server.Host)
	} else {
		c, err = smtp.NewClient(conn, server.Host)
	}
	if err != nil {
		return nil, err
	}
	if err := c.Hello(o.hostname); err != nil {
		return nil, err
	}
	if !implicit(server) {
		if err := o.startTLS(c, server, config); err != nil {
			return nil, err
		}
	}
	return c, o.login(c, server)
}

// startTLS upgrades where the server can. A server of which the file asks neither TLS nor a password is sent mail in any case: then a
// certificate that nobody vouches for is still better than clear text.
func (o order) startTLS(c *smtp.Client, server *control.MailServer, config *tls.Config) error {
	offered, _ := c.Extension("STARTTLS")
	asked := server.TLS != nil
	switch {
	case !offered && asked:
		return errors.New("it offers no STARTTLS, which the control file asks for")
	case !offered && server.Username != "" && !local(server):
		return errors.New("it offers no TLS, and a password is not sent in clear text")
	case !offered:
		return nil
	}
	if !asked && (server.Username == "" || local(server)) {
		config.VerifyConnection = nil
	}
	return c.StartTLS(config)
}

func (o order) login(c *smtp.Client, server *control.MailServer) error {
	if server.Username == "" {
		return nil
	}
	_, offered := c.Extension("AUTH")
	password := server.Password.Reveal()
	var auth smtp.Auth
	switch methods := strings.Fields(strings.ToUpper(offered)); {
	case slices.Contains(methods, "PLAIN"):
		auth = smtp.PlainAuth("", server.Username, password, server.Host)
	case slices.Contains(methods, "LOGIN"):
		auth = &loginAuth{username: server.Username, password: password, host: server.Host}
	case slices.Contains(methods, "CRAM-MD5"):
		auth = smtp.CRAMMD5Auth(server.Username, password)
	default:
		return fmt.Errorf("it offers none of PLAIN, LOGIN and CRAM-MD5 to log in (it offers %q)", offered)
	}
	if err := c.Auth(auth); err != nil {
		return fmt.Errorf("logging in as %s: %w", server.Username, err)
	}
	return nil
}

// loginAuth is LOGIN, which net/smtp has not: two prompts, user name and password.
type loginAuth struct {
	username, password, host string
	asked                    int
}

// Start sends nothing: the server asks. As in net/smtp's PLAIN, a password goes over TLS or to this machine alone.
func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !localHost(a.host) {
		return "", nil, errors.New("a password is not sent in clear text")
	}
	return "LOGIN", nil, nil
}

// Next answers the prompts by their number: their words differ from server to server.
func (a *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	a.asked++
	switch a.asked {
	case 1:
		return []byte(a.username), nil
	case 2:
		return []byte(a.password), nil
	}
	return nil, errors.New("the server asks for more than user name and password")
}

// stepConn gives each read and write its own deadline, and bounds what is read in all: net/smtp reads lines of any length.
type stepConn struct {
	net.Conn
	step time.Duration
	left int
}

func (c *stepConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("it says more than any mail server has to say")
	}
	p = p[:min(len(p), c.left)]
	if err := c.SetReadDeadline(time.Now().Add(c.step)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.left -= n
	return n, err
}

func (c *stepConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.step)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// readable says of a time-out what it means.
func readable(err error) error {
	if timeout, is := errors.AsType[net.Error](err); is && timeout.Timeout() {
		return fmt.Errorf("it does not answer in time: %w", err)
	}
	return err
}

// implicit is TLS from the first byte; on the ports of plain SMTP and of submission TLS begins with STARTTLS (RFC 8314).
func implicit(s *control.MailServer) bool {
	return s.TLS != nil && s.TLS.On && s.Port != 25 && s.Port != 587
}

func portOf(s *control.MailServer) int {
	switch {
	case s.Port > 0:
		return s.Port
	case implicit(s):
		return 465
	}
	return 25
}

func addressOfServer(s *control.MailServer) string {
	return net.JoinHostPort(s.Host, strconv.Itoa(portOf(s)))
}

func local(s *control.MailServer) bool { return localHost(s.Host) }

func localHost(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
