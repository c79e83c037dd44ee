package testkit

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// WebhookReceiver is a web server that keeps every request it gets, as the far end of a webhook.
type WebhookReceiver struct {
	URL string

	mu     sync.Mutex
	got    []Request
	status int
}

// Request is one request that arrived.
type Request struct {
	At     time.Time // when its body had been read
	Method string
	Path   string
	Header http.Header
	Body   []byte
}

// maxBody is more than any webhook of ours sends.
const maxBody = 16 << 20

// Receiver starts a receiver that answers 200 until the test ends.
func Receiver(t testing.TB) *WebhookReceiver {
	t.Helper()
	r := &WebhookReceiver{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(r.keep))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Answer sets the status of the answers from now on.
func (r *WebhookReceiver) Answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// Requests returns what has arrived so far, oldest first.
func (r *WebhookReceiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.got...)
}

// Wait returns the requests once there are n of them; the test fails when that takes longer than within.
func (r *WebhookReceiver) Wait(t testing.TB, n int, within time.Duration) []Request {
	t.Helper()
	Eventually(t, within, func() error {
		if got := len(r.Requests()); got < n {
			return fmt.Errorf("%d of %d requests arrived", got, n)
		}
		return nil
	})
	return r.Requests()
}

func (r *WebhookReceiver) keep(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "reading the body", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, Request{At: time.Now(), Method: req.Method, Path: req.URL.Path, Header: req.Header, Body: body})
	w.WriteHeader(r.status)
}
