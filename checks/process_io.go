package checks

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/dialtone/dialtone/control"
	"golang.org/x/sys/unix"
)

// measureDescriptors counts open files and what the process may open.
func (p *process) measureDescriptors(pid int, r *Report) {
	n, err := p.descriptors(pid)
	if err != nil {
		return
	}
	r.Value("filedescriptors", float64(n))
	var most unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &most) == nil && most.Cur > 0 {
		r.Value("filedescriptors_percent", 100*float64(n)/float64(most.Cur))
	}
	if !compares(p.spec, "total_filedescriptors") {
		return
	}
	children, err := p.table.Descendants(pid, treeAge)
	if err != nil {
		return
	}
	for _, child := range children {
		if more, err := p.descriptors(child); err == nil { // else it has ended meanwhile
			n += more
		}
	}
	r.Value("total_filedescriptors", float64(n))
}

// descriptors counts open files. Since Linux 6.2 the size of the folder is their number; before, the folder must be read.
func (p *process) descriptors(pid int) (int, error) {
	path := p.path(pid, "fd")
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if info.Size() > 0 {
		return int(info.Size()), nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	return len(names), err
}

// ioNames are the values that come from the lines of /proc/PID/io (proc_pid_io(5)).
var ioNames = map[string]string{
	"rchar": "read_bytes_per_second", "wchar": "write_bytes_per_second",
	"syscr": "read_operations_per_second", "syscw": "write_operations_per_second",
	"read_bytes": "disk_read_bytes_per_second", "write_bytes": "disk_write_bytes_per_second",
}

// measureIO reads what the process read and wrote. The kernel shows it to root and to the process' own user alone.
func (p *process) measureIO(r *Report) {
	if p.io == nil {
		return
	}
	text, err := p.io.Read()
	if err != nil {
		return
	}
	if p.usage.io == nil {
		p.usage.io = make(rates, len(ioNames))
	}
	p.usage.io.report(r, time.Now(), parseIO(text))
}

// parseIO reads the NAME: NUMBER lines of /proc/PID/io, by the names of values; lines that are none are left out.
func parseIO(text []byte) map[string]uint64 {
	totals := make(map[string]uint64, len(ioNames))
	for line := range bytes.Lines(text) {
		name, number, _ := bytes.Cut(line, []byte(": "))
		value, known := ioNames[string(name)]
		if !known {
			continue
		}
		if n, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 64); err == nil {
			totals[value] = n
		}
	}
	return totals
}

// compares reports whether a rule compares one of the numbers, so that what costs something is measured for those who need it.
func compares(s *control.Service, names ...string) bool {
	for _, rule := range s.Rules {
		test, is := rule.Test.(*control.Compare)
		for _, name := range names {
			if is && test.Value == name {
				return true
			}
		}
	}
	return false
}
