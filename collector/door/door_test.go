package door

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, cfg Config) *Door {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- d.Serve(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside") }))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return d
}

func get(t *testing.T, client *http.Client, url, host, user, password string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestLoopbackNeedsNoPasswordButALoopbackHost(t *testing.T) {
	d := serve(t, Config{Address: "127.0.0.1:0", Dir: t.TempDir()})
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for host, want := range map[string]int{"": 200, "localhost:8420": 200, "[::1]:8420": 200, "evil.example": http.StatusMisdirectedRequest} {
		if got, body := get(t, client, d.URL(), host, "", ""); got != want {
			t.Errorf("Host %q: status %d (%s), want %d", host, got, body, want)
		}
	}
	if d.PasswordFile() != "" || d.TLS() {
		t.Errorf("a loopback door has a password file %q, TLS %v", d.PasswordFile(), d.TLS())
	}
}

func TestOtherAddressesNeedTLSAndThePassword(t *testing.T) {
	dir := t.TempDir()
	d := serve(t, Config{Address: "0.0.0.0:0", Dir: dir, Open: []string{"/agent/v1/stream"}})
	_, port, err := net.SplitHostPort(d.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	url := "https://127.0.0.1:" + port
	client := trusting(t, d.CAFile())
	password, err := os.ReadFile(d.PasswordFile())
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(password))
	for _, c := range []struct {
		name, path, user, password string
		want                       int
	}{
		{"no password", "/", "", "", http.StatusUnauthorized},
		{"wrong password", "/", User, secret + "x", http.StatusUnauthorized},
		{"wrong user", "/", "root", secret, http.StatusUnauthorized},
		{"right password", "/", User, secret, http.StatusOK},
		{"the stream checks for itself", "/agent/v1/stream", "", "", http.StatusOK},
	} {
		if got, _ := get(t, client, url+c.path, "", c.user, c.password); got != c.want {
			t.Errorf("%s: status %d, want %d", c.name, got, c.want)
		}
	}
	if info, err := os.Stat(d.PasswordFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: mode %v, %v; want 0600", info.Mode(), err)
	}
}

func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", caFile)
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
}

func TestCertificateIsKeptAndRenewedUnderTheSameAuthority(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first, err := ownCertificate(dir, "collector.example", now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ownCertificate(dir, "collector.example", now)
	if err != nil || again.Leaf.SerialNumber.Cmp(first.Leaf.SerialNumber) != 0 {
		t.Errorf("a second start made another certificate (%v)", err)
	}
	other, err := ownCertificate(dir, "other.example", now)
	if err != nil || other.Leaf.VerifyHostname("other.example") != nil {
		t.Errorf("a new host name is not in the certificate (%v)", err)
	}
	late, err := ownCertificate(dir, "other.example", now.Add(leafLife-renewLeft/2))
	if err != nil || late.Leaf.SerialNumber.Cmp(other.Leaf.SerialNumber) == 0 {
		t.Errorf("a certificate about to end was kept (%v)", err)
	}
	if string(late.Leaf.RawIssuer) != string(first.Leaf.RawIssuer) {
		t.Error("renewal changed the authority that agents pin")
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	d := serve(t, Config{Address: "127.0.0.1:0", Dir: t.TempDir()})
	for site, want := range map[string]int{"same-origin": http.StatusOK, "cross-site": http.StatusForbidden} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+"/i/1/ack", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != want {
			t.Errorf("a form of a %s page: status %d, want %d", site, resp.StatusCode, want)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	open := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(open, []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Address: "8420"}, "the address must be HOST:PORT"},
		{Config{Address: taken.Addr().String()}, "another program has this port"},
		{Config{Address: "0.0.0.0:0", Dir: filepath.Dir(open)}, "chmod 600"},
		{Config{Address: "127.0.0.1:0", CertFile: "/nowhere.pem", KeyFile: "/nowhere.key"}, "reading the certificate"},
	} {
		d, err := Open(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open(%+v) = %v, want an error with %q", c.cfg, err, c.want)
		}
		if d != nil {
			t.Errorf("Open(%+v) returned a door and an error", c.cfg)
		}
	}
}
