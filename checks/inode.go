package checks

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// inodeValues are what files, FIFOs and directories have in common.
func inodeValues() []Value {
	return []Value{
		{Name: "timestamp_age_seconds", Phrases: []string{"timestamp", "time"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since content, owner or mode last changed, whichever was later; `if changed timestamp` looks at the time itself."},
		{Name: "age_seconds", Phrases: []string{"mtime", "modification time"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since the content was last modified."},
		{Name: "change_age_seconds", Phrases: []string{"ctime", "change time"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since owner, mode, links or content last changed."},
		{Name: "access_age_seconds", Phrases: []string{"atime", "access time"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since it was last read; few mounts keep this exactly."},
		{Name: "hardlinks", Phrases: []string{"hardlink", "hardlinks"}, Unit: "count", Type: dialtone.Gauge, Help: "Names that it has."},
		{Name: "permission", Help: "Permission bits in octal, without leading zeros: 644."},
		{Name: "uid", Help: "Owner, by name or number as the rule writes it."},
		{Name: "gid", Help: "Group, by name or number as the rule writes it."},
	}
}

// lookAt reads what a path is. Why is not empty when there is nothing; the error means that it cannot be known.
func lookAt(path string) (info os.FileInfo, why string, err error) {
	info, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Sprintf("%s does not exist", path), nil
	case err != nil:
		return nil, "", fmt.Errorf("looking at %w", err)
	}
	return info, "", nil
}

// describe records what every inode has.
func describe(s *control.Service, info os.FileInfo, now time.Time, r *Report) {
	r.Existence = Present
	describeTime(r, "age_seconds", info.ModTime(), now)
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	changed := time.Unix(sys.Ctim.Unix())
	describeTime(r, "change_age_seconds", changed, now)
	describeTime(r, "access_age_seconds", time.Unix(sys.Atim.Unix()), now)
	describeTime(r, "timestamp_age_seconds", later(changed, info.ModTime()), now)
	r.Value("hardlinks", float64(sys.Nlink))
	describeAccess(s, sys, r)
}

// describeTime records how long ago an instant was, and as a text, which `changed` compares, the instant itself.
func describeTime(r *Report, name string, at, now time.Time) {
	r.Value(name, now.Sub(at).Seconds())
	r.Text(name, at.UTC().Format(time.RFC3339Nano))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func describeAccess(s *control.Service, sys *syscall.Stat_t, r *Report) {
	r.Text("permission", strconv.FormatUint(uint64(sys.Mode&0o7777), 8))
	r.Text("uid", ownerText(s, "uid", strconv.FormatUint(uint64(sys.Uid), 10)))
	r.Text("gid", ownerText(s, "gid", strconv.FormatUint(uint64(sys.Gid), 10)))
}

func validatePath(s *control.Service) error {
	if s.Path == "" || s.Path[0] != '/' {
		return fmt.Errorf("path %q is not absolute", s.Path)
	}
	return nil
}

// typeNames say what can stand at a path.
var typeNames = map[os.FileMode]string{
	0:                                 "a regular file",
	os.ModeDir:                        "a directory",
	os.ModeNamedPipe:                  "a FIFO",
	os.ModeSocket:                     "a socket",
	os.ModeDevice:                     "a block device",
	os.ModeDevice | os.ModeCharDevice: "a character device",
}

func typeName(mode os.FileMode) string { return cmp.Or(typeNames[mode.Type()], "of another type") }
