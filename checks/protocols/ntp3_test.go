package protocols

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestNTP asks a real chronyd, which never touches this machine's clock (-x).
func TestNTP(t *testing.T) {
	t.Parallel()
	fourCases(t, control.Connection{Protocol: "ntp3"}, func(t *testing.T, c *control.Connection) {
		c.Port = chrony(t, "local stratum 8", "")
	})
	t.Run("a clock that was never set", func(t *testing.T) {
		chrony(t, "", "has no synchronized clock")
	})
}

// chrony starts an NTP server; it returns once asking it says what is wanted.
func chrony(t *testing.T, source, want string) int {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("chronyd wants to be started by root")
	}
	bin, dir, port := testkit.Program(t, "chrony", "chronyd"), t.TempDir(), freeUDPPort(t)
	text := fmt.Sprintf("port %d\ncmdport 0\nbindaddress 127.0.0.1\nbindcmdaddress /\nallow 127.0.0.1\npidfile %s/pid\n%s\n", port, dir, source)
	conf := filepath.Join(dir, "chrony.conf")
	writeText(t, conf, text)
	p := start(t, bin.Spec("-x", "-n", "-u", "root", "-f", conf))
	answersSoon(t, p, &control.Connection{Protocol: "ntp3", Port: port}, want)
	return port
}

// TestNTPAnswers judges answers that no healthy server gives.
func TestNTPAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"good":                 {func(b []byte) []byte { return b }, ""},
		"short":                {func(b []byte) []byte { return b[:47] }, "is not NTP"},
		"a client's mode":      {func(b []byte) []byte { b[0] = 0x1b; return b }, "is not NTP"},
		"a kiss":               {func(b []byte) []byte { b[1] = 0; copy(b[12:], "RATE"); return b }, `the kiss code "RATE"`},
		"never set":            {func(b []byte) []byte { b[0] |= 0xc0; return b }, "no synchronized clock (leap indicator 3, stratum 2)"},
		"stratum 16":           {func(b []byte) []byte { b[1] = 16; return b }, "no synchronized clock (leap indicator 0, stratum 16)"},
		"without a time":       {func(b []byte) []byte { clear(b[40:48]); return b }, "without a time"},
		"another's originator": {func(b []byte) []byte { b[24]++; return b }, "a request that was not made"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveUDP(t, func(request []byte) []byte {
				answer := make([]byte, 48)
				answer[0], answer[1] = 3<<3|4, 2
				copy(answer[24:], request[40:48])
				answer[40] = 0xee
				return test.change(answer)
			})
			wantSaid(t, try1(t, &control.Connection{Protocol: "ntp3", Port: port, Timeout: silentTimeout}), test.want)
		})
	}
}

func FuzzNTPAnswer(f *testing.F) {
	f.Add([]byte{0x1c, 2, 6, 0xe8, 47: 1})
	f.Fuzz(func(t *testing.T, answer []byte) {
		err := judgeNTP(answer, make([]byte, 8), fuzzTarget)
		if err == nil && (len(answer) < 48 || answer[0]&7 != 4) {
			t.Errorf("%x is taken for an answer", answer)
		}
	})
}
