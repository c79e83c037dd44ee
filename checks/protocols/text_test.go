package protocols

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

// recorded are answers of the real servers that the tests of each protocol ask, all that one connection says in one.
var recorded = map[string]string{
	"smtp": "220 localhost ESMTP Exim 4.96 Sat, 21 Nov 2026 15:25:00 +0000\r\n250-localhost Hello [127.0.0.1]\r\n250-SIZE 20971520\r\n" +
		"250-AUTH PLAIN LOGIN\r\n250-STARTTLS\r\n250 HELP\r\n235 Authentication succeeded\r\n221 localhost closing connection\r\n",
	"lmtp": "220 vm Dovecot (Debian) ready.\r\n250-vm\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 STARTTLS\r\n220 2.0.0 Begin TLS negotiation now.\r\n",
	"imap": "* OK [CAPABILITY IMAP4rev1 SASL-IR ID STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n" +
		"d1 OK Pre-login capabilities listed.\r\n+ \r\n* CAPABILITY IMAP4rev1\r\nd2 OK Logged in\r\n* BYE Logging out\r\nd3 OK Logout completed.\r\n",
	"pop": "+OK Dovecot (Debian) ready.\r\n+OK\r\nCAPA\r\nTOP\r\nSTLS\r\nUSER\r\nSASL PLAIN\r\n.\r\n+OK\r\n+OK Logged in.\r\n+OK Logging out.\r\n",
	"sieve": "\"IMPLEMENTATION\" \"Dovecot (Debian) Pigeonhole\"\r\n\"SIEVE\" {8}\r\nfileinto\r\n\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\n\"VERSION\" \"1.0\"\r\n" +
		"OK \"Dovecot (Debian) ready.\"\r\nOK \"Capability completed.\"\r\nOK \"Logged in.\"\r\nOK \"Logout completed.\"\r\n",
	"nntp": "201 server.example.net InterNetNews NNRP server INN 2.7.1 ready (no posting)\r\n381 Enter password\r\n281 Authentication succeeded\r\n" +
		"101 Capability list:\r\nVERSION 2\r\nREADER\r\n.\r\n205 Bye!\r\n",
	"ftp":            "220 ProFTPD Server (test) [127.0.0.1]\r\n331 Password required for u\r\n230 User u logged in\r\n200 NOOP command successful\r\n221 Goodbye.\r\n",
	"ssh":            "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n\x00\x00\x00\x10\x05\x14\xb6L\"Y\xde\xa0[\xfb\xd0\x00\x00\x00\x00\x00",
	"rsync":          "@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\nsounds         \tprompts\n@RSYNCD: EXIT\n",
	"postfix-policy": "action=DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/d.example.html\n\n",
	"clamav":         "PONG\n",
	"spamassassin":   "SPAMD/1.5 0 PONG\r\n",
	"fail2ban":       "\x80\x05\x95\x0c\x00\x00\x00\x00\x00\x00\x00K\x00\x8c\x04pong\x94\x86\x94." + fail2banEnd,
	"gps":            "{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n{\"class\":\"DEVICES\",\"devices\":[]}\r\n",
	"dwp":            "DWP/1.1 200 OK\r\n\r\n",
	"rdate":          "\xee\xac4\xf1",
}

// TestRecorded: what was recorded is taken for what it is.
func TestRecorded(t *testing.T) {
	for name, answer := range recorded {
		t.Run(name, func(t *testing.T) {
			if name == "rdate" {
				t.Skip("the time has changed since")
			}
			want := map[string]string{"lmtp": "offers no login with a password"}[name]
			wantSaid(t, speakRecorded(t.Context(), name, nil, []byte(answer)), want)
		})
	}
}

// FuzzText feeds each text protocol with what the fuzzer makes of recorded answers, with a login, and with STARTTLS wanted: it ends,
// says nothing about the password, and takes no clear text for TLS.
func FuzzText(f *testing.F) {
	for name, answer := range recorded {
		f.Add(name, []byte(answer))
		f.Add(name, []byte(strings.ReplaceAll(answer, "2", fuzzPassword))) // a far side that sends it back
	}
	f.Fuzz(func(t *testing.T, name string, answer []byte) {
		if recorded[name] == "" {
			return
		}
		if err := speakRecorded(t.Context(), name, nil, answer); err != nil && bytes.Contains([]byte(err.Error()), []byte(fuzzPassword)) {
			t.Errorf("the password is shown: %v", err)
		}
		err := speakRecorded(t.Context(), name, &control.TLS{}, answer)
		if p, _ := protocolOf(&control.Connection{Protocol: name}); err == nil && p.StartTLS {
			t.Errorf("%q is taken for TLS", answer)
		}
	})
}

const fuzzPassword = "xyzzy-plugh"

// speakRecorded has a protocol listen to a recorded answer.
func speakRecorded(ctx context.Context, name string, options *control.TLS, answer []byte) error {
	c := control.Connection{Protocol: name, Port: 1, Username: "u", Password: fuzzPassword, TLS: options}
	p, err := protocolOf(&c)
	if err != nil {
		return err
	}
	t := targetOf(p, &c, "127.0.0.1")
	t.timeout = time.Second
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	if err := p.Speak(ctx, &recording{answer: bytes.NewReader(answer)}, t); err != nil {
		return told(withoutSecrets(sentence(err, t).Error(), t))
	}
	return nil
}
