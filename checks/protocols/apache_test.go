package protocols

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// apachePage is what the test's Apache serves at /; its checksums are those of md5sum(1), sha1sum(1) and sha256sum(1).
const apachePage = "<title>dial\ntone</title>\n"

// apache is a real Apache on loopback: 127.0.0.1 and ::1 in clear text, 127.0.0.1 over TLS. /secret wants the user desk with the
// password "s3cret: and a colon"; what mod_status says is at /server-status.
type apache struct {
	port, tls int
	pair      testkit.KeyPair
}

func startApache(t *testing.T) apache {
	t.Helper()
	bin := testkit.Program(t, "apache", "apache2")
	pair, dir := testkit.Certificate(t), t.TempDir()
	a := apache{port: testkit.FreePort(t), tls: testkit.FreePort(t), pair: pair}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // Apache's workers run as another
		t.Fatal(err)
	}
	page := filepath.Join(dir, "www", "index.html")
	config := filepath.Join(dir, "apache.conf")
	for path, text := range map[string]string{
		page:                                apachePage,
		filepath.Join(dir, "users"):         "desk:{SHA}u1f+zj2Ji8n5+oQPoinjBpDQ7Ps=\n", // as htpasswd -s writes it
		filepath.Join(dir, "www", "secret"): "you know it\n",
		filepath.Join(dir, "www", "client"): "I know you\n",
		config:                              a.configuration(bin.Root, dir, pair),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // Apache's workers run as another
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // the same
			t.Fatal(err)
		}
	}
	testkit.Serve(t, fmt.Sprintf("127.0.0.1:%d", a.port), bin, "-f", config, "-DFOREGROUND")
	return a
}

func (a apache) configuration(root, dir string, pair testkit.KeyPair) string {
	text := fmt.Sprintf("ServerRoot %s/usr/lib/apache2\n", root)
	for _, module := range []string{"mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic", "dir", "status", "socache_shmcb", "ssl"} {
		text += fmt.Sprintf("LoadModule %[1]s_module modules/mod_%[1]s.so\n", module)
	}
	return text + fmt.Sprintf(`ServerName localhost
User #65534
Group #65534
StartServers 1
ServerLimit 2
ThreadsPerChild 4
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 4
PidFile %[1]s/pid
Mutex pthread
ErrorLog %[1]s/error.log
DefaultRuntimeDir %[1]s
DocumentRoot %[1]s/www
Listen 127.0.0.1:%[2]d
Listen [::1]:%[2]d
Listen 127.0.0.1:%[3]d
<Location /secret>
    AuthType Basic
    AuthName secret
    AuthUserFile %[1]s/users
    Require user desk
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
<VirtualHost 127.0.0.1:%[3]d>
    SSLEngine on
    SSLCertificateFile %[4]s
    SSLCertificateKeyFile %[5]s
    SSLVerifyClient optional_no_ca
    <Location /client>
        Require expr "%%{SSL_CLIENT_S_DN_CN} == 'localhost'"
    </Location>
</VirtualHost>
`, dir, a.port, a.tls, pair.CertFile, pair.KeyFile)
}

func TestApache(t *testing.T) {
	a := startApache(t)
	for _, p := range []struct {
		options control.Connection
		port    int
	}{
		{control.Connection{Protocol: "http"}, a.port},
		{control.Connection{Protocol: "https", TLS: &control.TLS{CAFile: a.pair.CertFile}}, a.tls},
		{control.Connection{Protocol: "apache-status"}, a.port},
	} {
		t.Run(p.options.Protocol, func(t *testing.T) {
			fourCases(t, p.options, func(_ *testing.T, c *control.Connection) { c.Port = p.port })
		})
	}
}

func TestApacheHTTP(t *testing.T) {
	a := startApache(t)
	status := func(code int) control.HTTPTest {
		return control.HTTPTest{Request: "/secret", StatusOp: control.Equal, Status: code}
	}
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"IPv6":               {control.Connection{Host: "::1"}, ""},
		"IPv6 wanted":        {control.Connection{Host: "::1", Family: "ipv6"}, ""},
		"IPv4 wanted":        {control.Connection{Host: "::1", Family: "ipv4"}, "::1 has no IPv4 address"},
		"source":             {control.Connection{Source: "127.0.0.9"}, ""},
		"source not ours":    {control.Connection{Source: "192.0.2.1"}, "cannot be asked from this source address"},
		"no password":        {control.Connection{HTTP: control.HTTPTest{Request: "/secret"}}, "answered HTTP status 401 Unauthorized to /secret"},
		"password":           {control.Connection{Username: "desk", Password: "s3cret: and a colon", HTTP: control.HTTPTest{Request: "/secret", Content: "you know it"}}, ""},
		"wrong password":     {control.Connection{Username: "desk", Password: "guess", HTTP: status(401)}, ""},
		"status not wanted":  {control.Connection{HTTP: status(200)}, "wanted status = 200"},
		"content over lines": {control.Connection{HTTP: control.HTTPTest{Content: "<title>.*</title>"}}, ""},
		"content in bounds":  {control.Connection{Buffer: 10, HTTP: control.HTTPTest{Content: "dial"}}, "without the content"},
		"MD5":                {control.Connection{HTTP: control.HTTPTest{Checksum: "8fedea56eda2ded3d2c037f4c19acbce"}}, ""},
		"SHA-1":              {control.Connection{HTTP: control.HTTPTest{Checksum: "d1ada3ed1b986bd748f5c7e5e57644bdf424ea3a"}}, ""},
		"SHA-256":            {control.Connection{Buffer: 1, HTTP: control.HTTPTest{Checksum: "8496c0358746ebf0e46f4451a613c85be9cca9b526ece3b872c43fe720e0e623"}}, ""},
		"other checksum":     {control.Connection{HTTP: control.HTTPTest{Checksum: "00000000000000000000000000000000"}}, "whose checksum is 8fedea56eda2ded3d2c037f4c19acbce, wanted 0000"},
		"HEAD":               {control.Connection{HTTP: control.HTTPTest{Method: "HEAD"}}, ""},
		"host header":        {control.Connection{HTTP: control.HTTPTest{Headers: []control.Header{{Name: "Host", Value: "other.example"}, {Name: "X-Dial", Value: "tone"}}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.c
			c.Protocol, c.Port, c.Timeout = "http", a.port, 20*time.Second
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

func TestApacheTLS(t *testing.T) {
	a := startApache(t)
	ca := a.pair.CertFile
	cert, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(cert)
	me := filepath.Join(t.TempDir(), "me.pem")
	key, err := os.ReadFile(a.pair.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(me, slices.Concat(cert, key), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := func(want string) string { return digest(want, block.Bytes) }
	for name, test := range map[string]struct {
		tls  control.TLS
		host string
		want string
	}{
		"verified":               {tls: control.TLS{CAFile: ca}},
		"verified by a folder":   {tls: control.TLS{CAPath: filepath.Dir(ca)}},
		"no such CA":             {tls: control.TLS{CAFile: "/none.pem"}, want: "the CA certificates for 127.0.0.1:"},
		"no CA in it":            {tls: control.TLS{CAFile: a.pair.KeyFile}, want: "no certificate is in " + a.pair.KeyFile},
		"not verified":           {tls: control.TLS{VerifyOff: true}},
		"unknown":                {want: "signed by unknown authority"},
		"signed by itself":       {tls: control.TLS{SelfSigned: true}},
		"another name":           {tls: control.TLS{CAFile: ca}, host: "www.example", want: "valid for localhost, not www.example"},
		"the host header's name": {tls: control.TLS{CAFile: ca}, host: "localhost:443"},
		"MD5":                    {tls: control.TLS{Checksum: sum(strings.Repeat("0", 32))}},
		"SHA-1":                  {tls: control.TLS{Checksum: sum(strings.Repeat("0", 40))}},
		"SHA-256":                {tls: control.TLS{Checksum: sum(strings.Repeat("0", 64))}},
		"another certificate":    {tls: control.TLS{Checksum: strings.Repeat("0", 32), VerifyOff: true}, want: "is another one: its checksum is " + sum(strings.Repeat("0", 32))},
		"ends too soon":          {tls: control.TLS{CAFile: ca, ValidDays: 14}, want: "in 0 days (wanted: more than 14)"},
		"TLS 1.2":                {tls: control.TLS{CAFile: ca, Version: "tlsv12"}},
		"TLS 1.3":                {tls: control.TLS{CAFile: ca, Version: "tlsv13"}},
		"TLS 1.0":                {tls: control.TLS{CAFile: ca, Version: "tlsv1"}, want: "did not come about"},
		"ciphers":                {tls: control.TLS{CAFile: ca, Version: "tlsv12", Ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:!aNULL"}},
		"ciphers of another key": {tls: control.TLS{CAFile: ca, Version: "tlsv12", Ciphers: "ECDHE-RSA-AES256-GCM-SHA384"}, want: "did not come about"},
		"groups of ciphers":      {tls: control.TLS{CAFile: ca, Version: "tlsv12", Ciphers: "HIGH:!aNULL"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "https", Port: a.tls, TLS: &test.tls, HTTP: control.HTTPTest{Host: test.host}, Timeout: 20 * time.Second}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
	for pem, want := range map[string]string{me: "", "": "403 Forbidden", ca: "the client certificate for 127.0.0.1:"} {
		c := control.Connection{Protocol: "https", Port: a.tls, TLS: &control.TLS{CAFile: ca, ClientPEM: pem}, HTTP: control.HTTPTest{Request: "/client"}}
		wantSaid(t, try1(t, &c), want)
	}
}

func TestApacheStatus(t *testing.T) {
	a := startApache(t)
	limit := func(name string, op control.Op, percent float64) []control.ApacheLimit {
		return []control.ApacheLimit{{Name: "dnslimit", Op: control.Greater, Percent: 10}, {Name: name, Op: op, Percent: percent}}
	}
	for name, test := range map[string]struct {
		request string
		limits  []control.ApacheLimit
		want    string
	}{
		"within":         {limits: limit("closelimit", control.Greater, 90)},
		"one replies":    {limits: limit("replylimit", control.Less, 1)},
		"other page":     {request: "/", want: "answered to /?auto without a scoreboard"},
		"no such page":   {request: "/none", want: "404 Not Found"},
		"page by itself": {request: "/server-status?auto"},
		"page by path":   {request: "/server-status"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "apache-status", Port: a.port, ApacheStatus: test.limits, HTTP: control.HTTPTest{Request: test.request}, Timeout: 20 * time.Second}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
	testkit.Eventually(t, 20*time.Second, func() error { // a young Apache has few workers that wait
		c := control.Connection{Protocol: "apache-status", Port: a.port, ApacheStatus: limit("waitlimit", control.Greater, 5), Timeout: 20 * time.Second}
		if err := try1(t, &c); err == nil || !strings.Contains(err.Error(), " % of its workers in the state of waitlimit (limit > 5 %)") {
			return errors.New("few wait")
		}
		return nil
	})
	if err := Validate(&control.Connection{Protocol: "apache-status", Port: 80, ApacheStatus: limit("teapotlimit", control.Less, 1)}); err == nil {
		t.Error("any limit is accepted")
	}
}

func TestScoreboard(t *testing.T) {
	for _, test := range []struct {
		board string
		state rune
		want  float64
	}{{"....", 'W', 0}, {"", 'W', 0}, {"WW__....", 'W', 25}, {"W_.", 'W', 33}, {"_", '_', 100}, {"_SRWKDCLGI", 'L', 10}} {
		if got := shareOf(test.board, test.state); got != test.want {
			t.Errorf("%q has %v %% of %c, wanted %v", test.board, got, test.state, test.want)
		}
	}
}
