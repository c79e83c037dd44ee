package uplink

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/wire"
)

func TestAddressesThatAreRefused(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ url, ca, want string }{
		{"", "", "not of the form"},
		{"collector:8420", "", "not of the form"},
		{"ftp://collector", "", "begins neither"},
		{"http://collector.example:8420", "", "use https"},
		{"http://192.0.2.1", "", "use https"},
		{"https://collector.example", "/does/not/exist", "certificate authority"},
		{"https://collector.example", notPEM, "holds no PEM"},
	}
	for _, tt := range tests {
		if _, err := parseTarget(tt.url, tt.ca); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want one that says %q", tt.url, err, tt.want)
		}
	}
}

func TestAddressesThatAreTaken(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1:8420": "127.0.0.1:8420", "http://localhost": "localhost:80", "http://[::1]:1": "[::1]:1",
		"https://collector.example": "collector.example:443", "https://192.0.2.1:8420/monitoring": "192.0.2.1:8420",
	} {
		got, err := parseTarget(url, "")
		if err != nil || got.addr != want {
			t.Errorf("%s: %s, %v; want %s", url, got.addr, err, want)
		}
	}
}

// certified writes the certificate authority of a TLS test server to a file.
func certified(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStreamOverTLS(t *testing.T) {
	h := newHouse(t, func(s *httptest.Server) {
		s.EnableHTTP2 = true // the agent must not fall for it
		s.StartTLS()
	})
	cfg := configOf(t, h.server.URL)
	cfg.CAFile = certified(t, h.server)
	u, _ := started(t, cfg, brisk)
	u.Samples(numbered("a", 0, 10))
	h.wait(t, "samples over TLS", func() bool { return len(h.samples) == 10 })
}

func TestAnUnknownAuthorityIsNotTrusted(t *testing.T) {
	h := newHouse(t, (*httptest.Server).StartTLS)
	u, _ := started(t, configOf(t, h.server.URL), brisk)
	u.Events(event("for the collector's eyes"))
	eventually(t, "the refusal", func() bool { return strings.Contains(u.Stats().LastError, "certificate") })
	if st := u.Stats(); st.Connects > 0 || st.SentBytes > 0 {
		t.Errorf("%d connections, %d bytes to somebody unknown", st.Connects, st.SentBytes)
	}
}

func TestAnUnknownAuthorityIsNamedInTheControlFile(t *testing.T) {
	h := newHouse(t, (*httptest.Server).StartTLS)
	stranger := filepath.Join(t.TempDir(), "ca.pem")
	put(t, stranger, strangersCA(t), 0o600)
	for ca, want := range map[string]string{
		"":       "set collector " + h.server.URL + " with token file … ca file PATH",
		stranger: "the authority in " + stranger + " did not sign it",
	} {
		cfg := configOf(t, h.server.URL)
		cfg.CAFile = ca
		u, err := newUplink(cfg, brisk)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.session(t.Context(), new(outage)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// strangersCA makes an authority that has signed nothing.
func strangersCA(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stranger"}, IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestWhatAPersonMustMend is one line in the log, the reason in the status, and a connection as soon as it is mended.
func TestWhatAPersonMustMend(t *testing.T) {
	tests := []struct {
		name, token string
		mode        os.FileMode
		want        string
	}{
		{"wrong token", "wrong-horse", 0o600, "refused the token"},
		{"empty token", " \n", 0o600, "holds no token"},
		{"token with a line break", "correct\r\nX: horse", 0o600, "holds no token"},
		{"token for everybody", goodToken, 0o644, "run chmod 0600"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, (*httptest.Server).Start)
			log, cfg := new(lines), configOf(t, h.server.URL)
			cfg.Log = slog.New(slog.NewTextHandler(log, nil))
			cfg.TokenFile = filepath.Join(t.TempDir(), "token")
			put(t, cfg.TokenFile, tt.token, tt.mode)
			waits := brisk
			waits.slow = 1 // several tries
			u, _ := started(t, cfg, waits)
			u.Events(event("waiting"))
			eventually(t, "the reason", func() bool { return strings.Contains(u.Stats().LastError, tt.want) })
			put(t, cfg.TokenFile, goodToken+"\n", 0o640)
			h.wait(t, "the event", func() bool { return len(h.events) == 1 })
			if n := log.count("level=ERROR"); n != 1 {
				t.Errorf("said %d times", n)
			}
			if log.count("horse") > 0 {
				t.Error("the token is in the log")
			}
		})
	}
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path+".new", mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestAnswersOfOthers(t *testing.T) {
	tests := []struct {
		name string
		code int
		want string
		slow bool
	}{
		{"some web server", http.StatusNotFound, "no collector", true},
		{"a proxy without backend", http.StatusBadGateway, "takes nobody at present", false},
		{"a newer collector", http.StatusUpgradeRequired, "another version", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := answering(t, tt.code, "update the agent")
			u, err := newUplink(configOf(t, s.URL), brisk)
			if err != nil {
				t.Fatal(err)
			}
			_, err = u.session(t.Context(), new(outage))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "update the agent") {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			if personNeeded(err) != tt.slow {
				t.Errorf("retried slowly: %t", !tt.slow)
			}
		})
	}
}

// TestACollectorOfAnotherVersion answers the hello with the error of a collector that has been updated first.
func TestACollectorOfAnotherVersion(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: dialtone/1\r\nConnection: Upgrade\r\n\r\n"))
		frame, _ := wire.EncodeJSON(nil, wire.TypeError, &wire.Error{Code: wire.CodeVersion, Message: "update the agent to 2.0"})
		_, _ = conn.Write(frame)
		_, _, _ = wire.NewReader(conn).Next() // the hello, so that closing does not reset the connection
	}))
	t.Cleanup(s.Close)
	u, err := newUplink(configOf(t, s.URL), brisk)
	if err != nil {
		t.Fatal(err)
	}
	welcomed, err := u.session(t.Context(), new(outage))
	if welcomed || err == nil || err.Error() != "update the agent to 2.0" || !personNeeded(err) {
		t.Errorf("welcomed %t, error %v", welcomed, err)
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	u := &Uplink{timing: usual}
	for tries := range 100 {
		got, most := u.pause(tries, net.ErrClosed), min(usual.retryMax, usual.retryMin<<min(tries, 16))
		if got < most/2 || got > most {
			t.Errorf("pause %d is %s, want %s to %s", tries, got, most/2, most)
		}
	}
	if got := u.pause(0, &deniedError{"no"}); got < usual.slow/2 {
		t.Errorf("pause where a person must act is %s", got)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	good := configOf(t, "http://127.0.0.1:1")
	for name, spoil := range map[string]func(*Config){
		"no agent id": func(c *Config) { c.AgentID = "" }, "no node": func(c *Config) { c.Node.Name = "" },
		"no database": func(c *Config) { c.DB = nil }, "no log": func(c *Config) { c.Log = nil }, "no address": func(c *Config) { c.URL = "" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
