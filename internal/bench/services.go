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

const startScript = `#!/bin/sh
setsid sleep 86399 </dev/null >/dev/null 2>&1 &
echo $! >"$1"
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

// kill kills the process of a pid file and returns how long it took until a new one stood there, alive.
func (s *services) kill(ctx context.Context, pidfile string, within time.Duration) (time.Duration, error) {
	old, err := readPID(pidfile)
	if err != nil {
		return 0, err
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		return 0, fmt.Errorf("killing process %d: %w", old, err)
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < within {
		if pid, err := readPID(pidfile); err == nil && pid != old && syscall.Kill(pid, 0) == nil {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
	return 0, fmt.Errorf("%s was not started again within %v", filepath.Base(pidfile), within)
}

// end kills what the pid files name, as long as it is still one of ours.
func (s *services) end() {
	for _, pidfile := range s.pidfiles {
		pid, err := readPID(pidfile)
		if err != nil {
			continue
		}
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && string(line) == "sleep\x0086399\x00" {
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
