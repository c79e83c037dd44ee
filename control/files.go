package control

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// files is the disk as the include statement sees it.
type files struct {
	open  []fileID // those being parsed, outermost first
	count int      // files included so far
	bytes int      // of text so far
}

// fileID tells a file from all others, whatever path leads to it.
type fileID struct {
	device, inode uint64
}

// accessError is a file that exists but must not be read as it is.
type accessError struct {
	path    string
	problem string // follows the path: "can be written by its group"
	mend    string // what to do about it: "run: chmod go-w PATH"; may be empty
	cause   error  // of the operating system, nil where there was none
}

func (e *accessError) Error() string {
	return strings.TrimSuffix(e.path+" "+e.problem+"\n    "+e.mend, "\n    ")
}

// Unwrap lets callers ask for fs.ErrNotExist.
func (e *accessError) Unwrap() error { return e.cause }

// match returns the files of a pattern in order. Relative patterns start at the folder of the including file. A pattern leaves
// out folders, hidden files and what editors and dpkg leave behind; a plain path names its file in any case.
func (f *files) match(from, pattern string) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	if !strings.ContainsAny(pattern, `*?[\`) {
		return []string{pattern}, nil
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, errors.New("the pattern is not closed")
	}
	hidden := strings.HasPrefix(filepath.Base(pattern), ".")
	found = slices.DeleteFunc(found, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir() || leftBehind(filepath.Base(path)) || !hidden && filepath.Base(path)[0] == '.'
	})
	slices.Sort(found)
	return found, nil
}

func leftBehind(name string) bool {
	for _, mark := range []string{".dpkg-", ".ucf-", ".rpmsave", ".rpmnew", ".rpmorig"} {
		if strings.Contains(name, mark) {
			return true
		}
	}
	return strings.HasSuffix(name, "~")
}

// enter reads a file for the parser, which calls leave when it is through with it.
func (f *files) enter(path string) (string, error) {
	f.count++
	if f.count > maxIncludes {
		return "", fmt.Errorf("more than %d files are included", maxIncludes)
	}
	text, id, err := readVetted(path)
	if err != nil {
		return "", err
	}
	if slices.Contains(f.open, id) {
		return "", errors.New("it includes itself")
	}
	f.bytes += len(text)
	if f.bytes > maxTextBytes {
		return "", fmt.Errorf("all files together are larger than %d MiB", maxTextBytes>>20)
	}
	f.open = append(f.open, id)
	return text, nil
}

func (f *files) leave() { f.open = f.open[:len(f.open)-1] }

// readVetted reads a file that only root and the present user can write. The file that is vetted is the one that is read.
// O_NONBLOCK keeps a pipe from blocking.
func readVetted(path string) (string, fileID, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", fileID{}, openError(path, err, os.Geteuid())
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil {
		return "", fileID{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fileID{}, &accessError{path: path, problem: "has no owner that could be checked"}
	}
	if err := vet(path, info, stat.Uid, os.Geteuid()); err != nil {
		return "", fileID{}, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return "", fileID{}, err
	}
	return string(text), fileID{stat.Dev, stat.Ino}, vetText(path, text)
}

func openError(path string, err error, self int) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &accessError{path: path, problem: "does not exist", cause: err}
	case errors.Is(err, fs.ErrPermission):
		return &accessError{path, "cannot be read by user " + strconv.Itoa(self), "run as root: " + chown(path, self), err}
	}
	return err
}

// vet refuses what is no file, and a file that somebody else could change: its commands run with the agent's rights.
func vet(path string, info fs.FileInfo, owner uint32, self int) error {
	switch {
	case info.IsDir():
		return &accessError{path: path, problem: "is a folder", mend: "name a file in it", cause: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return &accessError{path: path, problem: "is no regular file"}
	case owner != 0 && int(owner) != self:
		return &accessError{path: path, problem: fmt.Sprintf("belongs to user %d, who could make the agent run anything", owner), mend: "run: " + chown(path, self)}
	case info.Mode().Perm()&0o022 != 0:
		return &accessError{path: path, problem: "can be written by " + writers(info.Mode()), mend: "run: chmod go-w " + shellQuote(path)}
	case info.Size() > maxFileBytes:
		return tooLarge(path)
	}
	return nil
}

func tooLarge(path string) error {
	return &accessError{path: path, problem: fmt.Sprintf("is larger than %d MiB: is it a control file?", maxFileBytes>>20)}
}

// vetText refuses what no editor wrote, and a file that grew while it was read.
func vetText(path string, text []byte) error {
	switch {
	case len(text) > maxFileBytes:
		return tooLarge(path)
	case bytes.IndexByte(text, 0) >= 0:
		return &accessError{path: path, problem: "is no text: it has NUL characters"}
	}
	return nil
}

func writers(mode fs.FileMode) string {
	group, others := mode&0o020 != 0, mode&0o002 != 0
	switch {
	case group && others:
		return "its group and everybody"
	case group:
		return "its group"
	}
	return "everybody"
}

func chown(path string, self int) string {
	user := strconv.Itoa(self)
	if self == 0 {
		user = "root"
	}
	return "chown " + user + " " + shellQuote(path)
}

// shellQuote writes a path so that it can be copied into a shell.
func shellQuote(path string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+:@%", r))
	}
	if path != "" && strings.TrimFunc(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(printable(path), "'", `'\''`) + "'"
}
