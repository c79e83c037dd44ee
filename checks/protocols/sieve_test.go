package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
)

func TestSieve(t *testing.T) {
	d := dovecot(t)
	trusted := &control.TLS{CAFile: d.certificate.CertFile}
	fourCases(t, control.Connection{Protocol: "sieve"}, func(_ *testing.T, c *control.Connection) { c.Port = d.ports["sieve"] })
	for _, c := range []control.Connection{
		{Protocol: "sieve", TLS: trusted},
		{Protocol: "sieve", TLS: trusted, Username: "u", Password: "p"},
	} {
		c.Port, c.Timeout = d.ports["sieve"], patient
		wantSaid(t, try1(t, &c), "")
	}
	wrong := control.Connection{Protocol: "sieve", Port: d.ports["sieve"], TLS: trusted, Username: "u", Password: "wrong", Timeout: patient}
	wantSaid(t, try1(t, &wrong), `does not let "u" log in: it answered "NO`)
}

func TestSieveAnswers(t *testing.T) {
	const greeting = "\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"LOGIN\"\r\n"
	for name, test := range map[string]struct {
		options control.Connection
		answers []string
		want    string
	}{
		"literals":      {control.Connection{}, []string{"\"IMPLEMENTATION\" {4}\r\nx\r\ny\r\nOK {2+}\r\nhi", "OK", "OK"}, ""},
		"turned away":   {control.Connection{}, []string{"BYE \"too many\""}, `turns ManageSieve clients away: it greeted with "BYE`},
		"only OK":       {control.Connection{}, []string{"OK"}, "is not ManageSieve"},
		"says no":       {control.Connection{}, []string{greeting + "OK", "NO \"what\""}, `to CAPABILITY`},
		"no STARTTLS":   {control.Connection{TLS: &control.TLS{}}, []string{greeting + "OK"}, "offers no TLS"},
		"no SASL PLAIN": {control.Connection{Username: "u"}, []string{greeting + "OK", "OK"}, "offers no login"},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.options
			c.Protocol, c.Timeout, c.Port = "sieve", patient, serve(t, lines(test.answers...))
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}
