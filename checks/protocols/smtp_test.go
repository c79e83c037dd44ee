package protocols

import (
	"bufio"
	"net"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestSMTP(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "smtp"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.Exim(t).Port
	})
	fourCases(t, control.Connection{Protocol: "smtps"}, func(t *testing.T, c *control.Connection) {
		e := testkit.Exim(t)
		c.Port, c.TLS = e.SecurePort, &control.TLS{CAFile: e.Certificate.CertFile}
	})
}

func TestLMTP(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "lmtp"}, func(t *testing.T, c *control.Connection) {
		d := dovecot(t)
		c.Port, c.TLS = d.ports["lmtp"], &control.TLS{CAFile: d.certificate.CertFile}
	})
}

// TestSMTPLogin asks a real exim, which offers AUTH over TLS only.
func TestSMTPLogin(t *testing.T) {
	e := testkit.Exim(t)
	trusted := &control.TLS{CAFile: e.Certificate.CertFile}
	test := func(c control.Connection, want string) {
		t.Helper()
		c.Timeout = patient
		wantSaid(t, try1(t, &c), want)
	}
	good := control.Connection{Port: e.Port, Protocol: "smtp", TLS: trusted, Username: e.User, Password: control.Secret(e.Password)}
	test(good, "")
	wrong := good
	wrong.Password = "another"
	test(wrong, `does not let "dialtone" log in: it answered "535 Incorrect authentication data"`)
	plain := good
	plain.TLS = nil
	test(plain, "offers no login with a password")
	untrusted := good
	untrusted.TLS = &control.TLS{}
	test(untrusted, "certificate signed by unknown authority")
	secure := good
	secure.Port, secure.Protocol = e.SecurePort, "smtps"
	test(secure, "")
}

// TestSMTPAnswers are answers that a real server gives on its bad days, or that old ones give.
func TestSMTPAnswers(t *testing.T) {
	login := control.Connection{Username: "u", Password: "secret"}
	for name, test := range map[string]struct {
		options control.Connection
		answers []string // the greeting, and what each line is answered with
		want    string
	}{
		"many lines of greeting": {control.Connection{}, []string{"220-mail\r\n220 ready", "250-mail\r\n250 HELP", "221 bye"}, ""},
		"no goodbye":             {control.Connection{}, []string{"220 mail", "250 mail"}, ""},
		"turned away":            {control.Connection{}, []string{"554 no service for you"}, `turns SMTP clients away: it greeted with "554 no service`},
		"overloaded":             {control.Connection{}, []string{"421 too busy"}, `it greeted with "421 too busy"`},
		"from before extensions": {control.Connection{}, []string{"220 mail", "502 what", "250 hello", "221 bye"}, ""},
		"busy after greeting":    {control.Connection{}, []string{"220 mail", "421 later"}, `answered "421 later" to EHLO [127.0.0.1]`},
		"no STARTTLS":            {control.Connection{TLS: &control.TLS{}}, []string{"220 mail", "250 mail"}, "offers no TLS on this port (STARTTLS)"},
		"TLS is refused":         {control.Connection{TLS: &control.TLS{}}, []string{"220 m", "250-m\r\n250 starttls", "454 not now"}, `answered "454 not now" to STARTTLS`},
		"text ahead of TLS":      {control.Connection{TLS: &control.TLS{}}, []string{"220 m", "250-m\r\n250 STARTTLS", "220 go\r\n250 evil"}, "in clear text after it agreed to TLS"},
		"AUTH LOGIN":             {login, []string{"220 m", "250-m\r\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", "221 bye"}, ""},
		"AUTH LOGIN says no":     {login, []string{"220 m", "250-m\r\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "535 no"}, `log in: it answered "535 no"`},
		"the password comes back": {
			login,
			[]string{"220 m", "250-m\r\n250 AUTH PLAIN", "535 no " + base64Of("\x00u\x00secret") + " secret"},
			`"535 no ******** ********"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.options
			c.Protocol, c.Timeout, c.Port = "smtp", patient, serve(t, lines(test.answers...))
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

// lines greets with the first answer, and answers each line that comes with the next; then the connection ends.
func lines(answers ...string) func(net.Conn) {
	return func(conn net.Conn) {
		said := bufio.NewScanner(conn)
		for i, answer := range answers {
			if i > 0 && !said.Scan() {
				return
			}
			_, _ = conn.Write([]byte(answer + "\r\n"))
		}
	}
}

func TestValidateLogin(t *testing.T) {
	for _, test := range []struct {
		c    control.Connection
		want string
	}{
		{control.Connection{Username: "u", Password: "p"}, ""},
		{control.Connection{Username: "u"}, ""},
		{control.Connection{Username: "u\r\nDATA", Password: "p"}, "line break"},
		{control.Connection{Username: "u", Password: "p\n"}, "line break"},
		{control.Connection{Password: "p"}, "needs a username"},
	} {
		for _, protocol := range []string{"smtp", "smtps", "lmtp", "imap", "imaps", "pop", "pops", "sieve", "nntp", "ftp"} {
			test.c.Port, test.c.Protocol = 1, protocol
			wantSaid(t, Validate(&test.c), test.want)
		}
	}
}

func TestExposes(t *testing.T) {
	for _, test := range []struct {
		c       control.Connection
		address string
		want    bool
	}{
		{control.Connection{Protocol: "smtp", Username: "u", Password: "p"}, "192.0.2.1", true},
		{control.Connection{Protocol: "smtp", Username: "u", Password: "p", Host: "mail.example"}, "127.0.0.1", true},
		{control.Connection{Protocol: "smtp", Username: "u", Password: "p", TLS: &control.TLS{}}, "192.0.2.1", false},
		{control.Connection{Protocol: "smtp", Username: "u", Password: "p"}, "127.0.0.1", false},
		{control.Connection{Protocol: "smtp", Username: "u", Password: "p"}, "", false},
		{control.Connection{Protocol: "smtp"}, "192.0.2.1", false},
		{control.Connection{Protocol: "pgsql", Username: "u", Password: "p"}, "192.0.2.1", false},
		{control.Connection{Protocol: "redis", Password: "p", UnixSocket: "/run/redis"}, "192.0.2.1", false},
	} {
		if got := Exposes(&test.c, test.address); got != test.want {
			t.Errorf("%+v at %s: %v", test.c, test.address, got)
		}
	}
}

func TestAddressLiteral(t *testing.T) {
	for _, test := range []struct {
		a    net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)}, "[192.0.2.7]"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "[IPv6:fe80::1]"},
		{&net.UnixAddr{Name: "@"}, "localhost"},
	} {
		if got := addressLiteral(test.a); got != test.want {
			t.Errorf("%v: %s, wanted %s", test.a, got, test.want)
		}
	}
}
