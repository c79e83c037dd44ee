// Package pidfd tells at once when a process ends that is not a child: the kernel makes its pidfd readable (Linux 5.3, pidfd_open(2)).
// Where the kernel cannot, the processes are polled.
package pidfd

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const pollEvery = 200 * time.Millisecond

// Watcher watches any number of processes with one goroutine. It is safe for concurrent use.
type Watcher struct {
	epoll  int // -1: this kernel has no pidfd, the processes are polled
	wakeup int // eventfd that ends the goroutine
	done   chan struct{}

	mu      sync.Mutex
	next    uint64
	watched map[uint64]*watch
	closed  bool
}

type watch struct {
	pid  int
	fd   int // -1 when polled
	died func()
}

// New starts a watcher; the caller closes it.
func New() (*Watcher, error) {
	w := &Watcher{epoll: -1, wakeup: -1, done: make(chan struct{}), watched: make(map[uint64]*watch)}
	wakeup, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	w.wakeup = wakeup
	if supported() {
		if err := w.openEpoll(); err != nil {
			_ = unix.Close(wakeup)
			return nil, err
		}
		go w.wait()
		return w, nil
	}
	go w.poll()
	return w, nil
}

func supported() bool {
	fd, err := unix.PidfdOpen(unix.Getpid(), 0)
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	return true
}

// openEpoll gives the wake-up the key 0, which no watch has.
func (w *Watcher) openEpoll() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making an epoll: %w", err)
	}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, w.wakeup, event(0)); err != nil {
		_ = unix.Close(epoll)
		return fmt.Errorf("watching the eventfd: %w", err)
	}
	w.epoll = epoll
	return nil
}

func event(key uint64) *unix.EpollEvent {
	return &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(key), Pad: int32(key >> 32)}
}

// Watch calls died once, on the watcher's goroutine, when the process has ended; at once if it already has. died must not block.
// A zombie has ended. The returned function stops the watch; it may be called at any time, and died may still come while it runs.
func (w *Watcher) Watch(pid int, died func()) (stop func()) {
	if pid <= 0 {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return func() {}
	}
	w.next++
	key, one := w.next, &watch{pid: pid, fd: -1, died: died}
	if w.epoll >= 0 {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			go died()
			return func() {}
		}
		if err != nil {
			return func() {} // out of descriptors: the next cycle sees it
		}
		if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, event(key)); err != nil {
			_ = unix.Close(fd)
			return func() {}
		}
		one.fd = fd
	}
	w.watched[key] = one
	return func() { w.forget(key) }
}

// forget returns what died is owed to, or nil when it was forgotten before.
func (w *Watcher) forget(key uint64) *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.watched[key]
	if one == nil {
		return nil
	}
	delete(w.watched, key)
	if one.fd >= 0 {
		_ = unix.Close(one.fd) // also takes it out of the epoll
	}
	return one
}

// wait is the goroutine of a kernel that has pidfds.
func (w *Watcher) wait() {
	defer close(w.done)
	events := make([]unix.EpollEvent, 32)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			key := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
			if key == 0 {
				return
			}
			if one := w.forget(key); one != nil {
				one.died()
			}
		}
	}
}

// poll is the goroutine of a kernel that has none. A number that was given to another process in between is missed here; the
// check, which compares start times, is not fooled.
func (w *Watcher) poll() {
	defer close(w.done)
	for {
		fds := []unix.PollFd{{Fd: int32(w.wakeup), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(pollEvery.Milliseconds()))
		if n > 0 || (err != nil && !errors.Is(err, unix.EINTR)) {
			return
		}
		for _, key := range w.dead() {
			if one := w.forget(key); one != nil {
				one.died()
			}
		}
	}
}

func (w *Watcher) dead() []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []uint64
	for key, one := range w.watched {
		if errors.Is(unix.Kill(one.pid, 0), unix.ESRCH) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Close ends the goroutine and every watch. It returns once both have ended.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	if _, err := unix.Write(w.wakeup, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return fmt.Errorf("waking the watcher: %w", err)
	}
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, one := range w.watched {
		delete(w.watched, key)
		if one.fd >= 0 {
			_ = unix.Close(one.fd)
		}
	}
	_ = unix.Close(w.wakeup)
	if w.epoll >= 0 {
		_ = unix.Close(w.epoll)
	}
	return nil
}
