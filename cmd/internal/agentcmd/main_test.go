package agentcmd

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes a control file whose state is beside it.
func write(t *testing.T, text string) (path, state string) {
	t.Helper()
	dir := t.TempDir()
	path, state = filepath.Join(dir, "dialtone.conf"), filepath.Join(dir, "agent", "state")
	if err := os.WriteFile(path, []byte("set statefile "+state+"\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, state
}

// say runs one command line.
func say(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code = Main(ctx, args, &out, &complaints, "1.2.3")
	return code, out.String(), complaints.String()
}

func TestCommandLine(t *testing.T) {
	good, _ := write(t, "check system here\n  if loadavg (1min) > 10000 then alert\n")
	bad, _ := write(t, "check procces nginx with pidfile /run/nginx.pid\n")
	open, _ := write(t, "")
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string // a part of it
	}{
		{"good file", []string{"-c", good, "-t"}, 0, "Control file syntax OK\n", ""},
		{"bad file", []string{"-t", "-c", bad}, 1, "", bad + ":2:7: "},
		{"bad file, to start", []string{"-I", "-c", bad}, 1, "", bad + ":2:7: "},
		{"others may write it", []string{"-c", open, "-t"}, 1, "", "chmod"},
		{"no such file", []string{"-c", "/no/such/file", "-t"}, 1, "", "/no/such/file"},
		{"as Monit writes it", []string{"-c", good, "-vv", "-B", "-t"}, 0, "Control file syntax OK\n", ""},
		{"version", []string{"-V"}, 0, "dialtone-agent 1.2.3\n", ""},
		{"version as a verb", []string{"version"}, 0, "dialtone-agent 1.2.3\n", ""},
		{"no agent", []string{"-c", good, "summary"}, 1, "", "no agent is running: nobody answers on "},
		{"unknown verb", []string{"dance"}, 2, "", `there is no command "dance"; -h lists them`},
		{"unknown flag", []string{"-x"}, 2, "", "-x"},
		{"bad interval", []string{"-d", "0"}, 2, "", "not a number of seconds from 1 to 86400"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := say(t, test.args...)
			if code != test.code {
				t.Errorf("status %d, want %d", code, test.code)
			}
			if diff := cmp.Diff(test.stdout, stdout); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if !strings.Contains(stderr, test.stderr) || (test.stderr == "" && stderr != "") {
				t.Errorf("stderr %q, want %q in it", stderr, test.stderr)
			}
		})
	}
	if code, stdout, _ := say(t, "-h"); code != 0 || !strings.HasPrefix(stdout, "Usage: dialtone-agent") {
		t.Errorf("help: %d, %q", code, stdout)
	}
}

// started runs an agent in this process.
func started(t *testing.T, path string) *Running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := Start(ctx, Options{ControlFile: path, Version: "1.2.3", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := r.Wait(); err != nil {
			t.Errorf("the agent ended with: %v", err)
		}
	})
	return r
}

func TestAgentAndItsCommands(t *testing.T) {
	path, state := write(t, `
set pidfile `+filepath.Join(t.TempDir(), "agent.pid")+`
check system here
  if loadavg (1min) > 10000 then alert
check file missing with path /no/such/file
  group files
`)
	r := started(t, path)
	if r.Socket != state+".sock" {
		t.Errorf("socket %s", r.Socket)
	}
	if code, stdout, stderr := say(t, "-c", path, "validate"); code != 1 || !strings.Contains(stdout, "critical") {
		t.Errorf("validate with a missing file: %d, %q, %q", code, stdout, stderr)
	}
	steps := []struct {
		args   []string
		code   int
		stdout string // pattern
		stderr string
	}{
		{[]string{"summary"}, 0, `(?m)^missing +file +critical `, ""},
		{[]string{"status", "here"}, 0, `system 'here'\n  state +ok since`, ""},
		{[]string{"status", "nobody"}, 1, "", `no service "nobody"`},
		{[]string{"-g", "files", "unmonitor"}, 0, "done", ""},
		{[]string{"summary", "missing"}, 0, `(?m)^missing +file +unmonitored .*unmonitored by`, ""},
		{[]string{"summary", "(mis|here).*"}, 0, `(?s)here .*missing`, ""},
		{[]string{"report"}, 0, `up: +1 \(50\.0%\)\ndown: +0 \(0\.0%\)\ninitialising: +0 \(0\.0%\)\nunmonitored: +1 \(50\.0%\)\ntotal: +2 services`, ""},
		{[]string{"report", "up", "total"}, 0, `^1\n2\n$`, ""},
		{[]string{"-g", "files", "report", "up"}, 0, `^0\n$`, ""},
		{[]string{"report", "sideways"}, 1, "", "a report has: up, down, "},
		{[]string{"validate"}, 0, `here`, ""},
		{[]string{"-g", "none", "monitor"}, 1, "", "no service is in group none"},
		{[]string{"-g", "none", "summary"}, 1, "", "no service is in group none"},
		{[]string{"start", "missing"}, 1, "", "missing has no start program"},
		{[]string{"start"}, 1, "", "start what? Name a service, or all"},
		{[]string{"reload"}, 0, "reloaded", ""},
		{[]string{"-I"}, 1, "", "another agent is already running (pid "},
		{[]string{}, 1, "", "an agent is already running for "},
		{[]string{"quit"}, 0, "ending: the agent", ""},
	}
	for _, step := range steps {
		code, stdout, stderr := say(t, append([]string{"-c", path}, step.args...)...)
		if code != step.code || !regexp.MustCompile(step.stdout).MatchString(stdout) || !strings.Contains(stderr, step.stderr) {
			t.Errorf("%v: status %d, stdout %q, stderr %q", step.args, code, stdout, stderr)
		}
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(state + ".sock"); err == nil {
		t.Error("the socket outlived the agent")
	}
}

// TestCommandsFindTheAgentBesideItsFile: under `dialtone up` the agent's state is beside the control file, which does not say so.
func TestCommandsFindTheAgentBesideItsFile(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	path, state := filepath.Join(dir, "dialtone.conf"), filepath.Join(dir, "state")
	if err := os.WriteFile(path, []byte("check system here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "no agent is running: nobody answers on " + state + ".sock or on " + usualState() + ".sock; start it with "
	if code, _, stderr := say(t, "-c", path, "summary"); code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("without an agent: status %d, %s", code, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := Start(ctx, Options{ControlFile: path, StateFile: state})
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := say(t, "-c", path, "summary"); code != 0 || !strings.Contains(stdout, "here") {
		t.Errorf("summary: status %d, %s", code, stderr)
	}
	if code, _, stderr := say(t, "-c", path); code != 1 || !strings.Contains(stderr, "an agent is already running for "+path) {
		t.Errorf("a second one: status %d, %s", code, stderr)
	}
	if err := os.WriteFile(path, []byte("check sistem here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := say(t, "-c", path, "quit"); code != 0 {
		t.Errorf("quit with a file that was refused: status %d, %s", code, stderr)
	}
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
}

func TestReloadOfABadFileShowsItsErrors(t *testing.T) {
	path, state := write(t, "check system here\n")
	started(t, path)
	if err := os.WriteFile(path, []byte("set statefile "+state+"\ncheck sistem here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := say(t, "-c", path, "reload")
	if code != 1 || !strings.Contains(stderr, "refused, the last good control file stays:") || !strings.Contains(stderr, path+":2:7") {
		t.Errorf("status %d, stderr %q", code, stderr)
	}
	if code, stdout, stderr := say(t, "-c", path, "summary"); code != 0 || !strings.Contains(stdout, "the newest control file was refused") {
		t.Errorf("summary: status %d, %q, %q", code, stdout, stderr)
	}
}

// TestAnUnwritableStateFolderIsLivedWith: the agent watches, heals nothing, and says so.
func TestAnUnwritableStateFolderIsLivedWith(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "dialtone.conf")
	text := "set statefile " + blocked + "/state\ncheck system here\n  if loadavg (1min) > 10000 then alert\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := Start(ctx, Options{ControlFile: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Agent.Validate(ctx); err != nil {
		t.Error(err)
	}
	status := r.Agent.Status()
	if s := status.Services[0]; s.State != dialtone.OK {
		t.Errorf("status %+v", s)
	}
	if want := "nothing is healed: the state folder " + blocked + " cannot be made: "; !strings.HasPrefix(status.Trouble, want) {
		t.Errorf("trouble %q, want %q", status.Trouble, want)
	}
	r.Stop()
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "the state folder cannot be used: nothing will be healed") {
		t.Errorf("logged %s", log.String())
	}
}

// TestABackgroundAgentMustBeReachable: one that takes no commands is not left behind, and why is said at once.
func TestABackgroundAgentMustBeReachable(t *testing.T) {
	dir := t.TempDir()
	blocked, path := filepath.Join(dir, "file"), filepath.Join(dir, "dialtone.conf")
	overwrite(t, blocked, nil)
	overwrite(t, path, []byte("set statefile "+blocked+"/state\ncheck system here\n"))
	code, _, stderr := say(t, "-c", path)
	if code != 1 || !strings.Contains(stderr, "nobody could give commands to the agent: making the folder of the command socket: ") ||
		!strings.Contains(stderr, "not a directory; mend that, use `set statefile`, or stay in the foreground with -I") {
		t.Errorf("status %d, %q", code, stderr)
	}
}

// TestADamagedDatabaseIsSaid: whatever is wrong with the file, the agent starts, and says how to mend it.
func TestADamagedDatabaseIsSaid(t *testing.T) {
	tests := map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) { overwrite(t, path, bytes.Repeat([]byte("not a database\n"), 5000)) },
		"cut short": func(t *testing.T, path string) {
			if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
				t.Fatal(err)
			}
		},
		"pages overwritten": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, path, append(text[:2*os.Getpagesize()], bytes.Repeat([]byte{0xff}, len(text)-2*os.Getpagesize())...))
		},
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			db, err := openState(state)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, state+".db")
			_, err = openState(state)
			if err == nil || !strings.HasSuffix(err.Error(), ": stop the agent, move the file aside, start it again") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func overwrite(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTwoAgentsOnOneStateFile(t *testing.T) {
	path, state := write(t, "check system here\n")
	started(t, path)
	if err := os.Remove(state + ".sock"); err != nil { // somebody tidied up: the database still tells
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{ControlFile: path})
	if !errors.Is(err, errInUse) {
		t.Errorf("got %v", err)
	}
}

func TestAMetricsPortInUseTakesNothingDown(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	path, _ := write(t, fmt.Sprintf("set metrics address %s\ncheck system here\n", l.Addr()))
	r := started(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := agent.NewClient(r.Socket).Status(ctx); err != nil {
		t.Error(err)
	}
}

func TestIdentityLasts(t *testing.T) {
	path, state := write(t, "check system here\n")
	file, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		t.Fatal(err)
	}
	first := identity(file, state)
	if len(first) != 16 || identity(file, state) != first {
		t.Errorf("identity %q, then %q", first, identity(file, state))
	}
	if err := os.WriteFile(state+".id", []byte("../../etc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := identity(file, state); strings.Contains(got, "/") {
		t.Errorf("took %q for an identity", got)
	}
}

func TestTheBackgroundCommandKeepsItsSubcommand(t *testing.T) {
	old := os.Args
	defer func() { os.Args = old }()
	os.Args = []string{"/usr/bin/dialtone", "agent", "-c", "f"}
	if diff := cmp.Diff([]string{"agent"}, subcommand([]string{"-c", "f"})); diff != "" {
		t.Error(diff)
	}
	os.Args = []string{"/usr/bin/dialtone-agent", "-c", "f"}
	if got := subcommand([]string{"-c", "f"}); got != nil {
		t.Errorf("got %q", got)
	}
}
