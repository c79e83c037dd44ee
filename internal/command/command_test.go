package command

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestRunReportsHowTheProgramEnded(t *testing.T) {
	tests := []struct {
		name   string
		spec   Spec
		code   int
		output string
	}{
		{"silent success", Spec{Argv: []string{"/bin/true"}}, 0, ""},
		{"both streams in order", Spec{Argv: shell("echo out; echo err >&2; exit 3")}, 3, "out\nerr\n"},
		{"ended by a signal", Spec{Argv: shell("kill -9 $$")}, -1, ""},
		{
			"clean environment",
			Spec{Argv: []string{"/usr/bin/env"}, Env: map[string]string{"MONIT_SERVICE": "nginx"}},
			0,
			"PATH=" + searchPath + "\nLANG=C.UTF-8\nMONIT_SERVICE=nginx\n",
		},
		{"no shell", Spec{Argv: []string{"/bin/echo", "$HOME; exit 1"}}, 0, "$HOME; exit 1\n"},
		{"output capped", Spec{Argv: shell("printf 1234567890"), MaxOutput: 4}, 0, "1234\n[cut: 6 more bytes]"},
		{"hostile bytes", Spec{Argv: shell(`printf 'a\377b'`)}, 0, "a\uFFFDb"},
		{"folder", Spec{Argv: []string{"/bin/pwd"}, Dir: "/usr"}, 0, "/usr\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := Run(t.Context(), test.spec)
			if err != nil {
				t.Fatal(err)
			}
			if r.ExitCode != test.code || r.Output != test.output || r.TimedOut {
				t.Errorf("got status %d, output %q, timed out %v; want status %d, output %q", r.ExitCode, r.Output, r.TimedOut, test.code, test.output)
			}
		})
	}
}

func TestRunKeepsTheStreamsApart(t *testing.T) {
	r, err := Run(t.Context(), Spec{Argv: shell("echo out; echo err >&2; echo more"), Apart: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Output != "out\nmore\n" || r.Errors != "err\n" {
		t.Errorf("got output %q and errors %q", r.Output, r.Errors)
	}
}

func TestRunJoinsFurtherGroups(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as somebody else")
	}
	r, err := Run(t.Context(), Spec{Argv: shell("id -g; id -G"), UID: "nobody", GID: "adm", Groups: []string{"daemon"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Output != "4\n4 1 65534\n" && r.Output != "4\n4 65534 1\n" {
		t.Errorf("ran with groups %q, want those of nobody, and adm and daemon", r.Output)
	}
}

func TestRunExplainsWhatCannotRun(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		spec Spec
		want string
	}{
		{"nothing", Spec{}, "no program to run"},
		{"relative", Spec{Argv: []string{"ls"}}, "program ls has no absolute path; write it from the root, for example /usr/bin/ls"},
		{"missing", Spec{Argv: []string{"/no/such"}}, "program /no/such not found; check its path, or install what provides it"},
		{"folder", Spec{Argv: []string{"/usr"}}, "program /usr is a folder"},
		{"not executable", Spec{Argv: []string{plain}}, "program " + plain + " is not executable; chmod +x it"},
		{"no user", Spec{Argv: []string{"/bin/true"}, UID: "nobody-here"}, "user nobody-here not found"},
		{"no group", Spec{Argv: []string{"/bin/true"}, GID: "nobody-here"}, "group nobody-here not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Run(t.Context(), test.spec)
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestRunKillsTheWholeGroupAtTheTimeout(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	script := `trap "" TERM; sleep 300 & echo $! >` + pids + `; echo begun; wait; sleep 300`
	r, err := Run(t.Context(), Spec{Argv: shell(script), Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if !r.TimedOut || r.ExitCode != -1 || r.Output != "begun\n" {
		t.Errorf("got %+v, want a time-out with the output so far", r)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	waitGone(t, child)
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := Run(ctx, Spec{Argv: []string{"/bin/sleep", "300"}})
	if err == nil || r.TimedOut {
		t.Errorf("got %+v, %v; want the context's error", r, err)
	}
}

// TestRunLeavesADaemonAlone is how every `start program` behaves: its child keeps the output open for ever.
func TestRunLeavesADaemonAlone(t *testing.T) {
	r, err := Run(t.Context(), Spec{Argv: shell("sleep 300 & echo $!"), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	daemon, err := strconv.Atoi(strings.TrimSpace(r.Output))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(daemon, syscall.SIGKILL) }()
	if r.Took > 30*time.Second || r.TimedOut {
		t.Errorf("a daemon that keeps the pipe open held Run for %s", r.Took)
	}
	if err := syscall.Kill(daemon, 0); err != nil {
		t.Errorf("the daemon is gone: %v", err)
	}
}

func TestRunDropsPrivileges(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as somebody else")
	}
	for _, who := range []Spec{{UID: "nobody", GID: "nogroup"}, {UID: "65534", GID: "65534"}, {UID: "nobody"}} {
		who.Argv = shell("id -u; id -g")
		r, err := Run(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if r.Output != "65534\n65534\n" {
			t.Errorf("as %q:%q ran as %q", who.UID, who.GID, r.Output)
		}
	}
}

func TestStartAndStopAServer(t *testing.T) {
	p, err := Start(Spec{Argv: shell("echo ready; sleep 300")})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for p.Output() != "ready\n" && time.Now().Before(deadline) {
		hasEnded(p.Ended(), time.Millisecond)
	}
	if got := p.Stop(time.Second); got != "ready\n" {
		t.Errorf("printed %q", got)
	}
	select {
	case <-p.Ended():
	default:
		t.Error("still running after Stop")
	}
	p.Stop(time.Second)
}

func TestDetachOutlivesItsCallersStreams(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	const session = "read -r pid comm state ppid group sid rest </proc/$$/stat; echo $sid >" // proc_pid_stat(5)
	pid, err := Detach(Spec{Argv: shell(session + done + ".tmp; mv " + done + ".tmp " + done)})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		text, err := os.ReadFile(done)
		if err == nil {
			if got := strings.TrimSpace(string(text)); got != strconv.Itoa(pid) {
				t.Errorf("session %s, want its own, %d", got, pid)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		hasEnded(nil, time.Millisecond)
	}
}

func TestSpecReadsLikeALine(t *testing.T) {
	got := Spec{Argv: []string{"/bin/sh", "-c", "echo 'hi'", ""}}.String()
	if want := `/bin/sh -c "echo 'hi'" ""`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// waitGone waits until a process is dead; a zombie that nobody reaps here counts.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		hasEnded(nil, time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}

func TestInputIsReadOnStdin(t *testing.T) {
	r, err := Run(t.Context(), Spec{Argv: []string{"/bin/cat"}, Input: "one\ntwo\n"})
	if err != nil || r.Output != "one\ntwo\n" {
		t.Errorf("printed %q: %v", r.Output, err)
	}
}

// TestInputThatNobodyReads: a program that ends without reading is no error, and is not waited for.
func TestInputThatNobodyReads(t *testing.T) {
	r, err := Run(t.Context(), Spec{Argv: []string{"/bin/true"}, Input: strings.Repeat("x", 1<<20)})
	if err != nil || r.ExitCode != 0 {
		t.Errorf("exit status %d: %v", r.ExitCode, err)
	}
}
