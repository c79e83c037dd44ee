package host

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name:     "disks",
		families: diskFamilies,
		start: func(cfg Config) collector {
			return &disks{file: proc.NewFile(filepath.Join(cfg.Proc, "diskstats")), labels: newMemo(labelDisk)}
		},
	})
}

// diskFamilies stand in the order of the columns of /proc/diskstats (Linux: Documentation/admin-guide/iostats.rst).
var diskFamilies = []dialtone.Metric{
	counter("node_disk_reads_completed_total", "", "Reads that ended.", "device"),
	counter("node_disk_reads_merged_total", "", "Reads that were made part of another.", "device"),
	counter("node_disk_read_bytes_total", "bytes", "Bytes read.", "device"),
	counter("node_disk_read_time_seconds_total", "seconds", "Seconds that all reads took.", "device"),
	counter("node_disk_writes_completed_total", "", "Writes that ended.", "device"),
	counter("node_disk_writes_merged_total", "", "Writes that were made part of another.", "device"),
	counter("node_disk_written_bytes_total", "bytes", "Bytes written.", "device"),
	counter("node_disk_write_time_seconds_total", "seconds", "Seconds that all writes took.", "device"),
	gauge("node_disk_io_now", "", "Reads and writes in progress.", "device"),
	counter("node_disk_io_time_seconds_total", "seconds", "Seconds in which the disk was busy.", "device"),
	counter("node_disk_io_time_weighted_seconds_total", "seconds", "Seconds that all reads and writes waited and took.", "device"),
	counter("node_disk_discards_completed_total", "", "Discards that ended.", "device"),
	counter("node_disk_discards_merged_total", "", "Discards that were made part of another.", "device"),
	counter("node_disk_discarded_sectors_total", "", "Sectors discarded.", "device"),
	counter("node_disk_discard_time_seconds_total", "seconds", "Seconds that all discards took.", "device"),
	counter("node_disk_flush_requests_total", "", "Flushes that ended.", "device"),
	counter("node_disk_flush_requests_time_seconds_total", "seconds", "Seconds that all flushes took.", "device"),
}

// diskFactors turn the columns into base units: sectors are 512 bytes whatever the disk, times are milliseconds.
var diskFactors = [...]float64{1, 1, 512, 1e-3, 1, 1, 512, 1e-3, 1, 1e-3, 1e-3, 1, 1, 1, 1e-3, 1, 1e-3}

// diskIgnored are RAM disks, loops, floppies and partitions, as node_exporter leaves them out.
var diskIgnored = regexp.MustCompile(`^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`)

// disks reads /proc/diskstats itself: gopsutil lacks discards and flushes, and opens udev's files of every disk at each look.
type disks struct {
	file   *proc.File
	labels *memo[[]dialtone.Label] // nil for a disk that is left out
	values []float64
}

func labelDisk(device string) []dialtone.Label {
	if diskIgnored.MatchString(device) {
		return nil
	}
	return []dialtone.Label{{Name: "device", Value: device}}
}

func (d *disks) collect(_ context.Context, b *batch) error {
	text, err := d.file.Read()
	if err != nil {
		return err
	}
	d.parse(text, b)
	return nil
}

func (d *disks) parse(text []byte, b *batch) {
	for line := range bytes.Lines(text) {
		_, rest := cutField(line) // major
		_, rest = cutField(rest)  // minor
		device, rest := cutField(rest)
		if len(device) == 0 {
			continue
		}
		labels := d.labels.of(device)
		if labels == nil {
			continue
		}
		d.values = numbers(d.values, rest)
		for i, value := range d.values[:min(len(d.values), len(diskFamilies))] {
			b.add(diskFamilies[i].Name, labels, value*diskFactors[i])
		}
	}
}
