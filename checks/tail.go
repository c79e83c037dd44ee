package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Bounds of what one look reads of a growing file, where `set limits` says nothing. What is beyond them is read at the next look.
const (
	defaultLook = 4 << 20  // bytes a look
	defaultLine = 64 << 10 // bytes of a line; the rest of a longer one is left out

	tailChunk = 64 << 10 // bytes read at once
)

// tail follows a file by its open descriptor, as `tail -F` does: it starts at the end, reads what is added, and when another file
// stands under the name it finishes the old one and begins the new one at its start. With its bounds set it is ready, and has not looked
// yet.
type tail struct {
	maxLine int
	maxLook int64

	file   *os.File
	offset int64
	rest   []byte // of a line that has no end yet
	cut    bool   // rest is longer than maxLine: its end is not kept
}

// read hands over the complete lines that were added since the last look, without their ends; at the first look, none. A line is valid
// until take returns.
func (t *tail) read(ctx context.Context, path string, take func(line []byte)) error {
	if t.file == nil {
		return t.open(path, io.SeekEnd)
	}
	left, err := t.drain(ctx, t.maxLook, take)
	if err != nil || left <= 0 {
		return err
	}
	replaced, err := t.replaced(path)
	if err != nil || !replaced {
		return err
	}
	t.close()
	if err := t.open(path, io.SeekStart); err != nil {
		return err
	}
	_, err = t.drain(ctx, left, take)
	return err
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
	*t = tail{maxLine: t.maxLine, maxLook: t.maxLook}
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

// drain reads the open file to its end, or as many bytes as it may, in chunks; left is how many it may still.
func (t *tail) drain(ctx context.Context, most int64, take func([]byte)) (left int64, err error) {
	info, err := t.file.Stat()
	if err != nil {
		return most, fmt.Errorf("following %s: %w", t.file.Name(), err)
	}
	if info.Size() < t.offset { // truncated: what is there now is new
		t.offset, t.rest, t.cut = 0, nil, false
	}
	left = most
	todo := min(info.Size()-t.offset, left)
	chunk := make([]byte, min(todo, tailChunk))
	for todo > 0 && ctx.Err() == nil {
		n, err := t.file.ReadAt(chunk[:min(todo, tailChunk)], t.offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return left, fmt.Errorf("following %s: %w", t.file.Name(), err)
		}
		if n == 0 {
			return left, nil // cut short while it was read
		}
		t.split(chunk[:n], take)
		t.offset, todo, left = t.offset+int64(n), todo-int64(n), left-int64(n)
	}
	return left, ctx.Err()
}

// split cuts text into lines; what has no line end yet waits for the next look.
func (t *tail) split(text []byte, take func([]byte)) {
	for {
		line, after, complete := bytes.Cut(text, []byte{'\n'})
		if !t.cut {
			t.rest = append(t.rest, line...)
		}
		if len(t.rest) > t.maxLine {
			t.rest, t.cut = t.rest[:t.maxLine], true
		}
		if !complete {
			return
		}
		take(bytes.TrimSuffix(t.rest, []byte{'\r'}))
		t.rest, t.cut, text = t.rest[:0], false, after
	}
}
