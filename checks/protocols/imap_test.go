package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
)

func TestIMAP(t *testing.T) {
	d := dovecot(t)
	trusted := &control.TLS{CAFile: d.certificate.CertFile}
	fourCases(t, control.Connection{Protocol: "imap"}, func(_ *testing.T, c *control.Connection) { c.Port = d.ports["imap"] })
	fourCases(t, control.Connection{Protocol: "imaps", TLS: trusted}, func(_ *testing.T, c *control.Connection) { c.Port = d.ports["imaps"] })
	for _, c := range []control.Connection{
		{Protocol: "imap", TLS: trusted},
		{Protocol: "imap", Username: "u", Password: "p"},
		{Protocol: "imap", TLS: trusted, Username: "u", Password: "p"},
		{Protocol: "imaps", TLS: trusted, Username: "u", Password: "p"},
	} {
		c.Port, c.Timeout = d.ports[c.Protocol], patient
		wantSaid(t, try1(t, &c), "")
	}
	wrong := control.Connection{Protocol: "imap", Port: d.ports["imap"], TLS: trusted, Username: "u", Password: "wrong", Timeout: patient}
	wantSaid(t, try1(t, &wrong), `does not let "u" log in: it answered "d4 NO [AUTHENTICATIONFAILED] Authentication failed."`)
	untrusted := control.Connection{Protocol: "imap", Port: d.ports["imap"], TLS: &control.TLS{}, Timeout: patient}
	wantSaid(t, try1(t, &untrusted), "certificate signed by unknown authority")
}

func TestIMAPAnswers(t *testing.T) {
	const capable = "* CAPABILITY IMAP4rev1 "
	login := control.Connection{Username: `u"\`, Password: "secret"}
	for name, test := range map[string]struct {
		options control.Connection
		answers []string
		want    string
	}{
		"knows us":         {login, []string{"* PREAUTH hello", capable + "\r\nd1 OK", "* BYE"}, ""},
		"turned away":      {control.Connection{}, []string{"* BYE too many of you"}, `turns IMAP clients away: it greeted with "* BYE too many`},
		"another greeting": {control.Connection{}, []string{"* FLAGS ()"}, "is not IMAP"},
		"says no":          {control.Connection{}, []string{"* OK", "d1 BAD what"}, `answered "d1 BAD what" to CAPABILITY`},
		"not the version":  {control.Connection{}, []string{"* OK", "* CAPABILITY IMAP2\r\nd1 OK"}, "does not name IMAP4"},
		"another tag":      {control.Connection{}, []string{"* OK", "a1 OK"}, "is not IMAP"},
		"no STARTTLS":      {control.Connection{TLS: &control.TLS{}}, []string{"* OK", capable + "\r\nd1 OK"}, "offers no TLS"},
		"STARTTLS refused": {control.Connection{TLS: &control.TLS{}}, []string{"* OK", capable + "STARTTLS\r\nd1 OK", "d2 NO"}, `answered "d2 NO" to STARTTLS`},
		"LOGIN":            {login, []string{"* OK", capable + "\r\nd1 OK", "d2 OK", "* BYE"}, ""},
		"LOGIN disabled":   {login, []string{"* OK", capable + "LOGINDISABLED\r\nd1 OK"}, "offers no login"},
		"no continuation":  {login, []string{"* OK", capable + "AUTH=PLAIN\r\nd1 OK", "d2 NO not you"}, `it answered "d2 NO not you"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.options
			c.Protocol, c.Timeout, c.Port = "imap", patient, serve(t, lines(test.answers...))
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

func TestQuotedString(t *testing.T) {
	if got, want := quotedString(`a"b\c`), `"a\"b\\c"`; got != want {
		t.Errorf("%s, wanted %s", got, want)
	}
}
