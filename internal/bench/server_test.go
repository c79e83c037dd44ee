package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

const healsAnswer = `[
  {"at":"2026-11-21T03:00:09.5Z","service":"tone0","heal":{"started":"2026-11-21T03:00:09Z","took_ns":400000000,"outcome":"running"}},
  {"at":"2026-11-21T03:00:02.25Z","service":"tone0","heal":{"started":"2026-11-21T03:00:02Z","took_ns":200000000,"outcome":"healed"}},
  {"at":"2026-11-21T02:00:00.5Z","service":"tone1","heal":{"started":"2026-11-21T02:00:00Z","took_ns":400000000,"outcome":"healed"}}
]`

func TestVerifiedMomentIsThatOfTheRecord(t *testing.T) {
	var events []event
	if err := json.Unmarshal([]byte(healsAnswer), &events); err != nil {
		t.Fatal(err)
	}
	killed := time.Date(2026, 11, 21, 3, 0, 1, 0, time.UTC)
	if got, found := verifiedAfter(outage{service: "tone0", killed: killed}, events); !found || got != 1250*time.Millisecond {
		t.Errorf("got %v, %v", got, found)
	}
	if got, found := verifiedAfter(outage{service: "tone1", killed: killed}, events); found {
		t.Errorf("a heal from before the kill counts: %v", got)
	}
}

func TestServerReadsTheAPI(t *testing.T) {
	answers := map[string]string{
		"/api/dialtone/v1/nodes": `[{"name":"web1","connected":true,"services":[{"name":"a","state":"ok"},{"name":"b","state":"ok"}]}]`,
		"/api/v1/query":          `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"292"]}]}}`,
		"/hosts/web1":            `<path class="p-data" d="M0 0"/>`,
	}
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, answers[r.URL.Path]) }))
	t.Cleanup(fake.Close)
	s := &server{url: fake.URL}
	if err := s.untilWatched(t.Context(), 2); err != nil {
		t.Error(err)
	}
	if err := s.untilLive(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
	if got, err := s.count(t.Context(), `{job="node"}`); got != "292" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReceiverWaitsForTheServiceItIsAskedFor(t *testing.T) {
	r, err := startReceiver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	began := time.Now()
	for _, body := range []string{`{"kind":"resolved","incident":{"service":"tone1"}}`, `{"kind":"firing","incident":{"service":"tone0"}}`, `{"kind":"firing","incident":{"service":"tone1"}}`, `no JSON`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK == (body == "no JSON") {
			t.Errorf("%s: %s", body, resp.Status)
		}
		_ = resp.Body.Close()
	}
	at, err := r.next(t.Context(), "tone1")
	if err != nil || at.Before(began) {
		t.Errorf("got %v, %v", at, err)
	}
	if len(r.arrived) != 0 {
		t.Errorf("%d requests are left", len(r.arrived))
	}
}

func TestUntilSaysWhatItWaitedFor(t *testing.T) {
	why := errors.New("it is not there")
	if err := until(t.Context(), time.Microsecond, time.Millisecond, func() error { return why }); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}
