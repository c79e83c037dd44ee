package series

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// What the test binary does when it is started as a child.
const (
	childDir  = "DIALTONE_SERIES_CHILD_DIR"
	childTime = "DIALTONE_SERIES_CHILD_TIME" // Unix seconds of the first sample
	childTask = "DIALTONE_SERIES_CHILD_TASK"
)

// TestChild is no test by itself: it is the process that gets killed.
func TestChild(t *testing.T) {
	if os.Getenv(childDir) == "" {
		t.Skip("runs as the child of other tests")
	}
	seconds, err := strconv.ParseInt(os.Getenv(childTime), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s, acked := open(t, os.Getenv(childDir), nil), ackFile(t)
	for i := range 36_000 {
		appendStep(t, s, time.Unix(seconds, 0), i)
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintln(acked, i); err != nil {
			t.Fatal(err)
		}
		if os.Getenv(childTask) == "ten" && i == 9 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}

// appendStep sends step i: 100 series in order, and the same 100 of another node six hours out of order.
func appendStep(t testing.TB, s *Store, first time.Time, i int) {
	t.Helper()
	at := first.Add(time.Duration(i) * 100 * time.Millisecond)
	if _, err := s.Append(t.Context(), "web1", batchOf(100, at, 0)); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(childTask) == "ten" {
		return
	}
	if _, err := s.Append(t.Context(), "late1", batchOf(100, at.Add(-6*time.Hour), 0)); err != nil {
		t.Fatal(err)
	}
}

// TestKilledWhileAppending kills a process that appends and syncs at full speed: what it had acked is there, and what
// an agent sends again after that is stored once.
func TestKilledWhileAppending(t *testing.T) {
	dir, first := t.TempDir(), now().Add(-time.Hour)
	steps := 0
	for round := range 3 {
		p := child(t, dir, first, "run")
		enough := steps + 10 // its first steps are those of the child before it: resends
		testkit.Eventually(t, 2*time.Minute, func() error {
			if got := ackedSteps(t, dir); got < enough {
				return fmt.Errorf("%d of %d steps are acked; the child says %s", got, enough, p.Output())
			}
			return nil
		})
		kill(t, p)
		steps = ackedSteps(t, dir)
		s := open(t, dir, nil)
		for _, node := range []string{"web1", "late1"} {
			if got := kept(t, s, `node_test_total{instance="`+node+`"}`); got < float64(steps*100) {
				t.Errorf("round %d: %v samples of %s are kept, %d were acked", round, got, node, steps*100)
			}
		}
		for i := range steps {
			appendStep(t, s, first, i)
		}
		if got := value(t, s, `dialtone_series_samples_total{outcome="known"}`); got != float64(steps*200) {
			t.Errorf("round %d: %v samples were known when they were sent again, want %d", round, got, steps*200)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// appendAndDie leaves what a killed process leaves: ten steps of 100 series, 100 ms apart, in a log that nobody closed.
func appendAndDie(t *testing.T, dir string, at time.Time) {
	t.Helper()
	p := child(t, dir, at, "ten")
	select {
	case <-p.Ended():
	case <-time.After(2 * time.Minute):
		t.Fatalf("the child did not end; it says %s", p.Output())
	}
	if got := ackedSteps(t, dir); got != 10 {
		t.Fatalf("the child acked %d steps; it says %s", got, p.Stop(0))
	}
	if err := os.Remove(ackPath(dir)); err != nil {
		t.Fatal(err)
	}
}

func child(t *testing.T, dir string, first time.Time, task string) *command.Process {
	t.Helper()
	self, err := command.Self()
	if err != nil {
		t.Fatal(err)
	}
	p, err := command.Start(command.Spec{
		Argv: []string{self, "-test.run=^TestChild$"},
		Env:  map[string]string{childDir: dir, childTime: strconv.FormatInt(first.Unix(), 10), childTask: task},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	return p
}

func kill(t *testing.T, p *command.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Ended():
	case <-time.After(time.Minute):
		t.Fatal("the child outlives SIGKILL")
	}
	p.Stop(0)
}

func ackPath(dir string) string { return filepath.Join(dir, "acked.txt") }

// ackFile is begun anew by each child: every child begins with step 0.
func ackFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(ackPath(os.Getenv(childDir)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// ackedSteps counts the whole lines that the child has written.
func ackedSteps(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(ackPath(dir))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}
