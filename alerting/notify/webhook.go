package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/dialtone/dialtone"
)

// maxImage is the largest graph that is put into a message.
const maxImage = 2 << 20

// WebhookConfig is one receiver of the generic webhook. URL and Secret are needed.
type WebhookConfig struct {
	URL    string
	Secret Secret // key of the signature
	CAFile string // PEM of the authority that signs the receiver's certificate; empty: the system's
}

// Webhook posts JSON, signed and with an idempotency key: docs/notices.md has the format and how to verify it.
type Webhook struct {
	cfg    WebhookConfig
	client *http.Client
}

// Payload is the body of a webhook's request, version 1. Fields are only ever added.
type Payload struct {
	Version  int                 `json:"version"`
	ID       string              `json:"id"`
	Kind     dialtone.NoticeKind `json:"kind"`
	Reason   string              `json:"reason"`
	Combined bool                `json:"combined,omitempty"`
	At       time.Time           `json:"at"`
	Attempt  int                 `json:"attempt"`
	Title    string              `json:"title"`
	Text     []string            `json:"text"`
	Output   string              `json:"output,omitempty"`
	Link     string              `json:"link"`
	Incident *dialtone.Incident  `json:"incident,omitempty"`
	Digest   []Line              `json:"digest,omitempty"`
	Image    *Image              `json:"image,omitempty"`
}

// Image is a picture in JSON; Data is base64 there.
type Image struct {
	Type string `json:"type"`
	Data []byte `json:"data"`
}

// NewWebhook checks the configuration and reads the secret once, to know that it can.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if _, err := cfg.Secret.Read(); err != nil {
		return nil, err
	}
	authorities, err := trust(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	return &Webhook{cfg: cfg, client: &http.Client{
		Transport: transport,
		// A redirect would turn the POST into a GET, or carry the signature to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Send posts the message. Any 2xx answer means delivered.
func (w *Webhook) Send(ctx context.Context, m Message) (Receipt, error) {
	secret, err := w.cfg.Secret.Read()
	if err != nil {
		return Receipt{}, err
	}
	body, err := json.Marshal(payload(m))
	if err != nil {
		return Receipt{}, &RejectedError{Why: "encoding: " + err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return Receipt{}, fmt.Errorf("making request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "dialtone")
	req.Header.Set("Idempotency-Key", m.ID)
	req.Header.Set("Dialtone-Signature", Sign(secret, m.At, body))
	resp, err := w.client.Do(req)
	if err != nil {
		return Receipt{}, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 512))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	return Receipt{}, verdict(resp, answer, err)
}

// Sign returns the Dialtone-Signature of a body: "t=<unix seconds>,v1=<hex>", where v1 is HMAC-SHA256 of "<t>.<body>". The
// time is inside, so that a recorded request cannot be played again later.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func payload(m Message) Payload {
	l := Write(m)
	p := Payload{
		Version: 1, ID: m.ID, Kind: m.Kind, Reason: m.Reason, Combined: m.Combined, At: m.At.UTC(), Attempt: m.Attempt,
		Title: l.Title, Text: l.Lines, Output: l.Output, Link: l.Link, Digest: m.Digest,
	}
	if len(m.Digest) == 0 {
		p.Incident = &m.Incident
	}
	if len(m.Image) > 0 && len(m.Image) <= maxImage {
		p.Image = &Image{Type: "image/png", Data: m.Image}
	}
	return p
}

func verdict(resp *http.Response, answer []byte, readErr error) error {
	why := fmt.Sprintf("answered %s", resp.Status)
	if text := clean(string(answer), 200); text != "" {
		why += ": " + text
	}
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return nil // taken; that the answer's body broke off changes nothing
	case code/100 == 3:
		return fmt.Errorf("%s; redirects are not followed, put the new address into the settings", why)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		if wait := retryAfter(resp.Header.Get("Retry-After")); wait > 0 {
			return &BusyError{After: wait}
		}
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return &RejectedError{Why: why}
	}
	if readErr != nil {
		return fmt.Errorf("%s, and its body broke off: %w", why, readErr)
	}
	return fmt.Errorf("%s", why)
}

// retryAfter reads RFC 9110 section 10.2.3: seconds, or a date. 0: none.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// trust returns the authorities of a PEM file; nil, the system's, when file is empty.
func trust(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading ca_file: %s holds no certificate in PEM", file)
	}
	return pool, nil
}
