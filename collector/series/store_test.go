package series

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

func TestASecondOpenIsToldWhoHasTheFolder(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, nil)
	_, err := Open(first.cfg)
	if err == nil || !strings.Contains(err.Error(), "in use by process ") {
		t.Fatalf("second Open: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	open(t, dir, nil)
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: file, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "making the folder") {
		t.Errorf("a file as folder: %v", err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o500); err != nil { //nolint:gosec // a folder
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: closed, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "must belong to the user") {
		t.Errorf("a folder of somebody else: %v", err)
	}
}

// TestRestart goes through both ways in which an Open finds its samples: the snapshot of a Close, and the log alone.
func TestRestart(t *testing.T) {
	dir, at := t.TempDir(), now()
	s := open(t, dir, nil)
	mustAppend(t, s, "web1", batchOf(100, at, 1)...)
	mustAppend(t, s, "web1", batchOf(100, at.Add(-time.Hour), 1)...)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, nil)
		if got := kept(t, s, "node_test_total"); got != 200 {
			t.Errorf("%v samples are kept, want 200", got)
		}
	}
	mustAppend(t, s, "web1", batchOf(100, at.Add(time.Second), 1)...)
}

func TestRetentionIsSet(t *testing.T) {
	s := open(t, t.TempDir(), func(c *Config) { c.Retention, c.MaxBytes = 48*time.Hour, 1<<30 })
	if got, want := value(t, s, "prometheus_tsdb_retention_limit_seconds"), (48 * time.Hour).Seconds(); got != want {
		t.Errorf("retention is %v s, want %v", got, want)
	}
	if got := value(t, s, "prometheus_tsdb_retention_limit_bytes"); got != 1<<30 {
		t.Errorf("limit is %v bytes, want %v", got, 1<<30)
	}
	for retention, want := range map[time.Duration]time.Duration{
		time.Hour: 2 * time.Hour, 48 * time.Hour: 48 * time.Hour / 10, 10 * 365 * 24 * time.Hour: 31 * 24 * time.Hour,
	} {
		s.cfg.Retention = retention
		if got := s.options().MaxBlockDuration; got != want.Milliseconds() {
			t.Errorf("retention %v: blocks grow to %v ms, want %v", retention, got, want)
		}
	}
}

// TestADamagedLogIsCutAndToldOf flips bytes in the middle of the write-ahead log of a store that was killed.
func TestADamagedLogIsCutAndToldOf(t *testing.T) {
	dir, at := t.TempDir(), now()
	appendAndDie(t, dir, at)
	log := wlog.SegmentName(filepath.Join(dir, "wal"), 0)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(text) / 2; i < len(text)/2+16; i++ {
		text[i] ^= 0xff
	}
	if err := os.WriteFile(log, text, 0o600); err != nil {
		t.Fatal(err)
	}

	var told bytes.Buffer
	s := open(t, dir, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&told, nil)) })
	if !strings.Contains(told.String(), "write-ahead log was damaged") {
		t.Errorf("nobody is told; the log says:\n%s", told.String())
	}
	before := kept(t, s, "node_test_total")
	if before == 0 || before == 1000 {
		t.Errorf("%v of 1000 samples are left, want those before the damage", before)
	}
	for i := range 10 {
		if _, err := s.Append(t.Context(), "web1", batchOf(100, at.Add(time.Duration(i)*100*time.Millisecond), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept(t, s, "node_test_total"); got != 1000 {
		t.Errorf("%v samples after the agent sent again, want 1000", got)
	}
}

func TestASteadyStateLogsNothing(t *testing.T) {
	var told bytes.Buffer
	dir := t.TempDir()
	for range 2 {
		s := open(t, dir, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&told, nil)) })
		mustAppend(t, s, "web1", batchOf(10, time.Now(), 0)...)
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if told.Len() > 0 {
		t.Errorf("the log says:\n%s", told.String())
	}
}

func TestMetricsComeAndGoWithTheStore(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	dir := t.TempDir()
	for range 2 {
		s := open(t, dir, func(c *Config) { c.Registerer = registry })
		mustAppend(t, s, "web1", batchOf(3, time.Now(), 0)...)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if len(families) < 50 {
			t.Errorf("%d families of metrics, want those of store and engine", len(families))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if families, err = registry.Gather(); err != nil || len(families) > 0 {
			t.Errorf("after Close: %d families, %v", len(families), err)
		}
	}
}
