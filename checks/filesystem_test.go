package checks

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone/control"
	"golang.org/x/sys/unix"
)

const mountsText = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 22 0:40 / /sounds ro,relatime - nfs4 files.example:/sounds rw
32 22 0:41 / /share rw,relatime - cifs //server/share rw
33 22 0:42 / /remote rw,relatime - fuse.sshfs voice@files.example:/srv/voice rw
`

// mounts makes a check of a machine of the test's own, whose mounts answer as ask does.
func mounts(t *testing.T, path string, ask func(string) mountAnswer) *filesystem {
	t.Helper()
	list := filepath.Join(t.TempDir(), "mountinfo")
	writeFile(t, list, mountsText)
	return &filesystem{spec: &control.Service{Kind: "filesystem", Path: path}, mountinfo: list, ask: ask, activity: newActivity(filepath.Dir(list))}
}

func full(string) mountAnswer {
	return mountAnswer{statfs: unix.Statfs_t{Bsize: 4096, Frsize: 1024, Blocks: 1000, Bfree: 300, Bavail: 100, Files: 200, Ffree: 150}}
}

func TestFilesystem(t *testing.T) {
	for _, path := range []string{"/sounds", "/sounds/", "files.example:/sounds"} {
		r := run(t, mounts(t, path, full))
		if r.Existence != Present || r.Texts["fsflags"] != "ro,relatime" {
			t.Errorf("%s is seen as %+v", path, r)
		}
		for name, want := range map[string]float64{
			"space_percent": 87.5, "space_bytes": 700 * 1024, "space_free_percent": 12.5, "space_free_bytes": 100 * 1024, "space_total_bytes": 1000 * 1024,
			"inode_percent": 25, "inodes": 50, "inode_free_percent": 75, "inodes_free": 150, "readonly": 1,
		} {
			if r.Values[name] != want {
				t.Errorf("%s of %s is %v, wanted %v", name, path, r.Values[name], want)
			}
		}
		wantDeclared(t, "filesystem", r)
	}
	wantExistence(t, run(t, mounts(t, "/data", full)), "nothing is mounted at /data")
	wantExistence(t, run(t, mounts(t, "/dev/no/such", full)), "nothing is mounted at /dev/no/such")
	stale := func(string) mountAnswer { return mountAnswer{err: unix.ESTALE} }
	wantExistence(t, run(t, mounts(t, "/sounds", stale)), "cannot be used: stale")
}

// TestFilesystemBySource: shares are named by what they are mounted from.
func TestFilesystemBySource(t *testing.T) {
	for _, source := range []string{"files.example:/sounds/", "//server/share", "//server/share/", "voice@files.example:/srv/voice", "/dev/vda"} {
		wantExistence(t, run(t, mounts(t, source, full)), "")
	}
	wantExistence(t, run(t, mounts(t, "//server/other", full)), "nothing is mounted at //server/other")
}

func TestFilesystemWithoutInodes(t *testing.T) {
	r := run(t, mounts(t, "/", func(string) mountAnswer { return mountAnswer{} }))
	if _, known := r.Values["inode_percent"]; known || r.Values["space_percent"] != 0 {
		t.Errorf("an empty file system is seen as %+v", r)
	}
}

// TestHungMount: a dead file server costs one goroutine, however often it is looked at, and its answer is taken when it comes.
func TestHungMount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		release := make(chan struct{})
		f := mounts(t, "/sounds", func(point string) mountAnswer {
			asked.Add(1)
			<-release
			return full(point)
		})
		began := time.Now()
		if err := f.Run(t.Context(), &Report{}); err == nil || !strings.Contains(err.Error(), "/sounds has not answered for 5s") {
			t.Errorf("a hung mount is %v", err)
		}
		if took := time.Since(began); took != mountAnswers {
			t.Errorf("a hung mount held the check for %s", took)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Run(short, &Report{}); err == nil {
			t.Error("the second look has an answer")
		}
		<-time.After(mountGone)
		wantExistence(t, run(t, f), "has not answered for")
		if n := asked.Load(); n != 1 {
			t.Errorf("a hung mount was asked %d times", n)
		}
		close(release)
		synctest.Wait()
		wantExistence(t, run(t, f), "")
		wantExistence(t, run(t, f), "")
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times after it came back", n)
		}
	})
}

func TestRootFilesystem(t *testing.T) {
	if _, err := os.Stat(filepath.Join(procRoot, "self/mountinfo")); err != nil {
		t.Skip("no /proc/self/mountinfo here")
	}
	r := run(t, newCheck(t, "filesystem", &control.Service{Path: "/"}))
	if r.Existence != Present || r.Values["space_total_bytes"] <= 0 || r.Texts["permission"] == "" {
		t.Errorf("/ is seen as %+v", r)
	}
}
