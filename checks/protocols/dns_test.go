package protocols

import (
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
	"golang.org/x/net/dns/dnsmessage"
)

// TestDNS asks a real unbound over UDP and TCP, and a real nsd, which is no resolver and refuses.
func TestDNS(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			fourCases(t, control.Connection{Protocol: "dns", Network: network}, func(t *testing.T, c *control.Connection) {
				c.Port = unbound(t, "local-zone: \".\" static\n local-data: \". 60 IN NS ns.example.\"\n")
			})
			t.Run("an authoritative server refuses", func(t *testing.T) {
				wantSaid(t, try1(t, &control.Connection{Protocol: "dns", Network: network, Port: nsd(t), Timeout: 20 * time.Second}), "")
			})
			t.Run("a resolver without a way out", func(t *testing.T) {
				port := unbound(t, "do-not-query-address: 0.0.0.0/0\n do-not-query-address: ::/0\n")
				wantSaid(t, try1(t, &control.Connection{Protocol: "dns", Network: network, Port: port, Timeout: 20 * time.Second}),
					"answered SERVFAIL to a query")
			})
		})
	}
}

// unbound starts a resolver with these options of its server clause, and what may follow it.
func unbound(t *testing.T, options string) int {
	t.Helper()
	bin, dir, port := testkit.Program(t, "unbound", "unbound"), t.TempDir(), freeUDPPort(t)
	conf := filepath.Join(dir, "unbound.conf")
	writeText(t, conf, fmt.Sprintf("server:\n interface: 127.0.0.1\n port: %d\n chroot: \"\"\n username: \"\"\n directory: %q\n pidfile: \"\"\n use-syslog: no\n"+
		" do-daemonize: no\n num-threads: 1\n msg-cache-size: 1m\n rrset-cache-size: 1m\n %s", port, dir, options))
	testkit.Serve(t, loopback(port), bin, "-d", "-c", conf)
	return port
}

// nsd starts an authoritative server without a zone.
func nsd(t *testing.T) int {
	t.Helper()
	bin, dir, port := testkit.Program(t, "nsd", "nsd"), t.TempDir(), freeUDPPort(t)
	conf := filepath.Join(dir, "nsd.conf")
	writeText(t, conf, fmt.Sprintf("server:\n ip-address: 127.0.0.1\n port: %d\n username: \"\"\n chroot: \"\"\n zonesdir: %[2]q\n database: \"\"\n pidfile: \"%[2]s/pid\"\n"+
		" xfrdfile: \"%[2]s/xfrd\"\n zonelistfile: \"%[2]s/zones\"\n xfrdir: %[2]q\n server-count: 1\nremote-control:\n control-enable: no\n", port, dir))
	testkit.Serve(t, loopback(port), bin, "-d", "-c", conf)
	return port
}

// TestDNSAnswers judges answers that no healthy server gives.
func TestDNSAnswers(t *testing.T) {
	t.Parallel()
	other := rootServers
	other.Type = dnsmessage.TypeA
	for name, test := range map[string]struct {
		change func(*dnsmessage.Message)
		want   string
	}{
		"refused":             {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeRefused }, ""},
		"refused, bare":       {func(m *dnsmessage.Message) { m.RCode, m.Questions = dnsmessage.RCodeRefused, nil }, ""},
		"no such name":        {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }, ""},
		"server failure":      {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure }, "answered SERVFAIL"},
		"not implemented":     {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNotImplemented }, "answered NOTIMP"},
		"format error":        {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeFormatError }, "answered FORMERR"},
		"good, bare":          {func(m *dnsmessage.Message) { m.Questions = nil }, "another question"},
		"another question":    {func(m *dnsmessage.Message) { m.Questions = []dnsmessage.Question{other} }, "another question"},
		"another id":          {func(m *dnsmessage.Message) { m.ID++ }, "a query that was not made"},
		"the query once more": {func(m *dnsmessage.Message) { m.Response = false }, "is not DNS"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveUDP(t, func(query []byte) []byte { return answerDNS(query, test.change) })
			wantSaid(t, try1(t, &control.Connection{Protocol: "dns", Network: "udp", Port: port, Timeout: silentTimeout}), test.want)
		})
	}
}

func answerDNS(query []byte, change func(*dnsmessage.Message)) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return nil
	}
	m.Response = true
	change(&m)
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// TestDNSCutAnswer: what is cut over UDP is asked again over TCP, on the same port.
func TestDNSCutAnswer(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{}, 1)
	port := serve(t, func(conn net.Conn) {
		query := make([]byte, 512)
		n, err := conn.Read(query)
		if err != nil || n < 2 {
			return
		}
		answer := answerDNS(query[2:n], func(*dnsmessage.Message) {})
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		answered <- struct{}{}
	})
	l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Skipf("the UDP port beside a TCP port is taken: %v", err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		query := make([]byte, 512)
		n, from, err := l.ReadFrom(query)
		if err == nil {
			_, _ = l.WriteTo(answerDNS(query[:n], func(m *dnsmessage.Message) { m.Truncated = true }), from)
		}
	}()
	wantSaid(t, try1(t, &control.Connection{Protocol: "dns", Network: "udp", Port: port, Timeout: 20 * time.Second}), "")
	select {
	case <-answered:
	default:
		t.Error("nobody asked over TCP")
	}
}

func FuzzDNSAnswer(f *testing.F) {
	f.Add(answerDNS([]byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"), func(*dnsmessage.Message) {}))
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, err := judgeDNS(answer, 7, fuzzTarget)
		if err == nil && (len(answer) < 12 || answer[1] != 7 || answer[2]&0x80 == 0) {
			t.Errorf("%x is taken for an answer", answer)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "192.0.2.1:1 ") {
			t.Errorf("%x: said %v", answer, err)
		}
	})
}
