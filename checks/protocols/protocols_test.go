package protocols

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

func TestConnectionDefault(t *testing.T) {
	wantSaid(t, try1(t, &control.Connection{Port: serve(t, silence)}), "")
	refused := closedPort(t, "tcp")
	err := try1(t, &control.Connection{Port: refused})
	wantSaid(t, err, "connection to 127.0.0.1:")
	wantSaid(t, err, "refused")
	wantSaid(t, try1(t, &control.Connection{Host: "no-such-host.invalid", Port: 80, Timeout: 20 * time.Second}), "no-such-host.invalid does not resolve")

	socket := filepath.Join(t.TempDir(), "s")
	wantSaid(t, try1(t, &control.Connection{UnixSocket: socket}), "socket "+socket+" does not exist")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	wantSaid(t, try1(t, &control.Connection{UnixSocket: socket}), "")
	_ = l.Close()
}

func TestConnectionUDP(t *testing.T) {
	l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	wantSaid(t, try1(t, &control.Connection{Port: portOf(l.LocalAddr()), Network: "udp"}), "")
	wantSaid(t, try1(t, &control.Connection{Port: closedPort(t, "udp"), Network: "udp"}), "refused")
}

func TestSilentServer(t *testing.T) {
	port := serve(t, silence)
	for _, c := range []*control.Connection{
		{Port: port, Protocol: "http", Timeout: 50 * time.Millisecond},
		{Port: port, TLS: &control.TLS{On: true}, Timeout: 50 * time.Millisecond, Retry: 2},
	} {
		err := try1(t, c)
		wantSaid(t, err, "no answer from 127.0.0.1:")
		wantSaid(t, err, "within 50ms")
	}
}

func TestConnectionTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	c := &control.Connection{Port: portOf(server.Listener.Addr()), TLS: &control.TLS{On: true}, Timeout: 20 * time.Second}
	wantSaid(t, try1(t, c), "is not valid")
	plain := serve(t, func(conn net.Conn) { _, _ = conn.Write([]byte("220 mail.example ESMTP\r\n")); silence(conn) })
	wantSaid(t, try1(t, &control.Connection{Port: plain, TLS: &control.TLS{On: true}, Timeout: 20 * time.Second}), "does not speak TLS")
}

func TestCertificateFault(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 1, 2, 3, 4, 5, 0, time.UTC) }
	expired := x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: year(2020), NotAfter: year(2021)}}
	if got := certificateFault(expired); got != "it was valid from 2020-01-02 03:04:05 to 2021-01-02 03:04:05" {
		t.Error(got)
	}
	wrong := x509.HostnameError{Host: "a.example", Certificate: &x509.Certificate{DNSNames: []string{"b.example"}}}
	wantSaid(t, tell("%s", certificateFault(wrong)), "b.example, not a.example")
}

func TestRetry(t *testing.T) {
	tries := make(chan struct{}, 10)
	port := serve(t, func(conn net.Conn) {
		tries <- struct{}{}
		if len(tries) < 3 {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\n"))
		_, _ = conn.Read(make([]byte, 1024))
	})
	wantSaid(t, try1(t, &control.Connection{Port: port, Protocol: "http", Retry: 3, Timeout: 20 * time.Second}), "")
	if len(tries) != 3 {
		t.Errorf("%d tries", len(tries))
	}
}
