package host

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name: "virtual memory",
		families: []dialtone.Metric{
			counter("node_vmstat_oom_kill", "", "Processes that the kernel killed for want of memory."),
			counter("node_vmstat_pgfault", "", "Page faults."),
			counter("node_vmstat_pgmajfault", "", "Page faults that had to read from disk."),
			counter("node_vmstat_pgpgin", "", "KiB read from disks."),
			counter("node_vmstat_pgpgout", "", "KiB written to disks."),
			counter("node_vmstat_pswpin", "", "Pages brought in from swap."),
			counter("node_vmstat_pswpout", "", "Pages put out to swap."),
		},
		start: func(cfg Config) collector { return &vmstat{proc.NewFile(filepath.Join(cfg.Proc, "vmstat"))} },
	})
}

// vmstat reads the fields of /proc/vmstat that node_exporter gives.
type vmstat struct{ file *proc.File }

var vmstatNames = map[string]string{
	"oom_kill": "node_vmstat_oom_kill", "pgfault": "node_vmstat_pgfault", "pgmajfault": "node_vmstat_pgmajfault",
	"pgpgin": "node_vmstat_pgpgin", "pgpgout": "node_vmstat_pgpgout", "pswpin": "node_vmstat_pswpin", "pswpout": "node_vmstat_pswpout",
}

func (v *vmstat) collect(_ context.Context, b *batch) error {
	text, err := v.file.Read()
	if err != nil {
		return err
	}
	parseVMStat(text, b)
	return nil
}

func parseVMStat(text []byte, b *batch) {
	for line := range bytes.Lines(text) {
		key, rest := cutField(line)
		name, wanted := vmstatNames[string(key)]
		if !wanted {
			continue
		}
		if value, ok := number(bytes.TrimSpace(rest)); ok {
			b.add(name, nil, value)
		}
	}
}
