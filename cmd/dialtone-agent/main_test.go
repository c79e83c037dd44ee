package main

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
)

// tool is the go command that runs this test.
func tool(t *testing.T) string {
	t.Helper()
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		if path := filepath.Join(dir, "go"); filepath.IsAbs(path) {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	t.Skip("no go command to build with")
	return ""
}

// run runs a program to its end.
func run(t *testing.T, dir string, argv ...string) (int, string) {
	t.Helper()
	env := map[string]string{}
	for _, name := range []string{"HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY"} {
		if value, set := os.LookupEnv(name); set {
			env[name] = value
		}
	}
	r, err := command.Run(t.Context(), command.Spec{Argv: argv, Dir: dir, Env: env, Timeout: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return r.ExitCode, r.Output
}

// TestTheAgentOfANode is the binary as scripts written for Monit use it: it goes to the background, repairs a process that was killed
// with -9, obeys signals and verbs, and ends.
func TestTheAgentOfANode(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "dialtone-agent")
	if code, out := run(t, here, tool(t), "build", "-o", binary, "."); code != 0 {
		t.Fatalf("building: %s", out)
	}
	conf := configure(t, dir)
	say := func(want int, args ...string) string {
		t.Helper()
		code, out := run(t, dir, append([]string{binary, "-c", conf}, args...)...)
		if code != want {
			t.Fatalf("%v: status %d, want %d: %s", args, code, want, out)
		}
		return out
	}
	say(0, "-t")
	if out := say(1, "summary"); !strings.Contains(out, "no agent is running") {
		t.Errorf("without an agent: %s", out)
	}
	say(0)
	agent := pidIn(t, filepath.Join(dir, "agent.pid"))
	t.Cleanup(func() { _ = syscall.Kill(agent, syscall.SIGKILL) })
	say(1) // only one

	waitForState(t, say, "ok")
	first := pidIn(t, filepath.Join(dir, "web.pid"))
	t.Cleanup(func() { _ = syscall.Kill(pidIn(t, filepath.Join(dir, "web.pid")), syscall.SIGKILL) })
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitForPID(t, filepath.Join(dir, "web.pid"), first)
	waitForState(t, say, "ok")

	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
		if err := syscall.Kill(agent, signal); err != nil {
			t.Fatal(err)
		}
	}
	if out := say(0, "status", "web"); !strings.Contains(out, "process 'web'") {
		t.Errorf("status: %s", out)
	}
	say(0, "stop", "web")
	if out := say(0, "summary"); !strings.Contains(out, "unmonitored") {
		t.Errorf("after stop: %s", out)
	}
	say(0, "start", "all")
	say(0, "quit")
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if _, err := os.Stat(filepath.Join(dir, "agent.pid")); err != nil {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Error("the agent did not end")
}

// configure writes a control file with one service that can be started and stopped.
func configure(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "web")
	script := fmt.Sprintf(`#!/bin/sh
case $1 in
start) setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $! >%[1]s/web.pid ;;
stop) kill "$(cat %[1]s/web.pid)" ;;
esac
`, dir)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "dialtone.conf")
	text := fmt.Sprintf(`set daemon 1
set statefile %[1]s/state
set pidfile %[1]s/agent.pid
set log %[1]s/log
set heal budget 100 per hour with backoff 1 second
check process web with pidfile %[1]s/web.pid
  start program = "%[1]s/web start"
  stop program = "%[1]s/web stop"
`, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return conf
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// waitForState waits until the summary gives the service a state.
func waitForState(t *testing.T, say func(int, ...string) string, state string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(say(0, "summary"), " "+state+" ") {
		if time.Now().After(deadline) {
			t.Fatalf("web never was %s:\n%s", state, say(0, "status"))
		}
		<-time.After(10 * time.Millisecond)
	}
}

// waitForPID waits until a pidfile names a living process other than the one given.
func waitForPID(t *testing.T, path string, other int) int {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if pid := pidIn(t, path); pid > 0 && pid != other && syscall.Kill(pid, 0) == nil {
			return pid
		}
		<-time.After(2 * time.Millisecond)
	}
	t.Fatalf("no other process than %d in %s", other, path)
	return 0
}
