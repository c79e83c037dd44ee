package alerting

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
)

// benchDesk is a desk that sends to hook without ever making digests.
func benchDesk(b *testing.B, hook string) *Desk {
	b.Helper()
	dir := b.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		b.Fatal(err)
	}
	var ways []Way
	if hook != "" {
		way, err := notify.NewWebhook(notify.WebhookConfig{URL: hook, Secret: notify.Secret{File: secret}})
		if err != nil {
			b.Fatal(err)
		}
		ways = append(ways, Way{Name: "hook", Notifier: way})
	}
	desk, err := Open(Config{Path: filepath.Join(dir, "desk.db"), Ways: ways})
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range desk.senders {
		s.storm.most = 1 << 30
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, desk.Close()); err != nil {
			b.Error(err)
		}
	})
	return desk
}

// BenchmarkEventToWebhook measures from the call of Accept to the arrival of the request, three durable writes on the way.
func BenchmarkEventToWebhook(b *testing.B) {
	arrived := make(chan time.Time, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- time.Now()
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(hook.Close)
	desk := benchDesk(b, hook.URL)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		e := down(fmt.Sprintf("service%d", i))
		e.ID, e.At = fmt.Sprintf("web1/boot/%d", i), time.Now()
		start := time.Now()
		if err := desk.Accept(b.Context(), []dialtone.Event{e}); err != nil {
			b.Fatal(err)
		}
		took = append(took, (<-arrived).Sub(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkAccept measures durable events a second with 64 agents at once: their fsyncs are shared.
func BenchmarkAccept(b *testing.B) {
	desk := benchDesk(b, "")
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			e := dialtone.Event{
				ID: fmt.Sprintf("web1/boot/%d", i), At: time.Now(), Kind: dialtone.EventState, Node: fmt.Sprintf("node%d", i%64),
				Service: "nginx", To: dialtone.OK, Why: "nginx is running",
			}
			if err := desk.Accept(context.Background(), []dialtone.Event{e}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
