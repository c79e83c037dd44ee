package host

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
	"github.com/shirou/gopsutil/v3/disk"
)

func init() {
	register(source{
		name: "file systems",
		families: []dialtone.Metric{
			gauge("node_filesystem_avail_bytes", "bytes", "Space that users can still fill.", "device", "fstype", "mountpoint"),
			gauge("node_filesystem_device_error", "", "1 when the mount did not say how full it is, else 0.", "device", "fstype", "mountpoint"),
			gauge("node_filesystem_files", "", "Inodes.", "device", "fstype", "mountpoint"),
			gauge("node_filesystem_files_free", "", "Free inodes.", "device", "fstype", "mountpoint"),
			gauge("node_filesystem_free_bytes", "bytes", "Free space, what is reserved for root included.", "device", "fstype", "mountpoint"),
			gauge("node_filesystem_readonly", "", "1 when nothing can be written, else 0.", "device", "fstype", "mountpoint"),
			gauge("node_filesystem_size_bytes", "bytes", "Size of the file system.", "device", "fstype", "mountpoint"),
		},
		start: func(cfg Config) collector {
			return &filesystems{
				mounts: proc.NewFile(filepath.Join(cfg.Proc, "self/mountinfo")),
				usage:  disk.UsageWithContext, open: map[string]chan *disk.UsageStat{},
			}
		},
	})
}

// What node_exporter leaves out: file systems that hold no files of their own, and the mounts of containers.
var (
	mountsIgnored = regexp.MustCompile(`^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`)
	typesIgnored  = regexp.MustCompile(`^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$`)
)

// mountPatience is how long a sample waits for its mounts together.
const mountPatience = time.Second

// filesystems asks every mount how full it is. The question to a dead file server may hang for ever, so each mount is asked in a
// goroutine of its own, and not again while it owes an answer.
type filesystems struct {
	mounts *proc.File
	usage  func(context.Context, string) (*disk.UsageStat, error)

	text []byte // of mountinfo, as it was when list was made
	list []mount
	open map[string]chan *disk.UsageStat // by mount point; a nil answer is an error
}

type mount struct {
	proc.Mount
	labels []dialtone.Label
}

func (f *filesystems) collect(ctx context.Context, b *batch) error {
	text, err := f.mounts.Read()
	if err != nil {
		return err
	}
	if !bytes.Equal(text, f.text) {
		f.text = bytes.Clone(text)
		f.list = listMounts(text)
	}
	for _, m := range f.list {
		f.ask(m.Point)
	}
	wait, cancel := context.WithTimeout(ctx, mountPatience)
	defer cancel()
	for _, m := range f.list {
		m.add(b, f.answer(wait, m.Point))
	}
	return nil
}

// listMounts keeps the mounts that are measured.
func listMounts(mountinfo []byte) []mount {
	var list []mount
	for _, m := range proc.ParseMounts(mountinfo) {
		if mountsIgnored.MatchString(m.Point) || typesIgnored.MatchString(m.Type) {
			continue
		}
		list = append(list, mount{m, []dialtone.Label{{Name: "device", Value: m.Device}, {Name: "fstype", Value: m.Type}, {Name: "mountpoint", Value: m.Point}}})
	}
	return list
}

// ask starts a question to a mount that owes no answer.
func (f *filesystems) ask(point string) {
	if f.open[point] != nil {
		return
	}
	answers := make(chan *disk.UsageStat, 1)
	f.open[point] = answers
	go func() {
		usage, err := f.usage(context.Background(), point)
		if err != nil {
			usage = nil
		}
		answers <- usage
	}()
}

// answer takes a mount's answer; nil when it has none in time, or only an error. One that is there counts also when time is over.
func (f *filesystems) answer(ctx context.Context, point string) *disk.UsageStat {
	select {
	case usage := <-f.open[point]:
		delete(f.open, point)
		return usage
	default:
	}
	select {
	case usage := <-f.open[point]:
		delete(f.open, point)
		return usage
	case <-ctx.Done():
		return nil
	}
}

// add gives what a mount said; its silence and its errors are a value, device_error, and no error of the sample.
func (m mount) add(b *batch, usage *disk.UsageStat) {
	readonly := 0.0
	if m.ReadOnly() {
		readonly = 1
	}
	b.add("node_filesystem_readonly", m.labels, readonly)
	if usage == nil {
		b.add("node_filesystem_device_error", m.labels, 1)
		return
	}
	b.add("node_filesystem_device_error", m.labels, 0)
	b.add("node_filesystem_size_bytes", m.labels, float64(usage.Total))
	b.add("node_filesystem_free_bytes", m.labels, float64(usage.Total-min(usage.Used, usage.Total)))
	b.add("node_filesystem_avail_bytes", m.labels, float64(usage.Free))
	b.add("node_filesystem_files", m.labels, float64(usage.InodesTotal))
	b.add("node_filesystem_files_free", m.labels, float64(usage.InodesFree))
}
