package notify

import (
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/testkit"
)

func mailer(t *testing.T, e *testkit.EximServer, change func(*EmailConfig)) *Email {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(e.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := EmailConfig{
		Server: e.Address, From: "dialtone <dialtone@example.com>", To: []string{"ada@example.com", "grace@example.com"},
		Username: e.User, Password: Secret{File: password}, TLS: TLSMandatory, CAFile: e.Certificate.CertFile,
	}
	if change != nil {
		change(&cfg)
	}
	n, err := NewEmail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMailThroughARealServer(t *testing.T) {
	e := testkit.Exim(t)
	m := messages()["firing_healed"]
	receipt, err := mailer(t, e, nil).Send(t.Context(), m)
	if err != nil || !strings.Contains(receipt.External, "OK") || receipt.Note != "" {
		t.Fatalf("%+v %v", receipt, err)
	}
	got := e.Wait(t, 2, 30*time.Second)[0]
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != "nginx on web1 is down" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if id, thread := got.Header.Get("Message-Id"), got.Header.Get("References"); id != "<"+m.ID+"@example.com>" || thread != "<incident-1kq3x9v2m@example.com>" {
		t.Errorf("Message-ID %s, References %s", id, thread)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil || !strings.Contains(string(body), "Content-Id: <graph>") || !strings.Contains(string(body), "text/html") {
		t.Errorf("the parts are not all there (%v):\n%s", err, body)
	}
}

func TestMailThatIsRefused(t *testing.T) {
	e := testkit.Exim(t)
	n := mailer(t, e, nil)
	e.Answer(t, 451)
	if _, err := n.Send(t.Context(), messages()["firing"]); err == nil || Rejected(err) {
		t.Errorf("451 is temporary: %v", err)
	}
	e.Answer(t, 550)
	if _, err := n.Send(t.Context(), messages()["firing"]); !Rejected(err) || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("550 is for good: %v", err)
	}
	if got := len(e.Messages(t)); got != 0 {
		t.Errorf("%d mails arrived", got)
	}
}

func TestMailTrustsNoStranger(t *testing.T) {
	e := testkit.Exim(t)
	stranger := mailer(t, e, func(c *EmailConfig) { c.CAFile = "" })
	if _, err := stranger.Send(t.Context(), messages()["firing"]); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of an unknown authority: %v", err)
	}
	wrong := mailer(t, e, func(c *EmailConfig) { c.Password = hookSecretFile(t) })
	_, err := wrong.Send(t.Context(), messages()["firing"])
	if err == nil || Rejected(err) || strings.Contains(err.Error(), hookSecret) {
		t.Errorf("a wrong password: %v", err)
	}
	if got := len(e.Messages(t)); got != 0 {
		t.Errorf("%d mails arrived", got)
	}
}

func TestMailSettingsThatCannotBe(t *testing.T) {
	good := EmailConfig{Server: "mail.example:587", From: "dialtone@example.com", To: []string{"ada@example.com"}}
	for name, change := range map[string]func(*EmailConfig){
		"server without port":  func(c *EmailConfig) { c.Server = "mail.example" },
		"port that is none":    func(c *EmailConfig) { c.Server = "mail.example:smtp" },
		"from that is none":    func(c *EmailConfig) { c.From = "dialtone" },
		"user without secret":  func(c *EmailConfig) { c.Username = "dialtone" },
		"password without TLS": func(c *EmailConfig) { c.Username, c.TLS = "dialtone", TLSNone },
		"authority not there":  func(c *EmailConfig) { c.CAFile = "/none" },
	} {
		cfg := good
		change(&cfg)
		if _, err := NewEmail(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
