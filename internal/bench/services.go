package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// services are daemons that do nothing, so that what is measured is the watcher.
type services struct {
	script   string // starts one: script PIDFILE
	pidfiles []string
}

// The parent of a daemon waits for it: where the machine's first process is slow to do so, what was killed stays a zombie for seconds,
// which Monit does not start again.
const startScript = `#!/bin/sh
cd "${0%/*}" || exit
: >"$1"
setsid sh -c 'sleep 86399 & echo $! >"$0"; wait' "$1" </dev/null >/dev/null 2>&1 &
until [ -s "$1" ]; do :; done
`

func startServices(ctx context.Context, dir string, n int) (*services, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &services{script: filepath.Join(dir, "start")}
	if err := os.WriteFile(s.script, []byte(startScript), 0o700); err != nil {
		return nil, err
	}
	for i := range n {
		pidfile := filepath.Join(dir, fmt.Sprintf("tone%d.pid", i))
		s.pidfiles = append(s.pidfiles, pidfile)
		r, err := command.Run(ctx, command.Spec{Argv: []string{s.script, pidfile}})
		if err != nil || r.ExitCode != 0 {
			s.end()
			return nil, fmt.Errorf("starting a service: exit status %d, %w", r.ExitCode, err)
		}
	}
	return s, nil
}

// An outage is one service, killed and started again.
type outage struct {
	service string
	killed  time.Time
	gone    time.Duration // until another process stood in the pid file, alive
}

// kill kills the process of a pid file and waits until a new one stands there, alive.
func (s *services) kill(ctx context.Context, pidfile string, within time.Duration) (outage, error) {
	old, err := readPID(pidfile)
	if err != nil {
		return outage{}, err
	}
	o := outage{service: nameOf(pidfile)}
	if o.killed, err = s.fell(pidfile); err != nil {
		return outage{}, err
	}
	err = until(ctx, time.Millisecond, within, func() error {
		pid, err := readPID(pidfile)
		if err == nil && (pid == old || syscall.Kill(pid, 0) != nil) {
			err = fmt.Errorf("%s was not started again", o.service)
		}
		return err
	})
	o.gone = time.Since(o.killed)
	return o, err
}

// fell kills the process of a pid file and returns the moment before.
func (s *services) fell(pidfile string) (time.Time, error) {
	pid, err := readPID(pidfile)
	if err != nil {
		return time.Time{}, err
	}
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return time.Time{}, fmt.Errorf("killing process %d: %w", pid, err)
	}
	return killed, nil
}

// end kills everything that was started here, by whomever and however often: what works in the script's folder, whether it is a
// daemon already or about to become one.
func (s *services) end() {
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range folders {
		if dir, err := os.Readlink(link); err != nil || dir != filepath.Dir(s.script) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && pid <= 1 {
		err = errors.New("no process id in " + path)
	}
	return pid, err
}
