package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const hookSecret = "a secret of the hook"

// verify is a receiver's side of the signature, written from docs/notices.md and not from the code.
func verify(r *http.Request, body []byte, now time.Time) error {
	var sent int64
	var signature string
	if _, err := fmt.Sscanf(strings.ReplaceAll(r.Header.Get("Dialtone-Signature"), ",", " "), "t=%d v1=%s", &sent, &signature); err != nil {
		return fmt.Errorf("reading the signature: %w", err)
	}
	if age := now.Sub(time.Unix(sent, 0)); age < -5*time.Minute || age > 5*time.Minute {
		return fmt.Errorf("signed %s ago", age)
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%d.%s", sent, body)
	if !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature)) {
		return fmt.Errorf("the signature is another one")
	}
	return nil
}

func hookSecretFile(t *testing.T) Secret {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(hookSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	return Secret{File: file}
}

func newHook(t *testing.T, url, ca string) *Webhook {
	t.Helper()
	w, err := NewWebhook(WebhookConfig{URL: url, Secret: hookSecretFile(t), CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhookIsSignedAndNamed(t *testing.T) {
	m := messages()["firing_healed"]
	got := make(chan Payload, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := verify(r, body, m.At); err != nil {
			t.Errorf("verifying: %v", err)
		}
		if err := verify(r, append(body, ' '), m.At); err == nil {
			t.Error("a changed body still verifies")
		}
		if r.Header.Get("Idempotency-Key") != m.ID || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
			t.Errorf("headers: %v", r.Header)
		}
		var p Payload
		if err := json.Unmarshal(body, &p); err != nil {
			t.Error(err)
		}
		got <- p
		w.WriteHeader(http.StatusNoContent)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // a handshake is meant to fail
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newHook(t, server.URL, ca).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(payload(m), <-got); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	if _, err := newHook(t, server.URL, "").Send(t.Context(), m); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority was trusted: %v", err)
	}
}

func TestWebhookAnswers(t *testing.T) {
	for _, c := range []struct {
		status     int
		header     string
		ok, refuse bool
		pause      time.Duration
		says       string
	}{
		{status: 200, ok: true},
		{status: 202, ok: true},
		{status: 301, says: "redirects are not followed"},
		{status: 400, refuse: true, says: "400 Bad Request: no thanks"},
		{status: 413, refuse: true},
		{status: 401, says: "401 Unauthorized"},
		{status: 404, says: "404"},
		{status: 429, header: "30", pause: 30 * time.Second},
		{status: 429, says: "429"},
		{status: 503, header: "99999", pause: time.Hour},
		{status: 500, says: "500"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			if c.status == http.StatusMovedPermanently {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, "no\nthanks")
		}))
		_, err := newHook(t, server.URL, "").Send(t.Context(), messages()["firing"])
		server.Close()
		if (err == nil) != c.ok || Rejected(err) != c.refuse || Pause(err) != c.pause {
			t.Errorf("%d: %v (rejected %t, pause %s)", c.status, err, Rejected(err), Pause(err))
		}
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d: %q does not say %q", c.status, err, c.says)
		}
	}
}

func TestWebhookThatIsAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if _, err := newHook(t, server.URL, "").Send(t.Context(), messages()["firing"]); err == nil || Rejected(err) {
		t.Errorf("got %v", err)
	}
}

func TestWebhookWantsItsFiles(t *testing.T) {
	notPEM := hookSecretFile(t).File
	for name, cfg := range map[string]WebhookConfig{
		"no secret": {URL: "http://x.example"},
		"no ca":     {URL: "http://x.example", Secret: hookSecretFile(t), CAFile: "/none"},
		"not a ca":  {URL: "http://x.example", Secret: hookSecretFile(t), CAFile: notPEM},
	} {
		if _, err := NewWebhook(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
