package protocols

import (
	"strings"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestNNTP(t *testing.T) {
	port, certificate := nnrpd(t)
	trusted := &control.TLS{CAFile: certificate.CertFile}
	fourCases(t, control.Connection{Protocol: "nntp"}, func(_ *testing.T, c *control.Connection) { c.Port = port })
	for _, test := range []struct {
		c    control.Connection
		want string
	}{
		{control.Connection{TLS: trusted}, ""},
		{control.Connection{Username: "u", Password: "p"}, ""},
		{control.Connection{TLS: trusted, Username: "u", Password: "p"}, ""},
		{control.Connection{TLS: trusted, Username: "u", Password: "wrong"}, `does not let "u" log in: it answered "481 `},
		{control.Connection{TLS: &control.TLS{}}, "certificate signed by unknown authority"},
	} {
		test.c.Protocol, test.c.Port, test.c.Timeout = "nntp", port, patient
		wantSaid(t, try1(t, &test.c), test.want)
	}
}

// TestNNTPUnavailable asks a real server whose overview is broken.
func TestNNTPUnavailable(t *testing.T) {
	bin := testkit.Installed(t, "news", "bin/nnrpd", "news")
	c := control.Connection{Protocol: "nntp", Port: testkit.FreePort(t), Timeout: patient}
	serveAfter(t, loopback(c.Port), bin, `
echo "domain: example.org" >>/etc/news/inn.conf
mkdir /run/news
chown news /run/news`, "-D", "-f", "-b", "127.0.0.1", "-p", number(c.Port))
	wantSaid(t, try1(t, &c), `turns NNTP clients away: it greeted with "400 NNTP server unavailable`)
}

func TestNNTPAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		want    string
	}{
		"wants a login":  {[]string{"201 hello", "480 who are you", "205 bye"}, ""},
		"an old one":     {[]string{"200 hello", "500 what", "205 bye"}, ""},
		"not for you":    {[]string{"502 no permission"}, `greeted with "502 no permission"`},
		"broken":         {[]string{"200 hello", "403 disk full"}, `answered "403 disk full" to CAPABILITIES`},
		"another's list": {[]string{"200 hello", "101 list\r\nREADER\r\n.", "205"}, "without a version"},
		"endless":        {[]string{"200 hello", "101 list\r\n" + strings.Repeat("..\r\n", mostLines)}, "a list without end"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "nntp", Timeout: patient, Port: serve(t, lines(test.answers...))}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

// nnrpd runs a real INN reader that lets user u with password p log in.
func nnrpd(t *testing.T) (port int, certificate testkit.KeyPair) {
	t.Helper()
	bin := testkit.Installed(t, "news", "bin/nnrpd", "news")
	port, certificate = testkit.FreePort(t), testkit.Certificate(t)
	serveAfter(t, loopback(port), bin, `
cd /etc/news
cp `+certificate.CertFile+` cert.pem
cp `+certificate.KeyFile+` key.pem
sed -i '/^tls/d; /^nnrpdloadlimit/d' inn.conf
cat >>inn.conf <<END
domain: example.org
nnrpdloadlimit: 0
tlscertfile: /etc/news/cert.pem
tlskeyfile: /etc/news/key.pem
END
cat >users <<'END'
u:`+sha512OfP+`
END
cat >readers.conf <<END
auth all { hosts: "127.0.0.1" auth: "ckpasswd -f /etc/news/users" default: "<anonymous>" }
access all { users: "*" newsgroups: "*" access: RA }
END
mkdir -p /run/news /var/spool/news/overview
touch /var/lib/news/active /var/lib/news/newsgroups
chown -R news /etc/news /run/news /var/lib/news /var/spool/news /var/log/news
setpriv --reuid=news --regid=news --clear-groups /usr/lib/news/bin/overchan </dev/null`,
		"-D", "-f", "-b", "127.0.0.1", "-p", number(port))
	return port, certificate
}

// sha512OfP is the password p as crypt(3) hashes it.
const sha512OfP = "$6$ab$53oaJstz.dN9TxWNvOp1k.ptOameFLjtwzhrAT.A4i5Nh4FRb1uOnAq9pDLyQwXNLNGKGS8kcJ8LZw8QB3RYk."
