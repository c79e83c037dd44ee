package series

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dirLock is a flock on DIR/lock, the file that Prometheus locks too. It is taken before the TSDB opens, because the TSDB removes
// unfinished files before it takes its own: a second process would remove what the first is about to rename.
type dirLock struct{ file *os.File }

// lockDir takes the lock, and writes who has it for the message that the next process gives. The file stays when the lock goes:
// to remove it could take it from under a process that has just locked it.
func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, explainOpen(err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = file.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("in use by %s; stop that, or give this one a folder of its own", holder(file))
		}
		return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	l := &dirLock{file}
	if err := l.sign(); err != nil {
		return nil, errors.Join(explainOpen(err), l.unlock())
	}
	return l, nil
}

func (l *dirLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// unlock ends with the file, as does a process that is killed.
func (l *dirLock) unlock() error { return l.file.Close() }

func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	pid := strings.TrimSpace(string(text))
	if _, notNumber := strconv.Atoi(pid); err != nil || notNumber != nil {
		return "another process"
	}
	return "process " + pid
}
