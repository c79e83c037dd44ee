package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/dialtone/dialtone/healers"
)

// TestAFullDiskStopsHealing fills the file system that holds the journal: what cannot be written down is not done, and that is told.
func TestAFullDiskStopsHealing(t *testing.T) {
	db := dbOnSmallDisk(t)
	w := newWorld("nginx")
	c := w.config(t, file(process("nginx")))
	c.DB = db
	if _, err := New(c); err != nil { // makes its buckets while there is room
		t.Fatal(err)
	}
	fill(t, db)
	w.things["nginx"].detail = strings.Repeat("!", 512<<10) // freed pages of the database would hold a small intent
	_, end := begin(t, c)
	defer end()
	waitFor(t, w, "nginx unknown→ok")
	w.kill("nginx")
	waitFor(t, w, "nginx restart refused")
	w.mu.Lock()
	reason := w.events[len(w.events)-1].Heal.Reason
	w.mu.Unlock()
	if !strings.Contains(reason, "no space left on device") {
		t.Errorf("refused because %q", reason)
	}
	if got := w.done(); len(got) != 0 {
		t.Errorf("ran %q", got)
	}
}

// fill writes accounts, ever smaller ones, until not even the smallest makes the database larger.
func fill(t *testing.T, db *bbolt.DB) {
	t.Helper()
	journal, err := healers.OpenJournal(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{60 << 10, 4 << 10, 10} {
		err = nil
		for i := 0; i < 20000 && err == nil; i++ {
			err = journal.SetAccount(fmt.Sprintf("filler-%d-%d", size, i), healers.Account{Parked: strings.Repeat("x", size)})
		}
		if err == nil {
			t.Fatal("the disk never filled up")
		}
	}
}

// waitFor waits until the story has a line.
func waitFor(t *testing.T, w *world, line string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if slices.Contains(w.story(), line) {
			return
		}
		select {
		case <-w.told:
		case <-deadline:
			t.Fatalf("never told %q, only %q", line, w.story())
		}
	}
}

// dbOnSmallDisk opens a database on a tmpfs of its own, mounted where nobody else sees it: in the mount namespace of one thread.
func dbOnSmallDisk(t *testing.T) *bbolt.DB {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	dir := t.TempDir()
	type opened struct {
		db  *bbolt.DB
		err error
	}
	result := make(chan opened)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			result <- opened{err: err}
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			result <- opened{err: err}
			return
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
			result <- opened{err: err}
			return
		}
		db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, &bbolt.Options{Timeout: time.Second})
		result <- opened{db, err}
	}()
	got := <-result
	if got.err != nil {
		t.Skipf("no mount namespace here: %v", got.err)
	}
	t.Cleanup(func() { _ = got.db.Close() })
	return got.db
}
