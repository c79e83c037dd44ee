package protocols

import (
	"path/filepath"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestFail2ban asks a real server without jails: the machine has no logs that one could read.
func TestFail2ban(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "fail2ban"}, func(t *testing.T, c *control.Connection) {
		c.UnixSocket = filepath.Join(t.TempDir(), "fail2ban.sock")
		bin := testkit.Installed(t, "fail2ban", "fail2ban-server")
		serveAfter(t, c.UnixSocket, bin, "rm /etc/fail2ban/jail.d/*",
			"-f", "-s", c.UnixSocket, "-p", "/run/fail2ban.pid", "-c", "/etc/fail2ban", "start")
	})
}

func TestFail2banAnswers(t *testing.T) {
	const invalid = "\x80\x05\x954\x00\x00\x00\x00\x00\x00\x00K\x01\x8c\x08builtins\x94\x8c\tException\x94\x93\x94\x8c\x0fInvalid command\x94\x85\x94R\x94\x86\x94."
	for name, test := range map[string]struct{ answer, want string }{
		"1.0, recorded":              {"\x80\x05\x95\x0c\x00\x00\x00\x00\x00\x00\x00K\x00\x8c\x04pong\x94\x86\x94." + fail2banEnd, ""},
		"of Python 2":                {"\x80\x02K\x00U\x04pongq\x00\x86q\x01." + fail2banEnd, ""},
		"of Python 3.4":              {"\x80\x03K\x00X\x04\x00\x00\x00pongq\x00\x86q\x01." + fail2banEnd, ""},
		"invalid command, recorded":  {invalid + fail2banEnd, "Invalid command"},
		"status 1":                   {"\x80\x02K\x01U\x04pongq\x00\x86q\x01." + fail2banEnd, "to ping"},
		"no end":                     {"\x80\x02K\x00U\x04pong", "is not fail2ban"},
		"pong, and not as a pickle":  {"pong" + fail2banEnd, `answered "pong<F2B_END_COMMAND>", which is not fail2ban`},
		"nothing":                    {"", "closed the connection without an answer"},
		"an answer that never stops": {"\x80" + string(make([]byte, 2*fail2banMost)), "is not fail2ban"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "fail2ban", Timeout: patient, Port: serve(t, answersOnce(test.answer))}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}
