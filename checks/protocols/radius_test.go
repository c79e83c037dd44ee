package protocols

import (
	"bytes"
	"crypto/md5" // RADIUS is made of it
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestRadius asks a real FreeRADIUS.
func TestRadius(t *testing.T) {
	t.Parallel()
	port := freeradius(t)
	fourCases(t, control.Connection{Protocol: "radius", Secret: "a secret"}, func(_ *testing.T, c *control.Connection) { c.Port = port })
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"login":                 {control.Connection{Secret: "a secret", Username: "desk", Password: "night bell of seventeen and more letters"}, ""},
		"another password":      {control.Connection{Secret: "a secret", Username: "desk", Password: "guess"}, "refuses the user desk or the password"},
		"another secret, login": {control.Connection{Secret: "guess", Username: "desk", Password: "x", Timeout: silentTimeout}, "no answer"},
		"another secret":        {control.Connection{Secret: "guess", Timeout: silentTimeout}, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Protocol, test.c.Port = "radius", port
			if test.c.Timeout == 0 {
				test.c.Timeout = 20 * time.Second
			}
			wantSaid(t, try1(t, &test.c), test.want)
		})
	}
}

// freeradius starts a server that knows one user. Its configuration is what radiusd.conf(5) needs at least.
func freeradius(t *testing.T) int {
	t.Helper()
	bin, dir, port := testkit.Program(t, "freeradius", "freeradius"), t.TempDir(), freeUDPPort(t)
	libraries := filepath.Join(bin.Root, "usr/lib/freeradius")
	bin.Env["LD_LIBRARY_PATH"] += ":" + libraries
	writeText(t, filepath.Join(dir, "users"), "desk Cleartext-Password := \"night bell of seventeen and more letters\"\n")
	writeText(t, filepath.Join(dir, "radiusd.conf"), fmt.Sprintf(`
prefix = %[1]q
raddbdir = %[1]q
logdir = %[1]q
run_dir = %[1]q
libdir = %[2]q
max_requests = 256
log {
  destination = stdout
}
security {
  status_server = yes
}
modules {
  pap {
  }
  always ok {
    rcode = ok
  }
  files {
    usersfile = "%[1]s/users"
  }
}
client loop {
  ipaddr = 127.0.0.1
  secret = "a secret"
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = %[3]d
  }
  authorize {
    files
    pap
    Autz-Type Status-Server {
      ok
    }
  }
  authenticate {
    pap
  }
}
`, dir, libraries, port))
	p := start(t, bin.Spec("-f", "-l", "stdout", "-d", dir, "-D", filepath.Join(bin.Root, "usr/share/freeradius")))
	answersSoon(t, p, &control.Connection{Protocol: "radius", Secret: "a secret", Port: port}, "")
	return port
}

// TestRadiusAnswers judges answers that no healthy server gives; all but the broken ones are signed with the right secret.
func TestRadiusAnswers(t *testing.T) {
	t.Parallel()
	secret := []byte(usualSecret)
	for name, test := range map[string]struct {
		code       byte
		attributes []byte
		user       string
		spoil      func([]byte) []byte
		want       string
	}{
		"accept":                       {code: accessAccept},
		"accept with padding":          {code: accessAccept, spoil: func(b []byte) []byte { return append(b, 0, 0) }},
		"accounting":                   {code: accountingResponse},
		"accounting instead of accept": {code: accountingResponse, user: "desk", want: "answered with code 5"},
		"reject without a user":        {code: accessReject, want: "answered with code 3"},
		"challenge":                    {code: accessChallenge, user: "desk", want: "wants more of the user desk than a password"},
		"unsigned":                     {code: accessAccept, spoil: func(b []byte) []byte { b[5]++; return b }, want: "a signature that is wrong"},
		"wrong message authenticator":  {code: accessAccept, attributes: append([]byte{messageAuthenticator, 18}, make([]byte, 16)...), want: "a signature that is wrong"},
		"attribute beyond the end":     {code: accessAccept, attributes: []byte{18, 200, 'x'}, want: "a signature that is wrong"},
		"another identifier":           {code: accessAccept, spoil: func(b []byte) []byte { b[1]++; return b }, want: "a request that was not made"},
		"short":                        {code: accessAccept, spoil: func(b []byte) []byte { return b[:19] }, want: "is not RADIUS"},
		"length beyond the end":        {code: accessAccept, spoil: func(b []byte) []byte { b[2] = 9; return b }, want: "is not RADIUS"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveUDP(t, func(request []byte) []byte {
				answer := signedAnswer(test.code, request, test.attributes, secret)
				if test.spoil != nil {
					answer = test.spoil(answer)
				}
				return answer
			})
			wantSaid(t, try1(t, &control.Connection{Protocol: "radius", Port: port, Username: test.user, Timeout: silentTimeout}), test.want)
		})
	}
}

// signedAnswer is an answer with a right response authenticator.
func signedAnswer(code byte, request, attributes, secret []byte) []byte {
	answer := append([]byte{code, request[1], 0, byte(radiusHeader + len(attributes))}, request[4:radiusHeader]...)
	answer = append(answer, attributes...)
	sum := md5.Sum(append(bytes.Clone(answer), secret...))
	copy(answer[4:], sum[:])
	return answer
}

func FuzzRadiusAnswer(f *testing.F) {
	secret := []byte(usualSecret)
	request, err := radiusRequest(fuzzTarget, secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signedAnswer(accessAccept, request, []byte{18, 4, 'o', 'k'}, secret)[radiusHeader:])
	f.Add([]byte{80, 18, 0})
	f.Fuzz(func(t *testing.T, attributes []byte) {
		if len(attributes) > 200 {
			return
		}
		answer := signedAnswer(accessAccept, request, attributes, secret)
		if judgeRadius(answer, request, secret, fuzzTarget) == nil && len(answer) < radiusHeader {
			t.Errorf("%x is taken for an answer", answer)
		}
		_ = judgeRadius(attributes, request, secret, fuzzTarget)
	})
}
