package command

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Process is a program that runs beside its caller, who must call Stop. It is safe for concurrent use.
type Process struct {
	cmd   *exec.Cmd
	out   *pipe
	errs  *pipe         // nil: stderr goes where stdout goes
	ended chan struct{} // closed once the program was reaped
	once  sync.Once
}

// Start starts a long-lived server in a process group of its own and returns at once. The kernel kills it should the caller die, so
// no test leaves a server behind; what must outlive its caller is started by Detach. Spec.Timeout is not used.
func Start(s Spec) (*Process, error) {
	cmd, err := build(s)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return start(cmd, s)
}

// Detach starts a program in a session of its own, with nothing on its standard streams, and leaves it alone. It returns the process id.
func Detach(s Spec) (int, error) {
	cmd, err := build(s)
	if err != nil {
		return 0, err
	}
	cmd.SysProcAttr.Setpgid = false
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", s.Argv[0], err)
	}
	pid := cmd.Process.Pid
	return pid, cmd.Process.Release()
}

// Self returns the path of the running program, for Detach.
func Self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	return filepath.EvalSymlinks(path)
}

func start(cmd *exec.Cmd, s Spec) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	var err error
	if p.out, err = newPipe(s.MaxOutput); err != nil {
		return nil, fmt.Errorf("making a pipe for the output of %s: %w", cmd.Path, err)
	}
	cmd.Stdout, cmd.Stderr = p.out.write, p.out.write
	if s.Apart {
		if p.errs, err = newPipe(s.MaxOutput); err != nil {
			p.out.close()
			return nil, fmt.Errorf("making a pipe for the errors of %s: %w", cmd.Path, err)
		}
		cmd.Stderr = p.errs.write
	}
	if err := cmd.Start(); err != nil {
		p.out.close()
		p.errs.close()
		return nil, notStarted(cmd, err)
	}
	p.out.listen()
	p.errs.listen()
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// notStarted says why a program was not started. That this program may not change users looks like a fault of the other.
func notStarted(cmd *exec.Cmd, err error) error {
	if cmd.SysProcAttr.Credential != nil && errors.Is(err, syscall.EPERM) && os.Geteuid() != 0 {
		return fmt.Errorf("starting %s as another user: only root may do that: %w", cmd.Path, syscall.EPERM)
	}
	return fmt.Errorf("starting %s: %w", cmd.Path, err)
}

// PID is the process id, which is also the id of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Output is what it has printed so far, stdout and stderr together.
func (p *Process) Output() string { return p.out.kept.String() }

// Signal sends a signal to the program alone, not to its group.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop ends the whole process group: SIGTERM, SIGKILL after grace, and returns what was printed. A second Stop does nothing.
func (p *Process) Stop(grace time.Duration) string {
	p.end(grace)
	printed, _ := p.finish()
	return printed
}

// end gives up on a process that not even SIGKILL ends: it hangs in the kernel, and its reaper waits on.
func (p *Process) end(grace time.Duration) {
	if hasEnded(p.ended, 0) {
		return
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGTERM)
	hasEnded(p.ended, grace)
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // also what the program left in its group
	hasEnded(p.ended, killGrace)
}

// finish reads what is left of the output and closes it, however long a daemon keeps the other end open.
func (p *Process) finish() (output, errs string) {
	p.once.Do(func() {
		p.out.drain()
		p.errs.drain()
	})
	return p.out.text(), p.errs.text()
}

// exitCode is -1 for a program that a signal ended, or that has not ended at all.
func (p *Process) exitCode() int {
	if !hasEnded(p.ended, 0) {
		return -1
	}
	return p.cmd.ProcessState.ExitCode()
}

func hasEnded(ended <-chan struct{}, within time.Duration) bool {
	select {
	case <-ended:
		return true
	default:
	}
	if within <= 0 {
		return false
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}
