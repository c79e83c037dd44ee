// Package command is the only place that runs other programs.
//
// A program is an absolute path and its arguments, never a line for a shell. It gets a clean environment, a process group of its own,
// a bounded time and a bounded output, so that nothing that it does or fails to do can hold up the caller.
package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Bounds that hold unless a Spec says otherwise.
const (
	DefaultTimeout = 30 * time.Second
	DefaultOutput  = 64 << 10 // bytes

	termGrace  = 2 * time.Second        // between SIGTERM and SIGKILL
	killGrace  = 2 * time.Second        // after SIGKILL: a process in uninterruptible sleep outlives it
	drainGrace = 100 * time.Millisecond // after the program ended, when a daemon keeps its output open
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Spec says what to run and within which bounds. Only Argv is required.
type Spec struct {
	Argv      []string          // Argv[0] is an absolute path
	Env       map[string]string // added to PATH and LANG, which are all that the program gets otherwise
	Dir       string            // empty: /
	UID, GID  string            // name or number; empty: the caller's own
	Groups    []string          // further groups, beside those that UID has
	Timeout   time.Duration     // zero: DefaultTimeout
	MaxOutput int               // bytes kept of the output; zero: DefaultOutput
	Input     string            // what the program reads on stdin; empty: nothing, /dev/null
	Apart     bool              // stdout alone is the output of Run; what goes to stderr is in Result.Errors, bounded likewise
	Began     func(pid int)     // told by Run once the program runs, which it does meanwhile; must not block; nil: nobody asks
}

// Result is how a program ended.
type Result struct {
	Started  time.Time
	Took     time.Duration
	ExitCode int  // -1: did not exit by itself
	TimedOut bool // its time ended first, and its process group was killed
	Output   string
	Errors   string // of stderr, where the Spec says Apart
}

// Run runs a program to its end and returns what it printed, stdout and stderr together. Its error means that the program did not
// run, or that ctx ended first; a program that exits with a status other than 0 is no error.
//
// When the time-out or ctx ends, the whole process group gets SIGTERM, and SIGKILL two seconds later. A daemon that the program left
// behind is not touched, and does not make Run wait: output that comes after the program's end is lost, as it is with Monit.
func Run(ctx context.Context, s Spec) (Result, error) {
	cmd, err := build(s)
	if err != nil {
		return Result{ExitCode: -1}, err
	}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errTimedOut)
	defer cancel()

	began := time.Now()
	p, err := start(cmd, s)
	if err != nil {
		return Result{ExitCode: -1}, err
	}
	if s.Began != nil {
		s.Began(p.PID())
	}
	r := Result{Started: began.UTC()}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.end(termGrace)
		r.TimedOut = errors.Is(context.Cause(ctx), errTimedOut)
		if !r.TimedOut {
			err = fmt.Errorf("%s was stopped: %w", s.Argv[0], ctx.Err())
		}
	}
	r.Output, r.Errors = p.finish()
	r.Took = time.Since(began)
	r.ExitCode = p.exitCode()
	return r, err
}

var errTimedOut = errors.New("time-out")

// build checks the program and makes its command; what is wrong is said in the words of whoever wrote the path.
func build(s Spec) (*exec.Cmd, error) {
	if len(s.Argv) == 0 {
		return nil, errors.New("no program to run")
	}
	if err := Executable(s.Argv[0]); err != nil {
		return nil, err
	}
	credential, err := credentialOf(s.UID, s.GID)
	if err != nil {
		return nil, err
	}
	if credential, err = joinGroups(credential, s.Groups); err != nil {
		return nil, err
	}
	dir := s.Dir
	if dir == "" {
		dir = "/"
	}
	cmd := &exec.Cmd{
		Path: s.Argv[0], Args: s.Argv, Env: environment(s.Env), Dir: dir,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Credential: credential},
	}
	if s.Input != "" {
		cmd.Stdin = strings.NewReader(s.Input)
	}
	return cmd, nil
}

// Executable says why a file cannot be run as a program, before the kernel says less; nil when it can. What to do about it stands behind
// a semicolon.
func Executable(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("program %s has no absolute path; write it from the root, for example /usr/bin/%s", path, filepath.Base(path))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("program %s not found; check its path, or install what provides it", path)
	case err != nil:
		return fmt.Errorf("program %s: %w", path, err)
	case info.IsDir():
		return fmt.Errorf("program %s is a folder", path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("program %s is not executable; chmod +x it", path)
	}
	return nil
}

func environment(given map[string]string) []string {
	env := []string{"PATH=" + searchPath, "LANG=C.UTF-8"}
	for name, value := range given {
		env = append(env, name+"="+value)
	}
	return env
}

// String returns argv as a person reads it: words with spaces or quotes are quoted.
func (s Spec) String() string {
	words := make([]string, len(s.Argv))
	for i, word := range s.Argv {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"'\\") {
			words[i] = fmt.Sprintf("%q", word)
		}
	}
	return strings.Join(words, " ")
}
