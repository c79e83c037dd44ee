package series

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

const childDisk = "DIALTONE_SERIES_CHILD_DISK"

// TestFullDisk runs TestChildOnSmallDisk in a mount namespace of its own, on a disk of 48 MiB.
func TestFullDisk(t *testing.T) {
	self, err := command.Self()
	if err != nil {
		t.Fatal(err)
	}
	unshare := []string{"/usr/bin/unshare", "--mount", "--map-root-user", "--"}
	if r, err := command.Run(t.Context(), command.Spec{Argv: append(unshare, "/bin/true")}); err != nil || r.ExitCode != 0 {
		t.Skipf("needs a mount namespace: %v %s", err, r.Output)
	}
	r, err := command.Run(t.Context(), command.Spec{
		Argv: append(unshare, self, "-test.run=^TestChildOnSmallDisk$"), Env: map[string]string{childDisk: t.TempDir()}, Timeout: 5 * time.Minute,
	})
	if err != nil || r.ExitCode != 0 {
		t.Errorf("%v, exit status %d:\n%s", err, r.ExitCode, r.Output)
	}
}

// TestChildOnSmallDisk first leaves the reserve alone, as the store does by itself, and then takes it away at once, as another
// process can.
func TestChildOnSmallDisk(t *testing.T) {
	dir := os.Getenv(childDisk)
	if dir == "" {
		t.Skip("runs as the child of TestFullDisk")
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Fatal(err)
	}
	s, first := open(t, dir, func(c *Config) { c.MinFree = 24 << 20 }), now().Add(-time.Hour)
	filler := filepath.Join(dir, "filler")

	mustAppend(t, s, "web1", batchOf(1000, first, 0)...)
	fill(t, filler, 30<<20)
	s.disk.asked = time.Time{} // two seconds later
	if _, err := s.Append(t.Context(), "web1", batchOf(1000, first.Add(time.Second), 0)); err == nil || !strings.Contains(err.Error(), "MiB free and needs 24") {
		t.Fatalf("below the reserve: %v", err)
	}
	free(t, filler)
	s.disk.asked = time.Time{}
	mustAppend(t, s, "web1", batchOf(1000, first.Add(time.Second), 0)...)
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}

	fill(t, filler, 48<<20)
	var lost error
	for i := 2; i < 1000 && lost == nil; i++ {
		_, lost = s.Append(t.Context(), "web1", batchOf(1000, first.Add(time.Duration(i)*time.Second), 0))
	}
	if !errors.Is(lost, syscall.ENOSPC) || !strings.Contains(lost.Error(), "started again") {
		t.Fatalf("on a disk that is full: %v", lost)
	}
	free(t, filler)
	if err := s.Sync(t.Context()); err == nil {
		t.Error("Sync promises samples behind a record that was cut")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := kept(t, open(t, dir, nil), "node_test_total"); got < 2000 {
		t.Errorf("%v samples are kept, 2000 were acked", got)
	}
}

// fill writes size bytes, or as many as fit.
func fill(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := io.CopyN(f, zeros{}, size); err != nil && !isFull(err) {
		t.Fatal(err)
	}
}

type zeros struct{}

// Read gives zero bytes without end.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func free(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
