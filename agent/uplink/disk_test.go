package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
)

// fullDiskProcess is an agent whose database file may not grow, as on a full disk, for its first thousand events.
func fullDiskProcess() {
	path := filepath.Join(os.Getenv(envDir), "state.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: patience})
	exitOn(err)
	info, err := os.Stat(path)
	exitOn(err)
	signal.Ignore(syscall.SIGXFSZ)
	limitFiles(uint64(info.Size()))
	u, err := newUplink(Config{
		URL: os.Getenv(envURL), Token: goodToken, Node: dialtone.Node{Name: "web1"}, AgentID: "agent-1", DB: db,
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil)),
	}, brisk)
	exitOn(err)
	go func() { exitOn(u.Run(context.Background())) }()
	for n, tick := 0, time.NewTicker(time.Millisecond); ; n++ {
		<-tick.C
		if n == 1000 {
			limitFiles(^uint64(0))
		}
		ev := event(strings.Repeat("long ", 2000))
		ev.ID = fmt.Sprint("event ", n)
		u.Events(ev)
		_, _ = fmt.Println("made", n)
	}
}

// limitFiles lets no file grow beyond size bytes; the largest number is no limit.
func limitFiles(size uint64) {
	var was syscall.Rlimit
	exitOn(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	exitOn(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: min(size, was.Max), Max: was.Max}))
}

// TestAFullDisk counts what a process whose disk is full, and then is not, brings to the collector.
func TestAFullDisk(t *testing.T) {
	h := newHouse(t, (*httptest.Server).Start)
	p := newProxy(t, addrOf(h.server))
	p.set(linkCut)
	log, full, mended := new(lines), make(chan struct{}), make(chan struct{})
	c := spawn(t, "full-disk", t.TempDir(), p.url(), func(line string) {
		_, _ = fmt.Fprintln(log, line)
		switch {
		case strings.Contains(line, "spool cannot be written"):
			close(full)
		case strings.Contains(line, "can be written again"):
			close(mended)
		}
	})
	defer c.kill()
	for _, happened := range []chan struct{}{full, mended} {
		select {
		case <-happened:
		case <-time.After(patience):
			t.Fatal("the process says neither that its disk is full nor that it no longer is")
		}
	}
	p.set(linkUp)
	h.wait(t, "every event up to and beyond the full disk", func() bool {
		for n := range 1100 {
			if h.events[fmt.Sprint("event ", n)] == 0 {
				return false
			}
		}
		return strings.Contains(strings.Join(h.order, "\n"), "kept in memory only")
	})
	if keys := h.twice(); len(keys) > 0 {
		t.Errorf("handed over twice: %v", keys)
	}
	if n := log.count("spool cannot be written"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
