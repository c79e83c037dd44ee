package series

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// TestManyCallersShareOneFlush: those who come while a flush runs are served by the next one, all together.
func TestManyCallersShareOneFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flushes := 0
		g := newGroupSync(50*time.Millisecond, func() error {
			flushes++
			<-time.After(10 * time.Millisecond)
			return nil
		})
		began := time.Now()
		if err := g.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 10*time.Millisecond {
			t.Errorf("a lone caller waited %v, want the disk's 10ms", took)
		}
		done := make(chan error)
		for range 100 {
			go func() { done <- g.wait(t.Context()) }()
		}
		for range 100 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); flushes != 2 || took != 60*time.Millisecond {
			t.Errorf("%d flushes until %v, want 2 until 60ms", flushes, took)
		}
		g.close()
		if err := g.wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

// TestNobodyIsServedByAFlushThatHadBegun is what makes an ack honest.
func TestNobodyIsServedByAFlushThatHadBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written, onDisk atomic.Int32
		g := newGroupSync(0, func() error {
			seen := written.Load()
			<-time.After(time.Second)
			onDisk.Store(seen)
			return nil
		})
		defer g.close()
		written.Store(1)
		go func() { _ = g.wait(t.Context()) }()
		<-time.After(500 * time.Millisecond)
		written.Store(2)
		if err := g.wait(t.Context()); err != nil || onDisk.Load() != 2 {
			t.Errorf("acked with %d of 2 on disk (%v)", onDisk.Load(), err)
		}
	})
}

func TestAFlushThatFailsIsToldToAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken disk")
		g := newGroupSync(0, func() error { return broken })
		defer g.close()
		if err := g.wait(t.Context()); !errors.Is(err, broken) {
			t.Errorf("wait = %v", err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroupSync(0, func() error { <-time.After(time.Minute); return nil })
		defer g.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait = %v", err)
		}
	})
}

func TestJournalSyncsEverySegmentOnce(t *testing.T) {
	dir := t.TempDir()
	write := func(segment int, text string) {
		t.Helper()
		f, err := os.OpenFile(wlog.SegmentName(dir, segment), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	type place struct {
		Segment int
		Size    int64
	}
	j := &journal{dir: dir, segment: -1}
	sync := func(want place) {
		t.Helper()
		if err := j.sync(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, place{j.segment, j.size}); diff != "" {
			t.Errorf("synced to (-want +got):\n%s", diff)
		}
	}
	sync(place{-1, 0})
	write(0, "abc")
	sync(place{0, 3})
	sync(place{0, 3})
	write(0, "d")
	write(1, "efg")
	write(2, "")
	sync(place{2, 0})
	write(2, "h")
	if err := os.Remove(wlog.SegmentName(dir, 0)); err != nil {
		t.Fatal(err)
	}
	sync(place{2, 1})
	if err := (&journal{dir: filepath.Join(dir, "absent"), segment: -1}).sync(); err != nil {
		t.Errorf("a log that is not there yet: %v", err)
	}
}
