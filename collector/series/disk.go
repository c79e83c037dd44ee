package series

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// diskInterval is how often free space is asked for, at most: a system call, but one for every batch of every agent.
const diskInterval = 2 * time.Second

// disk stops the intake before the disk is full. The TSDB panics when it cannot write a chunk, and a record of its write-ahead log
// that was written in part hides everything behind it; agents keep what is not taken in.
type disk struct {
	dir     string
	minFree uint64 // bytes

	mu    sync.Mutex
	asked time.Time
	err   error
}

func newDisk(dir string, minFree uint64) *disk { return &disk{dir: dir, minFree: minFree} }

// check returns what is wrong in the words of a person who can mend it, or nil.
func (d *disk) check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); now.Sub(d.asked) >= diskInterval {
		d.asked, d.err = now, d.ask()
	}
	return d.err
}

func (d *disk) ask() error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &st); err != nil {
		return fmt.Errorf("asking for free space of %s: %w", d.dir, err)
	}
	free := st.Bavail * uint64(st.Bsize) //nolint:gosec // the kernel's block size is positive
	if free < d.minFree {
		return fmt.Errorf("disk of %s has %d MiB free and needs %d; free some space or keep samples for less long",
			d.dir, free>>20, d.minFree>>20)
	}
	return nil
}

// isFull reports whether err says that nothing more fits on the disk.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
