package protocols

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

const desk = "cn=desk,dc=example"

// TestLDAP asks real slapds: one for anybody and every version, one that wants users of version 3.
func TestLDAP(t *testing.T) {
	t.Parallel()
	pair := testkit.Certificate(t)
	open := slapd(t, "allow bind_v2", pair)
	closed := slapd(t, "disallow bind_anon", pair)
	for _, version := range []string{"ldap2", "ldap3"} {
		t.Run(version, func(t *testing.T) {
			fourCases(t, control.Connection{Protocol: version}, func(_ *testing.T, c *control.Connection) { c.Port = open.port })
			for name, test := range map[string]struct {
				c    control.Connection
				want string
			}{
				"login":            {c: control.Connection{Port: open.port, Username: desk, Password: "two words"}},
				"another password": {c: control.Connection{Port: open.port, Username: desk, Password: "guess"}, want: "refuses the bind of cn=desk,dc=example: invalidCredentials"},
				"no name":          {c: control.Connection{Port: open.port, Username: "desk", Password: "guess"}, want: "invalidDNSyntax"},
				"TLS":              {c: control.Connection{Port: open.securePort, TLS: &control.TLS{On: true, CAFile: pair.CertFile}}},
			} {
				t.Run(name, func(t *testing.T) {
					test.c.Protocol, test.c.Timeout = version, 20*time.Second
					wantSaid(t, try1(t, &test.c), test.want)
				})
			}
		})
	}
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"nobody is not let in": {c: control.Connection{Protocol: "ldap3", Port: closed.port}},
		"login where must":     {c: control.Connection{Protocol: "ldap3", Port: closed.port, Username: desk, Password: "two words"}},
		"version 2 refused":    {c: control.Connection{Protocol: "ldap2", Port: closed.port}, want: "refuses an anonymous bind: protocolError"},
		"StartTLS":             {c: control.Connection{Protocol: "ldap3", Port: open.port, Username: desk, Password: "two words", TLS: &control.TLS{CAFile: pair.CertFile}}},
		"an unknown CA":        {c: control.Connection{Protocol: "ldap3", Port: open.port, TLS: &control.TLS{}}, want: "is not valid"},
		"no certificate":       {c: control.Connection{Protocol: "ldap3", Port: slapd(t, "", testkit.KeyPair{}).port, TLS: &control.TLS{}}, want: "offers no StartTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Timeout = 20 * time.Second
			wantSaid(t, try1(t, &test.c), test.want)
		})
	}
}

type slapdServer struct{ port, securePort int }

func slapd(t *testing.T, options string, pair testkit.KeyPair) slapdServer {
	t.Helper()
	bin, dir := testkit.Program(t, "slapd", "slapd"), t.TempDir()
	server := slapdServer{port: testkit.FreePort(t), securePort: testkit.FreePort(t)}
	if pair.CertFile != "" {
		options += fmt.Sprintf("\nTLSCertificateFile %s\nTLSCertificateKeyFile %s", pair.CertFile, pair.KeyFile)
	}
	conf := filepath.Join(dir, "slapd.conf")
	writeText(t, conf, fmt.Sprintf("include %s\npidfile %s/pid\n%s\ndatabase ldif\nsuffix \"dc=example\"\ndirectory %s\nrootdn %q\nrootpw \"two words\"\n",
		filepath.Join(bin.Root, "etc/ldap/schema/core.schema"), dir, options, dir, desk))
	urls := "ldap://" + loopback(server.port)
	if pair.CertFile != "" {
		urls += " ldaps://" + loopback(server.securePort)
	}
	testkit.Serve(t, loopback(server.port), bin, "-d", "0", "-f", conf, "-h", urls)
	return server
}

// bindAnswer and others are answers as Active Directory codes them: lengths of four bytes.
func ldapAnswer(id, operation, code byte) string {
	return "\x30\x84\x00\x00\x00\x10\x02\x01" + string([]byte{id}) + string([]byte{operation}) + "\x84\x00\x00\x00\x07\x0a\x01" + string([]byte{code}) + "\x04\x00\x04\x00"
}

func TestLDAPAnswers(t *testing.T) {
	t.Parallel()
	const bound = 0x61
	for name, test := range map[string]struct{ answer, want string }{
		"long lengths":           {answer: ldapAnswer(1, bound, 0) + ldapAnswer(2, 0x65, 0)},
		"the root is hidden":     {answer: ldapAnswer(1, bound, 0) + ldapAnswer(2, 0x65, 50)},
		"the root is gone":       {answer: ldapAnswer(1, bound, 0) + ldapAnswer(2, 0x65, 52), want: "does not let its root entry be searched: unavailable"},
		"busy":                   {answer: ldapAnswer(1, bound, 51), want: "refuses an anonymous bind: busy"},
		"unwilling":              {answer: ldapAnswer(1, bound, 53)},
		"an unknown result":      {answer: ldapAnswer(1, bound, 90), want: "result 90"},
		"another request":        {answer: ldapAnswer(9, bound, 0), want: "a request that was not made"},
		"a disconnection":        {answer: ldapAnswer(0, 0x78, 52), want: "ends the conversation: unavailable"},
		"another operation":      {answer: ldapAnswer(1, 0x65, 0), want: "answered with operation 5, wanted 1"},
		"entries without end":    {answer: ldapAnswer(1, bound, 0) + strings.Repeat(ldapAnswer(2, 0x64, 0), 20), want: "answers without end"},
		"a message without all":  {answer: "\x30\x03\x02\x01\x01", want: "is not LDAP"},
		"an id that is a text":   {answer: "\x30\x0c\x04\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", want: "is not LDAP"},
		"a result without a sum": {answer: "\x30\x05\x02\x01\x01\x61\x00", want: "answered without a result"},
		"longer than it says":    {answer: "\x30\x84\x7f\xff\xff\xff\x02\x01\x01", want: "is not LDAP"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 512))
				_, _ = conn.Write([]byte(test.answer))
				if half, is := conn.(*net.TCPConn); is {
					_ = half.CloseWrite()
				}
				silence(conn)
			})
			wantSaid(t, try1(t, &control.Connection{Protocol: "ldap3", Port: port, Timeout: 20 * time.Second}), test.want)
		})
	}
}

func FuzzLDAPAnswer(f *testing.F) {
	f.Add(ldapAnswer(1, 0x61, 0) + ldapAnswer(2, 0x64, 0) + ldapAnswer(2, 0x65, 0))
	f.Add("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")
	f.Fuzz(func(t *testing.T, answer string) {
		near, far := net.Pipe()
		go func() {
			go silence(far)
			_, _ = io.Copy(far, strings.NewReader(answer))
			_ = far.Close()
		}()
		err := speakLDAP(t.Context(), near, fuzzTarget, 3)
		_ = near.Close()
		if err == nil && strings.Count(answer, "\x30") == 0 {
			t.Errorf("%q is taken for an answer", answer)
		}
	})
}
