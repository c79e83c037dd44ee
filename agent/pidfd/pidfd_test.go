package pidfd

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/dialtone/dialtone/internal/command"
)

const deadline = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watchers are both ways of watching, whatever the kernel of this machine has.
func watchers(t *testing.T) map[string]*Watcher {
	t.Helper()
	kernel, err := New()
	if err != nil {
		t.Fatal(err)
	}
	wakeup, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	polled := &Watcher{epoll: -1, wakeup: wakeup, done: make(chan struct{}), watched: make(map[uint64]*watch)}
	go polled.poll()
	t.Cleanup(func() {
		if err := errors.Join(kernel.Close(), polled.Close()); err != nil {
			t.Error(err)
		}
	})
	return map[string]*Watcher{"kernel": kernel, "polled": polled}
}

func TestADeathIsToldOnce(t *testing.T) {
	for name, w := range watchers(t) {
		t.Run(name, func(t *testing.T) {
			p, err := command.Start(command.Spec{Argv: []string{"/bin/sleep", "300"}})
			if err != nil {
				t.Fatal(err)
			}
			died := make(chan struct{}, 2)
			defer w.Watch(p.PID(), func() { died <- struct{}{} })()
			select {
			case <-died:
				t.Fatal("told of a death before it came")
			default:
			}
			p.Stop(0)
			select {
			case <-died:
			case <-time.After(deadline):
				t.Fatal("nobody told of the death")
			}
			if len(died) > 0 || len(w.watched) > 0 {
				t.Error("told twice, or still watched")
			}
		})
	}
}

func TestTheDeadIsToldAtOnce(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	p, err := command.Start(command.Spec{Argv: []string{"/bin/true"}})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Ended()
	p.Stop(0)
	died := make(chan struct{})
	w.Watch(p.PID(), func() { close(died) })
	select {
	case <-died:
	case <-time.After(deadline):
		t.Fatal("nobody told of the death")
	}
}

func TestAStoppedWatchIsSilent(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	p, err := command.Start(command.Spec{Argv: []string{"/bin/sleep", "300"}})
	if err != nil {
		t.Fatal(err)
	}
	stop := w.Watch(p.PID(), func() { t.Error("told of a death that nobody watches") })
	stop()
	stop()
	p.Stop(0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Watch(1, func() { t.Error("watched after Close") })()
}

func TestNoProcessIsNeverWatched(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	w.Watch(0, func() { t.Error("0 is no process") })()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
