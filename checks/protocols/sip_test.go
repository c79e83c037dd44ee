package protocols

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// kamailio is a real SIP proxy on UDP, TCP and TLS. It answers OPTIONS by the user of the target: 200 without one, else 404, 401, 503
// or, to silent, 100 alone.
type kamailio struct {
	port, tls int
	ca        string
}

func startKamailio(t *testing.T) kamailio {
	t.Helper()
	bin := testkit.Program(t, "kamailio", "kamailio")
	pair, dir := testkit.Certificate(t), t.TempDir()
	k := kamailio{port: testkit.FreePort(t), tls: testkit.FreePort(t), ca: pair.CertFile}
	modules, err := filepath.Glob(filepath.Join(bin.Root, "usr/lib/*/kamailio/modules"))
	if err != nil || len(modules) != 1 {
		t.Fatalf("kamailio's modules: %v %v", modules, err)
	}
	config := filepath.Join(dir, "kamailio.cfg")
	text := fmt.Sprintf(`#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
listen=udp:127.0.0.1:%[1]d
listen=tcp:127.0.0.1:%[1]d
listen=udp:[::1]:%[1]d
listen=tls:127.0.0.1:%[2]d
mpath="%[3]s"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "auth.so"
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "%[4]s")
modparam("tls", "private_key", "%[5]s")
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (!is_method("OPTIONS")) { sl_send_reply("405", "Method Not Allowed"); exit; }
    switch ($rU) {
    case "missing": sl_send_reply("404", "Not Found"); break;
    case "secret":  www_challenge("example.org", "0"); break;
    case "busy":    sl_send_reply("503", "Service Unavailable"); break;
    case "silent":  sl_send_reply("100", "Trying"); break;
    default:        sl_send_reply("200", "OK");
    }
    exit;
}
`, k.port, k.tls, modules[0], pair.CertFile, pair.KeyFile)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Serve(t, fmt.Sprintf("127.0.0.1:%d", k.port), bin, "-f", config, "-DD", "-E", "-Y", dir, "-P", filepath.Join(dir, "pid"), "-m", "16", "-M", "4")
	return k
}

func TestSIP(t *testing.T) {
	k := startKamailio(t)
	good := func(port int) func(*testing.T, *control.Connection) {
		return func(_ *testing.T, c *control.Connection) { c.Port = port }
	}
	t.Run("udp", func(t *testing.T) { fourCases(t, control.Connection{Protocol: "sip", Network: "udp"}, good(k.port)) })
	t.Run("tcp", func(t *testing.T) { fourCases(t, control.Connection{Protocol: "sip"}, good(k.port)) })
	trusted := &control.TLS{On: true, CAFile: k.ca}
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"tls":                       {control.Connection{Port: k.tls, TLS: trusted, Target: "sips:127.0.0.1"}, ""},
		"IPv6":                      {control.Connection{Port: k.port, Network: "udp", Host: "::1"}, ""},
		"not found is alive":        {control.Connection{Port: k.port, Network: "udp", Target: "missing@127.0.0.1"}, ""},
		"unauthorized is alive":     {control.Connection{Port: k.port, Target: "sip:secret@127.0.0.1"}, ""},
		"unavailable is alive":      {control.Connection{Port: k.port, Target: "sip:busy@127.0.0.1"}, ""},
		"too many hops is alive":    {control.Connection{Port: k.port, MaxForward: 1}, ""},
		"200 wanted":                {control.Connection{Port: k.port, HTTP: control.HTTPTest{StatusOp: control.Equal, Status: 200}}, ""},
		"200 wanted, 404 there":     {control.Connection{Port: k.port, Target: "missing@127.0.0.1", HTTP: control.HTTPTest{StatusOp: control.Equal, Status: 200}}, `answered SIP status "404 Not Found", wanted status = 200`},
		"trying is not alive":       {control.Connection{Port: k.port, Network: "udp", Target: "silent@127.0.0.1", Timeout: silentTimeout}, `sent no final answer within 200ms; it said "100 Trying"`},
		"trying is not alive (tcp)": {control.Connection{Port: k.port, Target: "silent@127.0.0.1", Timeout: silentTimeout}, `sent no final answer within 200ms; it said "100 Trying"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.c
			c.Protocol = "sip"
			if c.Timeout == 0 {
				c.Timeout = 20 * time.Second
			}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}

// TestSIPMatches: an answer to another request, or by way of others, is none; the right one behind it counts.
func TestSIPMatches(t *testing.T) {
	for name, test := range map[string]struct {
		change func(string) string
		want   string
	}{
		"the same":         {func(a string) string { return a }, ""},
		"another branch":   {func(a string) string { return strings.Replace(a, "branch=z9hG4bK", "branch=z9hG4bKx", 1) }, "it answered another request"},
		"another call":     {func(a string) string { return strings.Replace(a, "Call-ID: ", "Call-ID: x", 1) }, "it answered another request"},
		"another sequence": {func(a string) string { return strings.Replace(a, "CSeq: 1 ", "CSeq: 2 ", 1) }, "it answered another request"},
		"another method":   {func(a string) string { return strings.Replace(a, " OPTIONS", " INVITE", 1) }, "it answered another request"},
		"two ways": {func(a string) string {
			return strings.Replace(a, "Via:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKy\r\nVia:", 1)
		}, "it answered another request"},
		"a request instead": {func(string) string { return "OPTIONS sip:us@x SIP/2.0\r\nContent-Length: 0\r\n\r\n" }, "it sent a request instead"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveUDP(t, func(request []byte) []byte { return []byte(test.change(sipOK(string(request)))) })
			wantSaid(t, try1(t, &control.Connection{Port: port, Network: "udp", Protocol: "sip", Timeout: silentTimeout}), test.want)
			tcp := serve(t, func(conn net.Conn) {
				buf := make([]byte, 4096)
				n, _ := conn.Read(buf)
				_, _ = conn.Write([]byte(test.change(sipOK(string(buf[:n])))))
				silence(conn)
			})
			wantSaid(t, try1(t, &control.Connection{Port: tcp, Protocol: "sip", Timeout: silentTimeout}), test.want)
		})
	}
}

// sipOK is the answer that a request deserves.
func sipOK(request string) string {
	answer := []string{"SIP/2.0 200 OK"}
	for line := range strings.SplitSeq(request, "\r\n") {
		for _, kept := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
			if strings.HasPrefix(line, kept) {
				answer = append(answer, line)
			}
		}
	}
	return strings.Join(append(answer, "Content-Length: 0", "", ""), "\r\n")
}

// TestSIPSendsAgain: what is lost on the way is sent again, unchanged, after half a second and then a second.
func TestSIPSendsAgain(t *testing.T) {
	type arrival struct {
		request string
		at      time.Time
	}
	arrivals := make(chan arrival, 10)
	port := serveUDP(t, func(request []byte) []byte {
		arrivals <- arrival{string(request), time.Now()}
		if len(arrivals) < 3 {
			return nil
		}
		return []byte(sipOK(string(request)))
	})
	wantSaid(t, try1(t, &control.Connection{Port: port, Network: "udp", Protocol: "sip", Timeout: 10 * time.Second}), "")
	last := <-arrivals
	for _, least := range []time.Duration{sipT1, 2 * sipT1} {
		next := <-arrivals
		if wait := next.at.Sub(last.at); wait < least*9/10 || wait > least+lateness || next.request != last.request {
			t.Errorf("%v after %q came %q; wanted the same after %v", wait, last.request, next.request, least)
		}
		last = next
	}
}

func TestSIPRequest(t *testing.T) {
	for _, test := range []struct{ target, host, want string }{
		{"", "192.0.2.1", "sip:192.0.2.1:5060"},
		{"", "2001:db8::1", "sip:[2001:db8::1]:5060"},
		{"", "fe80::1%eth0", "sip:[fe80::1]:5060"},
		{"desk@pbx.example", "192.0.2.1", "sip:desk@pbx.example"},
		{"sips:pbx.example;transport=tcp", "192.0.2.1", "sips:pbx.example;transport=tcp"},
		{"sip:[2001:db8::1]:5061", "192.0.2.1", "sip:[2001:db8::1]:5061"},
	} {
		c := &control.Connection{Port: 5060, Target: test.target}
		request, err := options(&net.UDPAddr{IP: net.ParseIP("2001:db8::2"), Port: 40000, Zone: "eth0"}, Target{Connection: c, host: test.host, network: "udp"})
		if err != nil {
			t.Fatal(err)
		}
		text := request.String()
		for _, line := range []string{
			"OPTIONS " + test.want + " SIP/2.0\r\n", "Via: SIP/2.0/UDP [2001:db8::2]:40000;branch=z9hG4bK", ";rport\r\n", "Max-Forwards: 70\r\n",
			"From: <sip:dialtone@[2001:db8::2]:40000>;tag=", "To: <" + test.want + ">\r\n", "CSeq: 1 OPTIONS\r\n", "Content-Length: 0\r\n\r\n",
		} {
			if !strings.Contains(text, line) {
				t.Errorf("no %q in\n%s", line, text)
			}
		}
	}
	if err := Validate(&control.Connection{Port: 5060, Protocol: "sip", Target: "sip:a b@c\r\nVia: x"}); err == nil {
		t.Error("a target with line ends is accepted")
	}
}

func FuzzSIP(f *testing.F) {
	fuzzSpeak(f, control.Connection{Protocol: "sip"},
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1:40000;branch=z9hG4bKx;rport=40000\r\nFrom: <sip:a@b>;tag=x\r\nTo: <sip:b>;tag=y\r\nCall-ID: x@y\r\nCSeq: 1 OPTIONS\r\nServer: kamailio (5.6.3 (x86_64/linux))\r\nContent-Length: 0\r\n\r\n",
		"SIP/2.0 100 trying\r\nContent-Length: 3\r\n\r\nabc", "\r\n\r\nOPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n")
}
