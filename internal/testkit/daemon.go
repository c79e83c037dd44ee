package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// patience is how long a server may take to start or end on a machine that does much else.
const patience = 30 * time.Second

// Daemon is a server that puts itself in the background and writes a pid file, as the services of a control file do. It is not
// running until somebody runs StartArgv; whatever runs when the test ends is ended by its process id.
type Daemon struct {
	Address   string   // host:port it listens on
	PIDFile   string   // written by the server
	StartArgv []string // returns once the server is in the background
	StopArgv  []string
	Dir       string // everything of the server

	cmdline string // stands in the command line of the server and of nothing else
}

// Start runs StartArgv and waits until the server accepts connections and its pid file, which some write later, names it.
func (d *Daemon) Start(t testing.TB) {
	t.Helper()
	d.run(t, d.StartArgv)
	Eventually(t, patience, func() error {
		_, err := d.pid()
		return errors.Join(err, accepts(d.Address))
	})
}

// Stop runs StopArgv and waits until the process is gone.
func (d *Daemon) Stop(t testing.TB) {
	t.Helper()
	pid := d.PID(t)
	d.run(t, d.StopArgv)
	waitGone(t, pid)
}

// Kill ends the server with SIGKILL, waits until the process is gone and returns the process id that it had.
func (d *Daemon) Kill(t testing.TB) int {
	t.Helper()
	pid := d.PID(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("killing process %d: %v", pid, err)
	}
	waitGone(t, pid)
	return pid
}

// PID returns the process id of the running server; the test fails when there is none.
func (d *Daemon) PID(t testing.TB) int {
	t.Helper()
	pid, err := d.pid()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return pid
}

// Running reports whether a process of this server is there, whoever started it.
func (d *Daemon) Running() bool {
	_, err := d.pid()
	return err == nil
}

// pid trusts a pid file only when the process it names was started with this server's own paths: ids are used again.
func (d *Daemon) pid() (int, error) {
	text, err := os.ReadFile(d.PIDFile)
	if err != nil {
		return 0, fmt.Errorf("reading the pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s holds no process id: %w", d.PIDFile, err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return 0, fmt.Errorf("process %d of %s is not running: %w", pid, d.PIDFile, err)
	}
	if !bytes.Contains(line, []byte(d.cmdline)) {
		return 0, fmt.Errorf("process %d is not the server of %s", pid, d.PIDFile)
	}
	return pid, nil
}

func (d *Daemon) run(t testing.TB, argv []string) {
	t.Helper()
	r, err := command.Run(t.Context(), command.Spec{Argv: argv, Timeout: patience})
	if err != nil || r.TimedOut || r.ExitCode != 0 {
		t.Fatalf("%s: exit status %d, error %v\n%s", strings.Join(argv, " "), r.ExitCode, err, r.Output)
	}
}

// endAtCleanup ends every process of the server, also one that a healer started again while the test was ending.
func (d *Daemon) endAtCleanup(t testing.TB) {
	t.Cleanup(func() {
		err := poll(patience, func() error {
			left := processesWith(d.cmdline)
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			if len(left) > 0 {
				return fmt.Errorf("processes %v of %s still run", left, d.Dir)
			}
			return nil
		})
		if err != nil {
			t.Errorf("ending a server: %v", err)
		}
	})
}

// processesWith lists the processes of programs (not of this test) whose command line holds text.
func processesWith(text string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var found []int
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		line, readErr := os.ReadFile(file)
		if err == nil && readErr == nil && pid != os.Getpid() && bytes.Contains(line, []byte(text)) {
			found = append(found, pid)
		}
	}
	return found
}

// waitGone waits until a process has let go of its port and files. The first thread is a zombie from its own end on, but the
// process holds what it has until the last thread ends.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	Eventually(t, patience, func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return nil //nolint:nilerr // what cannot be read any more is gone
		}
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if _, state, ok := bytes.Cut(stat, []byte(") ")); ok && state[0] == 'Z' && len(threads) <= 1 {
			return nil // ended; its parent has not asked yet
		}
		return fmt.Errorf("process %d still runs", pid)
	})
}

// startServer runs a server in the foreground until the test ends, and waits until it accepts connections.
func startServer(t testing.TB, address string, s command.Spec) {
	t.Helper()
	p, err := command.Start(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { p.Stop(5 * time.Second) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for accepts(address) != nil {
		select {
		case <-p.Ended():
			t.Fatalf("%s ended: %s", s.Argv[0], p.Output())
		case <-ctx.Done():
			t.Fatalf("%s does not listen on %s: %s", s.Argv[0], address, p.Output())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
