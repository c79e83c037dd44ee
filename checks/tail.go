package checks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Bounds of what one look reads of a growing file. What is beyond them is read at the next look.
const (
	maxTail = 1 << 20 // bytes a look
	maxLine = 4096    // bytes of a line; the rest of a longer one is left out
)

// tail follows a file by its open descriptor, as `tail -F` does: it starts at the end, reads what is added, and when another file
// stands under the name it finishes the old one and begins the new one at its start. The zero value has not looked yet.
type tail struct {
	file   *os.File
	offset int64
	rest   []byte // of a line that has no end yet
	cut    bool   // rest is longer than maxLine: its end is not kept
}

// lines returns the complete lines that were added since the last look; at the first look, none.
func (t *tail) lines(path string) ([]string, error) {
	if t.file == nil {
		return nil, t.open(path, io.SeekEnd)
	}
	lines, more, err := t.read(nil)
	if err != nil || more {
		return lines, err
	}
	replaced, err := t.replaced(path)
	if err != nil || !replaced {
		return lines, err
	}
	t.close()
	if err := t.open(path, io.SeekStart); err != nil {
		return lines, err
	}
	lines, _, err = t.read(lines)
	return lines, err
}

func (t *tail) open(path string, whence int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("following: %w", err)
	}
	offset, err := f.Seek(0, whence)
	if err != nil {
		return errors.Join(fmt.Errorf("following %s: %w", path, err), f.Close())
	}
	t.file, t.offset = f, offset
	return nil
}

func (t *tail) close() {
	_ = t.file.Close() // it was only read
	*t = tail{}
}

// replaced reports whether the name now leads to another file than the open one.
func (t *tail) replaced(path string) (bool, error) {
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("following: %w", err)
	}
	open, err := t.file.Stat()
	if err != nil {
		return false, fmt.Errorf("following %s: %w", path, err)
	}
	return !os.SameFile(now, open), nil
}

// read appends the new lines of the open file; more is true when its bound left some for the next look.
func (t *tail) read(lines []string) (all []string, more bool, err error) {
	info, err := t.file.Stat()
	if err != nil {
		return lines, false, fmt.Errorf("following %s: %w", t.file.Name(), err)
	}
	if info.Size() < t.offset { // truncated: what is there now is new
		t.offset, t.rest, t.cut = 0, nil, false
	}
	n := min(info.Size()-t.offset, maxTail)
	if n == 0 {
		return lines, false, nil
	}
	text := make([]byte, n)
	got, err := t.file.ReadAt(text, t.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return lines, false, fmt.Errorf("following %s: %w", t.file.Name(), err)
	}
	t.offset += int64(got)
	return t.split(lines, text[:got]), t.offset < info.Size(), nil
}

// split cuts text into lines; what has no line end yet waits for the next look.
func (t *tail) split(lines []string, text []byte) []string {
	for {
		line, after, complete := bytes.Cut(text, []byte{'\n'})
		if !t.cut {
			t.rest = append(t.rest, line...)
		}
		if len(t.rest) > maxLine {
			t.rest, t.cut = t.rest[:maxLine], true
		}
		if !complete {
			return lines
		}
		lines = append(lines, string(bytes.TrimSuffix(t.rest, []byte{'\r'})))
		t.rest, t.cut, text = t.rest[:0], false, after
	}
}
