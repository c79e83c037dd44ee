package checks

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/proc"
	"golang.org/x/sys/unix"
)

// activity measures how much goes through a mount, from what the kernel counts of its disk or of its server. It asks files of /proc
// alone, which answer even when the mount does not.
type activity struct {
	diskstats, mountstats, cifs *proc.File

	rates  rates
	before ioCount
	known  bool
}

// ioCount is what went through a mount in all.
type ioCount struct {
	readBytes, writeBytes uint64
	reads, writes         uint64
	milliseconds          uint64 // that the reads and writes took together
	timed                 bool   // milliseconds are counted
}

func newActivity(root string) activity {
	file := func(name string) *proc.File { return proc.NewFile(filepath.Join(root, name)) }
	return activity{diskstats: file("diskstats"), mountstats: file("self/mountstats"), cifs: file("fs/cifs/Stats"), rates: rates{}}
}

// report records rates since the look before; a mount that nobody counts has none.
func (a *activity) report(m proc.Mount, r *Report, now time.Time) {
	c, found := a.count(m)
	if !found {
		return
	}
	a.rates.report(r, now, map[string]uint64{
		"read_bytes_per_second": c.readBytes, "write_bytes_per_second": c.writeBytes,
		"read_operations_per_second": c.reads, "write_operations_per_second": c.writes,
	})
	before, known := a.before, a.known
	a.before, a.known = c, true
	done := grown(before.reads, c.reads) + grown(before.writes, c.writes)
	switch {
	case !known || !c.timed:
	case done == 0:
		r.Value("service_time_seconds", 0)
	default:
		r.Value("service_time_seconds", float64(grown(before.milliseconds, c.milliseconds))/float64(done)/1000)
	}
}

// count finds the counters of a mount: a file server's by the mount point, a disk's by its number.
func (a *activity) count(m proc.Mount) (ioCount, bool) {
	switch {
	case strings.HasPrefix(m.Type, "nfs"):
		text, err := a.mountstats.Read()
		if err != nil {
			return ioCount{}, false
		}
		return parseNFS(text, m.Point)
	case m.Type == "cifs" || m.Type == "smb3":
		text, err := a.cifs.Read()
		if err != nil {
			return ioCount{}, false
		}
		return parseCIFS(text, m.Device)
	}
	text, err := a.diskstats.Read()
	if err != nil {
		return ioCount{}, false
	}
	return parseDiskstats(text, diskNumber(m))
}

// diskNumber is the major and minor number of a mount's disk. Btrfs and its like give each mount a number of its own, and name the disk.
func diskNumber(m proc.Mount) string {
	if !strings.HasPrefix(m.Number, "0:") || !isDevice(m.Device) {
		return m.Number
	}
	var st unix.Stat_t
	if unix.Stat(m.Device, &st) != nil {
		return m.Number
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
}

// sector is the unit of /proc/diskstats, whatever the disk's own is.
const sector = 512

// parseDiskstats finds the line of a disk (Linux: Documentation/admin-guide/iostats.rst): reads, merged, sectors, ms, then the same of
// writes.
func parseDiskstats(text []byte, number string) (ioCount, bool) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 11 || string(fields[0])+":"+string(fields[1]) != number {
			continue
		}
		n, ok := numbersOf(fields[3:11])
		if !ok {
			return ioCount{}, false
		}
		return ioCount{
			reads: n[0], readBytes: n[2] * sector, writes: n[4], writeBytes: n[6] * sector, milliseconds: n[3] + n[7], timed: true,
		}, true
	}
	return ioCount{}, false
}

// parseNFS finds the part of a mount point in /proc/self/mountstats: the bytes that went to and came from the server, and what READ and
// WRITE took in all.
func parseNFS(text []byte, point string) (c ioCount, found bool) {
	in := false
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if string(fields[0]) == "device" {
			in = len(fields) > 4 && proc.Unescape(string(fields[4])) == point
			continue
		}
		if !in {
			continue
		}
		n, ok := numbersOf(fields[1:])
		switch {
		case !ok:
		case string(fields[0]) == "bytes:" && len(n) >= 6:
			c.readBytes, c.writeBytes, found = n[4], n[5], true
		case string(fields[0]) == "READ:" && len(n) >= 8:
			c.reads, c.milliseconds, c.timed = n[0], c.milliseconds+n[7], true
		case string(fields[0]) == "WRITE:" && len(n) >= 8:
			c.writes, c.milliseconds, c.timed = n[0], c.milliseconds+n[7], true
		}
	}
	return c, found
}

// parseCIFS finds the part of a share in /proc/fs/cifs/Stats: "1) \\server\share", then "Reads: 10 Bytes: 4096" and the same of writes.
func parseCIFS(text []byte, device string) (c ioCount, found bool) {
	share := strings.ReplaceAll(device, "/", `\`)
	in := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if _, name, heading := strings.Cut(line, ") "); heading {
			in = strings.EqualFold(strings.Fields(name + " -")[0], share)
			continue
		}
		var count, size uint64
		if !in {
			continue
		}
		if n, _ := fmt.Sscanf(line, "Reads: %d Bytes: %d", &count, &size); n == 2 {
			c.reads, c.readBytes, found = count, size, true
		}
		if n, _ := fmt.Sscanf(line, "Writes: %d Bytes: %d", &count, &size); n == 2 {
			c.writes, c.writeBytes, found = count, size, true
		}
	}
	return c, found
}

// numbersOf reads whole numbers; false when one of the fields is none.
func numbersOf(fields [][]byte) ([]uint64, bool) {
	numbers := make([]uint64, len(fields))
	for i, field := range fields {
		n, err := strconv.ParseUint(string(field), 10, 63)
		if err != nil {
			return nil, false
		}
		numbers[i] = n
	}
	return numbers, true
}
