package checks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
	"golang.org/x/sys/unix"
)

func init() {
	register(Kind{
		Name: "filesystem",
		Doc: "A mounted file system, by its mount point, its device, or what it is mounted from (server:/export, //server/share, name@host:/path). Space counts as df does: what is reserved for root " +
			"is not free. A mount that does not answer delays nothing: it is unknown at first, and counts as gone after half a minute.",
		Example: `check filesystem sounds with path /sounds
    if space > 90% for 5 cycles then alert
    if inode free < 1000 then alert
`,
		Values: []Value{
			{Name: "space_percent", Phrases: []string{"space"}, Unit: "percent", Type: dialtone.Gauge, Help: "Used space."},
			{Name: "space_bytes", Phrases: []string{"space"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Used space."},
			{Name: "space_free_percent", Phrases: []string{"space free"}, Unit: "percent", Type: dialtone.Gauge, Help: "Space that users can still fill."},
			{Name: "space_free_bytes", Phrases: []string{"space free"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Space that users can still fill."},
			{Name: "space_total_bytes", Phrases: []string{"space total"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Size of the file system."},
			{Name: "inode_percent", Phrases: []string{"inode", "inodes"}, Unit: "percent", Type: dialtone.Gauge, Help: "Used inodes; missing where the file system does not count them."},
			{Name: "inodes", Phrases: []string{"inode", "inodes"}, Unit: "count", Type: dialtone.Gauge, Help: "Used inodes."},
			{Name: "inode_free_percent", Phrases: []string{"inode free", "inodes free"}, Unit: "percent", Type: dialtone.Gauge, Help: "Free inodes."},
			{Name: "inodes_free", Phrases: []string{"inode free", "inodes free"}, Unit: "count", Type: dialtone.Gauge, Help: "Free inodes."},
			{Name: "read_bytes_per_second", Phrases: []string{"read"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "Bytes read from its disk, or its server, since the last look; missing where the kernel does not count them."},
			{Name: "write_bytes_per_second", Phrases: []string{"write"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "Bytes written to its disk, or its server."},
			{Name: "read_operations_per_second", Phrases: []string{"read"}, Unit: "operations_per_second", Type: dialtone.Gauge, Help: "Reads that ended."},
			{Name: "write_operations_per_second", Phrases: []string{"write"}, Unit: "operations_per_second", Type: dialtone.Gauge, Help: "Writes that ended."},
			{Name: "service_time_seconds", Phrases: []string{"service time"}, Unit: "seconds", Type: dialtone.Gauge, Help: "How long a read or a write took since the last look, on average."},
			{Name: "readonly", Phrases: []string{"readonly"}, Unit: "boolean", Type: dialtone.Gauge, Help: "1 when nothing can be written, 0 when it can."},
			{Name: "fsflags", Help: "Mount options: rw,relatime."},
			{Name: "permission", Help: "Permission bits of the mount point in octal, without leading zeros."},
			{Name: "uid", Help: "Owner of the mount point, by name or number as the rule writes it."},
			{Name: "gid", Help: "Group of the mount point, by name or number as the rule writes it."},
		},
		Found: true,
		New: func(s *control.Service) Check {
			return &filesystem{
				spec: s, mountinfo: filepath.Join(procRoot, "self/mountinfo"), ask: askMount,
				activity: newActivity(procRoot),
			}
		},
	})
}

// Times that a mount gets to answer.
const (
	mountAnswers = 5 * time.Second
	mountGone    = 30 * time.Second
)

// filesystem watches one mount. The kernel can hold a question about a dead file server for ever, so each is asked in a goroutine
// of its own, and none while the one before has no answer.
type filesystem struct {
	spec      *control.Service
	mountinfo string
	ask       func(point string) mountAnswer

	activity activity

	asked   time.Time
	answers chan mountAnswer // nil while no question is open
}

// mountAnswer is what a mount says of itself.
type mountAnswer struct {
	statfs unix.Statfs_t
	access *syscall.Stat_t
	err    error
}

func askMount(point string) (a mountAnswer) {
	if a.err = unix.Statfs(point, &a.statfs); a.err != nil {
		return a
	}
	info, err := os.Stat(point)
	if err == nil {
		a.access, _ = info.Sys().(*syscall.Stat_t)
	}
	return a
}

func (f *filesystem) Validate() error {
	if f.spec.Path == "" {
		return errors.New("a filesystem needs a path: its mount point or its device")
	}
	return nil
}

// Run finds the mount and asks it how full it is.
func (f *filesystem) Run(ctx context.Context, r *Report) error {
	mount, found, err := f.find()
	if err != nil {
		return err
	}
	if !found {
		r.Existence, r.Why = Absent, fmt.Sprintf("nothing is mounted at %s", f.spec.Path)
		return nil
	}
	answer, why, err := f.question(ctx, mount.Point)
	if err != nil {
		return err
	}
	if answer.err != nil {
		why = fmt.Sprintf("%s is mounted but cannot be used: %v", mount.Point, answer.err)
	}
	if why != "" {
		r.Existence, r.Why = Absent, why
		return nil
	}
	f.fill(mount, answer, r)
	f.activity.report(mount, r, time.Now())
	return nil
}

// find looks the path up among the mounts. It asks only the kernel's list, which answers even when a file server does not.
func (f *filesystem) find() (proc.Mount, bool, error) {
	text, err := os.ReadFile(f.mountinfo)
	if err != nil {
		return proc.Mount{}, false, fmt.Errorf("reading mounts: %w", err)
	}
	path := filepath.Clean(f.spec.Path)
	mounts := proc.ParseMounts(text)
	for _, m := range mounts {
		if m.Point == path {
			return m, true, nil
		}
	}
	for _, m := range mounts { // server:/export, with a slash behind it or without
		if m.Device == f.spec.Path || len(path) > 1 && strings.TrimRight(m.Device, "/") == strings.TrimRight(f.spec.Path, "/") {
			return m, true, nil
		}
	}
	return f.findDevice(mounts)
}

// findDevice follows the links that name devices, such as /dev/disk/by-uuid/…, /dev/mapper/….
func (f *filesystem) findDevice(mounts []proc.Mount) (proc.Mount, bool, error) {
	if filepath.Dir(f.spec.Path) == "/" || !isDevice(f.spec.Path) {
		return proc.Mount{}, false, nil
	}
	device, err := filepath.EvalSymlinks(f.spec.Path)
	if err != nil {
		return proc.Mount{}, false, nil //nolint:nilerr // a device that is not there is a mount that is not there
	}
	for _, m := range mounts {
		if !isDevice(m.Device) {
			continue
		}
		if other, err := filepath.EvalSymlinks(m.Device); err == nil && other == device {
			return m, true, nil
		}
	}
	return proc.Mount{}, false, nil
}

func isDevice(path string) bool { return strings.HasPrefix(path, "/dev/") }

// question waits for the answer of a mount, at most as long as mounts get, or for the one still owed. Why is not empty when the
// mount was silent for so long that it counts as gone.
func (f *filesystem) question(ctx context.Context, point string) (a mountAnswer, why string, err error) {
	if f.answers == nil {
		f.asked, f.answers = time.Now(), make(chan mountAnswer, 1)
		go func(answers chan<- mountAnswer) { answers <- f.ask(point) }(f.answers)
	}
	wait, cancel := context.WithTimeout(ctx, mountAnswers)
	defer cancel()
	select {
	case answer := <-f.answers:
		f.answers = nil
		return answer, "", nil
	case <-wait.Done():
	}
	silent := time.Since(f.asked).Round(time.Second)
	if silent >= mountGone {
		return a, fmt.Sprintf("%s has not answered for %s: it counts as gone", point, silent), nil
	}
	return a, "", fmt.Errorf("%s has not answered for %s; its file server or disk may be gone", point, silent)
}

func (f *filesystem) fill(m proc.Mount, a mountAnswer, r *Report) {
	r.Existence = Present
	size, unit := &a.statfs, float64(a.statfs.Bsize)
	if size.Frsize > 0 {
		unit = float64(size.Frsize)
	}
	used, free := float64(size.Blocks-min(size.Bfree, size.Blocks)), float64(size.Bavail)
	r.Value("space_total_bytes", float64(size.Blocks)*unit)
	r.Value("space_bytes", used*unit)
	r.Value("space_free_bytes", free*unit)
	if used+free > 0 {
		r.Value("space_percent", 100*used/(used+free))
		r.Value("space_free_percent", 100*free/(used+free))
	}
	if size.Files > 0 {
		left := float64(min(size.Ffree, size.Files))
		all := float64(size.Files)
		r.Value("inodes", all-left)
		r.Value("inodes_free", left)
		r.Value("inode_percent", 100*(all-left)/all)
		r.Value("inode_free_percent", 100*left/all)
	}
	readonly := 0.0
	if m.ReadOnly() {
		readonly = 1
	}
	r.Value("readonly", readonly)
	r.Text("fsflags", m.Flags())
	if a.access != nil {
		describeAccess(f.spec, a.access, r)
	}
}
