package checks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/internal/proc"
	"golang.org/x/sys/unix"
)

// pidfileSlack is how much later than its pidfile a process may seem to have started: clocks and file times are coarse.
const pidfileSlack = 2 * time.Second

// maxPidfile is enough for every known pidfile; PostgreSQL's has further lines behind the number.
const maxPidfile = 4096

func (p *process) findByPidfile() (*proc.Stat, string, error) {
	pid, written, why, err := readPidfile(p.spec.Pidfile)
	if err != nil || why != "" {
		return nil, why, err
	}
	s, why, err := p.read(pid)
	if err != nil {
		return nil, "", err
	}
	if why != "" {
		return nil, fmt.Sprintf("%s (pidfile %s)", why, p.spec.Pidfile), nil
	}
	if p.stale(s, written) {
		return nil, fmt.Sprintf("pidfile %s is stale: process %d is now %s, which started after the pidfile was written", p.spec.Pidfile, pid, s.Comm), nil
	}
	if p.foreign(s) {
		return nil, fmt.Sprintf("pidfile %s names another program: process %d is %s, and ran already while process %d was %s", p.spec.Pidfile, pid, s.Comm, p.seen.pid, filepath.Base(p.seen.program)), nil
	}
	p.recognize(s)
	p.seen.pidfile = written
	return s, "", nil
}

// stale reports whether the number in the pidfile has passed to another process. Whoever was seen before is known by its start
// alone, so a step of the clock changes nothing. Otherwise a daemon starts before it writes its pidfile; one that started after
// it is another, unless it bears the name of the file: then the program does run, and only the file's time is odd.
func (p *process) stale(s *proc.Stat, written time.Time) bool {
	if p.seen.pid == s.PID && p.seen.start == s.Start {
		return false
	}
	if p.seen.pid == s.PID && p.seen.pidfile.Equal(written) {
		return true
	}
	return s.Started().After(written.Add(pidfileSlack)) && !namedAfter(p.spec.Pidfile, s.Comm)
}

// foreign reports whether a pidfile that was written anew names somebody else: a program that ran beside the one last seen, and is
// another. A daemon that takes the place of its predecessor starts when that one has ended, or is the same program (as nginx, when it is
// upgraded without a break). Whose executable cannot be known is believed.
func (p *process) foreign(s *proc.Stat) bool {
	if p.seen.program == "" || p.seen.pid == s.PID && p.seen.start == s.Start || s.Start >= p.seen.alive {
		return false
	}
	program := programOf(p.path(s.PID, "exe"))
	return program != "" && program != p.seen.program && !namedAfter(p.spec.Pidfile, s.Comm)
}

// programOf reads whose executable a process runs; one that was replaced on disk counts as the one it was.
func programOf(link string) string {
	path, err := os.Readlink(link)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// namedAfter reports whether a pidfile bears the name of a program, as /run/nginx.pid and /var/run/mysqld/mysqld.pid do.
func namedAfter(pidfile, comm string) bool {
	base := strings.TrimSuffix(filepath.Base(pidfile), filepath.Ext(pidfile))
	return base == comm || len(comm) == 15 && strings.HasPrefix(base, comm)
}

// readPidfile returns the number in a pidfile and when it was written, or why it names no process.
func readPidfile(path string) (pid int, written time.Time, why string, err error) {
	// O_NONBLOCK: a FIFO in the place of a pidfile must not hold up the check.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, written, fmt.Sprintf("pidfile %s does not exist", path), nil
	}
	if err != nil {
		return 0, written, "", fmt.Errorf("reading pidfile: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, written, "", fmt.Errorf("reading pidfile: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPidfile))
	if err != nil {
		return 0, written, "", fmt.Errorf("reading pidfile: %w", err)
	}
	pid, err = parsePidfile(text)
	if err != nil {
		return 0, written, fmt.Sprintf("pidfile %s holds %s", path, err), nil
	}
	return pid, info.ModTime(), "", nil
}

// parsePidfile reads the first word of a pidfile. The error completes the sentence "the pidfile holds …".
func parsePidfile(text []byte) (int, error) {
	fields := bytes.Fields(text)
	if len(fields) == 0 {
		return 0, errors.New("no process number")
	}
	pid, err := strconv.ParseInt(string(fields[0]), 10, 32)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%q, which is no process number", fields[0][:min(len(fields[0]), 20)])
	}
	return int(pid), nil
}

// hidden reports whether a process that /proc does not show is there all the same (mount option hidepid).
func hidden(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.EPERM) }
