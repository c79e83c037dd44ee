package proc

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// File is a file of /proc or /sys that is read again and again: it stays open, and its buffer is kept. The zero value is not usable.
type File struct {
	path string
	file *os.File
	buf  []byte
}

// maxRead bounds what is read of one file: a table of a million sockets is not what is wanted here.
const maxRead = 4 << 20

// NewFile names a file; it is opened when it is first read.
func NewFile(path string) *File { return &File{path: path} }

// Path returns the name given to NewFile.
func (f *File) Path() string { return f.path }

// Read returns what the file says now. The bytes are valid until the next Read. A process that has ended, and a file that is not
// there, are fs.ErrNotExist.
func (f *File) Read() ([]byte, error) {
	if f.file == nil {
		file, err := os.Open(f.path)
		if err != nil {
			return nil, err
		}
		f.file = file
	}
	if f.buf == nil {
		f.buf = make([]byte, 1024)
	}
	n := 0
	for {
		got, err := f.file.ReadAt(f.buf[n:], int64(n))
		n += got
		switch {
		case errors.Is(err, io.EOF) || err == nil && got == 0:
			return f.buf[:n], nil
		case errors.Is(err, syscall.ESRCH):
			f.Close()
			return nil, &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrNotExist}
		case err != nil:
			f.Close()
			return nil, err
		case len(f.buf) >= maxRead:
			return f.buf[:n], nil
		}
		f.buf = append(f.buf, make([]byte, len(f.buf))...)
	}
}

// Close closes the file; a later Read opens it again. The error of closing a file that was only read tells nothing.
func (f *File) Close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}
