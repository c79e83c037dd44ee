// Package discover looks at a machine and writes a first control file for it: quiet, and true at the moment of writing.
//
// It works without systemd, in containers and without root; what it may not see is left out, and the file says so.
package discover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
)

// Machine is what was found.
type Machine struct {
	Host    string
	Cores   int
	Systemd bool     // the machine was started by systemd
	Blind   bool     // sockets of other users' processes could not be seen: not root
	Daemons []Daemon // by name
	Mounts  []Mount  // in the order in which they were mounted
	Left    []string // processes that listen and are not watched, and why
}

// Daemon is one long-running program worth watching, and the surest way to know it again: unit, else pidfile, else pattern.
type Daemon struct {
	Name    string // unique
	PID     int
	Unit    string
	Pidfile string
	Match   string
	Note    string // what it is, for the comment
	Ports   []Port
}

// Port is a TCP port on which a daemon accepts connections now.
type Port struct {
	Address string // empty: every address
	Number  int
	Tested  bool // a test of it does no harm, and passes now
	HTTP    bool // it answers HTTP with a status below 400
}

// Mount is one file system worth watching.
type Mount struct {
	Name string // unique
	proc.Mount
}

// explorer is where to look; tests look elsewhere.
type explorer struct {
	proc    string
	run     string // where pidfiles are
	systemd string // exists where systemd runs
	self    int
	table   *proc.Table
	try     func(context.Context, *control.Connection) error
	folder  func(path string) bool
}

// Look looks at this machine. It takes some hundred milliseconds, most of them for asking ports whether they speak HTTP. The error
// means that not even the list of processes can be read.
func Look(ctx context.Context) (*Machine, error) {
	return (&explorer{
		proc: "/proc", run: "/run", systemd: "/run/systemd/system", self: os.Getpid(),
		table: proc.NewTable("/proc"), try: try, folder: isFolder,
	}).look(ctx)
}

func (e *explorer) look(ctx context.Context) (*Machine, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("asking for the host name: %w", err)
	}
	m := &Machine{Host: host, Cores: runtime.NumCPU()}
	_, err = os.Stat(e.systemd)
	m.Systemd = err == nil
	if err := e.findDaemons(ctx, m); err != nil {
		return nil, fmt.Errorf("looking at processes: %w", err)
	}
	if err := e.findMounts(m); err != nil {
		return nil, fmt.Errorf("looking at mounts: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("the look at this machine took too long: %w", context.Cause(ctx))
	}
	return m, nil
}

// findMounts keeps the file systems that can fill up: on disks and file servers, each device once, and the root whatever it is.
func (e *explorer) findMounts(m *Machine) error {
	text, err := os.ReadFile(filepath.Join(e.proc, "self/mountinfo"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names, devices := newNames(), map[string]bool{}
	for _, mount := range proc.ParseMounts(text) {
		if mount.Point != "/" && (!mountTypes[mount.Type] || mount.ReadOnly() || devices[mount.Device]) {
			continue
		}
		if !networkTypes[mount.Type] && !e.folder(mount.Point) {
			continue // a file that a container's engine mounted over another
		}
		if strings.ContainsAny(mount.Point, "\"\\\n") {
			continue // no path that a control file can hold
		}
		devices[mount.Device] = true
		name := "rootfs"
		if mount.Point != "/" {
			name = "fs" + mount.Point
		}
		m.Mounts = append(m.Mounts, Mount{names.unique(name), mount})
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

var (
	networkTypes = setOf("nfs nfs4 cifs smb3 ceph glusterfs fuse.glusterfs fuse.sshfs 9p")
	mountTypes   = setOf("ext2 ext3 ext4 xfs btrfs zfs f2fs jfs reiserfs vfat ntfs ntfs3 exfat nfs nfs4 cifs smb3 ceph glusterfs fuse.glusterfs fuse.sshfs 9p")
)
