package series

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// syncGap is how far apart two fsyncs begin at least: at 20 a second even a hard disk has time for other things. Longer gaps are for
// callers to choose; a remote writer waits for each request before it sends the next.
const syncGap = 50 * time.Millisecond

// groupSync lets many callers share one flush. Nobody who asks once a flush has begun is served by it.
type groupSync struct {
	gap   time.Duration
	flush func() error
	ended sync.WaitGroup

	mu      sync.Mutex
	waiting *round // asked for, not begun; nil when nobody waits
	running bool
	last    time.Time // when the newest flush began
	closed  bool
}

type round struct {
	done chan struct{}
	err  error // set before done is closed
}

func newGroupSync(gap time.Duration, flush func() error) *groupSync {
	return &groupSync{gap: gap, flush: flush}
}

// wait returns the result of a flush that begins after it was called.
func (g *groupSync) wait(ctx context.Context) error {
	r, err := g.join()
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the disk: %w", ctx.Err())
	}
}

func (g *groupSync) join() (*round, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	if g.waiting == nil {
		g.waiting = &round{done: make(chan struct{})}
	}
	r := g.waiting
	if !g.running {
		g.running = true
		g.ended.Go(g.run)
	}
	return r, nil
}

// run flushes until nobody waits.
func (g *groupSync) run() {
	for {
		g.mu.Lock()
		pause := g.gap - time.Since(g.last)
		g.mu.Unlock()
		if pause > 0 {
			<-time.After(pause)
		}
		r := g.begin()
		if r == nil {
			return
		}
		r.err = g.flush()
		close(r.done)
	}
}

// begin closes the waiting round to newcomers.
func (g *groupSync) begin() *round {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.waiting
	g.waiting = nil
	g.running = r != nil
	if r != nil {
		g.last = time.Now()
	}
	return r
}

// close refuses newcomers and waits for those who are already in.
func (g *groupSync) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.ended.Wait()
}

// journals are the two logs of a TSDB: samples in order (wal) and out of order (wbl). Each commit is written to them before it
// returns, but the TSDB fsyncs only whole segments: a crash of the process loses nothing, a power cut up to 128 MiB.
type journals [2]*journal

func newJournals(dir string) *journals {
	return &journals{
		{dir: filepath.Join(dir, "wal"), segment: -1},
		{dir: filepath.Join(dir, wlog.WblDirName), segment: -1},
	}
}

// sync must not be called by two at a time.
func (j *journals) sync() error {
	for _, log := range j {
		if err := log.sync(); err != nil {
			return err
		}
	}
	return nil
}

// journal is a folder of numbered segments to which bytes are only ever added.
type journal struct {
	dir     string
	segment int   // the newest that is on disk, -1 before the first sync
	size    int64 // of it, in bytes
}

// sync fsyncs what has grown since the last time. The first time that is everything: what a killed process wrote is answered as
// known when an agent sends it again, so it has to be as safe as what is new.
func (j *journal) sync() error {
	first, last, err := wlog.Segments(j.dir)
	if err != nil || last < 0 {
		return ignoreAbsent(err)
	}
	for k := max(first, j.segment); k <= last; k++ {
		size, err := j.syncSegment(k)
		if k < last && errors.Is(err, fs.ErrNotExist) {
			continue // truncated meanwhile: its samples are in a block or a checkpoint, which the TSDB fsyncs
		}
		if err != nil {
			return err
		}
		if k > j.segment {
			err = syncFile(j.dir) // the name of the file is in the folder
		}
		if err != nil {
			return err
		}
		j.segment, j.size = k, size
	}
	return nil
}

func (j *journal) syncSegment(k int) (size int64, err error) {
	name := wlog.SegmentName(j.dir, k)
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	if k == j.segment && info.Size() == j.size {
		return j.size, nil
	}
	return info.Size(), syncFile(name)
}

// syncFile works on a descriptor of its own: fsync is about the file, whoever wrote it.
func syncFile(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
