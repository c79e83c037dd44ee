package checks

import (
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

// inodeValues are what files and directories have in common.
func inodeValues() []Value {
	return []Value{
		{Name: "age_seconds", Phrases: []string{"timestamp", "mtime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since the content was last modified; `if changed timestamp` looks at the time itself."},
		{Name: "change_age_seconds", Phrases: []string{"ctime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since content, owner or mode last changed."},
		{Name: "access_age_seconds", Phrases: []string{"atime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since it was last read; few mounts keep this exactly."},
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
	r.Value("age_seconds", now.Sub(info.ModTime()).Seconds())
	r.Text("age_seconds", info.ModTime().UTC().Format(time.RFC3339Nano))
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	r.Value("change_age_seconds", now.Sub(time.Unix(sys.Ctim.Unix())).Seconds())
	r.Value("access_age_seconds", now.Sub(time.Unix(sys.Atim.Unix())).Seconds())
	describeAccess(s, sys, r)
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
