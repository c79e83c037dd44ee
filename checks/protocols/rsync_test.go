package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestRsync(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "rsync"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.FreePort(t)
		bin := testkit.Program(t, "rsync", "rsync")
		config := write(t, "rsyncd.conf", "motd file = /etc/debian_version\nuse chroot = no\n[sounds]\npath = /\ncomment = prompts\n")
		testkit.Serve(t, loopback(c.Port), bin, "--daemon", "--no-detach", "--config="+config, "--address=127.0.0.1", "--port="+number(c.Port))
	})
}

func TestRsyncAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		want    string
	}{
		"no modules":  {[]string{"@RSYNCD: 26", "@RSYNCD: EXIT"}, ""},
		"full":        {[]string{"@RSYNCD: 31.0", "@ERROR: max connections (1) reached -- try again later"}, `answered "@ERROR: max connections (1)`},
		"no end":      {[]string{"@RSYNCD: 31.0", "sounds \tprompts"}, "closed the connection"},
		"another one": {[]string{"220 ftp"}, "is not rsync"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "rsync", Timeout: patient, Port: serve(t, lines(test.answers...))}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}
