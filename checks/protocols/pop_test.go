package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
)

func TestPOP(t *testing.T) {
	d := dovecot(t)
	trusted := &control.TLS{CAFile: d.certificate.CertFile}
	fourCases(t, control.Connection{Protocol: "pop"}, func(_ *testing.T, c *control.Connection) { c.Port = d.ports["pop"] })
	fourCases(t, control.Connection{Protocol: "pops", TLS: trusted}, func(_ *testing.T, c *control.Connection) { c.Port = d.ports["pops"] })
	for _, c := range []control.Connection{
		{Protocol: "pop", TLS: trusted},
		{Protocol: "pop", Username: "u", Password: "p"},
		{Protocol: "pop", TLS: trusted, Username: "u", Password: "p"},
		{Protocol: "pops", TLS: trusted, Username: "u", Password: "p"},
	} {
		c.Port, c.Timeout = d.ports[c.Protocol], patient
		wantSaid(t, try1(t, &c), "")
	}
	wrong := control.Connection{Protocol: "pop", Port: d.ports["pop"], TLS: trusted, Username: "u", Password: "wrong", Timeout: patient}
	wantSaid(t, try1(t, &wrong), `does not let "u" log in: it answered "-ERR [AUTH] Authentication failed."`)
}

func TestPOPAnswers(t *testing.T) {
	login := control.Connection{Username: "u", Password: "secret"}
	for name, test := range map[string]struct {
		options control.Connection
		answers []string
		want    string
	}{
		"from before CAPA": {control.Connection{}, []string{"+OK", "-ERR what", "+OK"}, ""},
		"turned away":      {control.Connection{}, []string{"-ERR [SYS/TEMP] overloaded"}, "turns POP3 clients away"},
		"no STLS":          {control.Connection{TLS: &control.TLS{}}, []string{"+OK", "-ERR", "-ERR unknown command"}, `answered "-ERR unknown command" to STLS`},
		"SASL alone":       {login, []string{"+OK", "+OK\r\nSASL PLAIN\r\n.", "+OK", "+OK"}, ""},
		"USER refused":     {login, []string{"+OK", "+OK\r\nUSER\r\n.", "-ERR TLS first"}, `does not let "u" log in: it answered "-ERR TLS first"`},
		"no end of a list": {control.Connection{}, []string{"+OK", "+OK\r\nUSER"}, "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.options
			c.Protocol, c.Timeout, c.Port = "pop", patient, serve(t, lines(test.answers...))
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}
