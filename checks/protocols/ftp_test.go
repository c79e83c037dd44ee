package protocols

import (
	"strconv"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func number(n int) string { return strconv.Itoa(n) }

func TestFTP(t *testing.T) {
	port, certificate := proftpd(t)
	trusted := &control.TLS{CAFile: certificate.CertFile}
	fourCases(t, control.Connection{Protocol: "ftp"}, func(_ *testing.T, c *control.Connection) { c.Port = port })
	for _, test := range []struct {
		c    control.Connection
		want string
	}{
		{control.Connection{TLS: trusted}, ""},
		{control.Connection{Username: "u", Password: "p"}, ""},
		{control.Connection{TLS: trusted, Username: "u", Password: "p"}, ""},
		{control.Connection{TLS: trusted, Username: "u", Password: "wrong"}, `does not let "u" log in: it answered "530 Login incorrect."`},
		{control.Connection{TLS: &control.TLS{}}, "certificate signed by unknown authority"},
	} {
		test.c.Protocol, test.c.Port, test.c.Timeout = "ftp", port, patient
		wantSaid(t, try1(t, &test.c), test.want)
	}
}

func TestFTPAnswers(t *testing.T) {
	login := control.Connection{Username: "u", Password: "p"}
	for name, test := range map[string]struct {
		options control.Connection
		answers []string
		want    string
	}{
		"wants a login":     {control.Connection{}, []string{"220 hello", "530 Please login with USER and PASS.", "221"}, ""},
		"goes down":         {control.Connection{}, []string{"220 hello", "421 closing"}, `answered "421 closing" to NOOP`},
		"many lines":        {control.Connection{}, []string{"220-hello\r\n this is\r\n220-not the end\r\n220 but this", "200", "221"}, ""},
		"in ten minutes":    {control.Connection{}, []string{"120 in 10 minutes"}, `greeted with "120 in 10 minutes"`},
		"too many":          {control.Connection{}, []string{"421 too many users"}, `turns FTP clients away`},
		"no password asked": {login, []string{"220 hello", "230 in you go", "200", "221"}, ""},
		"an account asked":  {login, []string{"220 hello", "331 password", "332 account"}, `it answered "332 account"`},
		"no TLS":            {control.Connection{TLS: &control.TLS{}}, []string{"220 hello", "502 no"}, `answered "502 no" to AUTH TLS`},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.options
			c.Protocol, c.Timeout, c.Port = "ftp", patient, serve(t, lines(test.answers...))
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

// proftpd runs a real one that lets user u with password p log in.
func proftpd(t *testing.T) (port int, certificate testkit.KeyPair) {
	t.Helper()
	bin := testkit.Installed(t, "proftpd", "proftpd")
	port, certificate = testkit.FreePort(t), testkit.Certificate(t)
	serveAfter(t, loopback(port), bin, `
mkdir /run/proftpd
umask 077
cat >/etc/ftp.passwd <<'END'
u:`+sha512OfP+`:65534:65534::/run:/bin/sh
END
cat >/etc/ftp.conf <<END
LoadModule mod_tls.c
Port `+number(port)+`
DefaultAddress 127.0.0.1
SocketBindTight on
UseIPv6 off
UseReverseDNS off
User nobody
Group nogroup
ScoreboardFile /run/proftpd/score
PidFile /run/proftpd.pid
WtmpLog off
DelayTable none
AuthOrder mod_auth_file.c
AuthUserFile /etc/ftp.passwd
RequireValidShell off
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile `+certificate.CertFile+`
TLSECCertificateKeyFile `+certificate.KeyFile+`
END`, "-n", "-c", "/etc/ftp.conf")
	return port, certificate
}
