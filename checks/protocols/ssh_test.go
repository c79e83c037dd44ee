package protocols

import (
	"encoding/binary"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestSSH(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "ssh"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.FreePort(t)
		bin := testkit.Installed(t, "openssh", "sshd", "sshd")
		serveAfter(t, loopback(c.Port), bin, `
mkdir /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/key
echo "HostKey /etc/ssh/key" >/etc/ssh/test`, "-D", "-e", "-f", "/etc/ssh/test", "-p", number(c.Port), "-o", "ListenAddress=127.0.0.1")
	})
}

func TestSSHAnswers(t *testing.T) {
	const keys = "\x00\x00\x00\x0c\x04\x14cookie\x00\x00\x00\x00" // 12 bytes: 4 of padding, SSH_MSG_KEXINIT, what stands for the rest
	for name, test := range map[string]struct {
		answers []string
		want    string
	}{
		"text before":      {[]string{"hello\r\nSSH-2.0-x", keys}, ""},
		"both versions":    {[]string{"SSH-1.99-x", keys}, ""},
		"an old one":       {[]string{"SSH-1.5-x"}, `speaks an old SSH, "SSH-1.5-x"`},
		"too busy":         {[]string{"Exceeded MaxStartups"}, `answered "Exceeded MaxStartups", which is not SSH`},
		"no keys":          {[]string{"SSH-2.0-x", "Bye bye"}, "to our SSH version"},
		"half the keys":    {[]string{"SSH-2.0-x", keys[:10]}, "broke off after"},
		"a gigantic offer": {[]string{"SSH-2.0-x", "\x7f\x00\x00\x0c\x04\x14"}, "to our SSH version"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "ssh", Timeout: patient, Port: serve(t, lines(test.answers...))}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

// TestDisconnectSSH: the packet is as RFC 4253 section 6 wants it.
func TestDisconnectSSH(t *testing.T) {
	for _, why := range []string{"", "done", "1234567", "a longer reason to go"} {
		packet := disconnectSSH(why)
		if len(packet)%8 != 0 || binary.BigEndian.Uint32(packet) != uint32(len(packet)-4) || packet[4] < 4 { //nolint:gosec // short
			t.Errorf("%q: %q", why, packet)
		}
	}
}
