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
		name: "kernel counters",
		families: []dialtone.Metric{
			gauge("node_boot_time_seconds", "seconds", "When the machine booted, in Unix time."),
			counter("node_context_switches_total", "", "Context switches."),
			counter("node_forks_total", "", "Processes and threads started."),
			counter("node_intr_total", "", "Interrupts served."),
			gauge("node_procs_blocked", "", "Processes that wait for disks."),
			gauge("node_procs_running", "", "Processes that can run now."),
		},
		start: func(cfg Config) collector { return &kernelStat{proc.NewFile(filepath.Join(cfg.Proc, "stat"))} },
	})
}

// kernelStat reads the lines of /proc/stat that gopsutil leaves out (proc_stat(5)).
type kernelStat struct{ file *proc.File }

var statNames = map[string]string{
	"btime":         "node_boot_time_seconds",
	"ctxt":          "node_context_switches_total",
	"processes":     "node_forks_total",
	"intr":          "node_intr_total",
	"procs_blocked": "node_procs_blocked",
	"procs_running": "node_procs_running",
}

func (k *kernelStat) collect(_ context.Context, b *batch) error {
	text, err := k.file.Read()
	if err != nil {
		return err
	}
	parseStat(text, b)
	return nil
}

func parseStat(text []byte, b *batch) {
	for line := range bytes.Lines(text) {
		key, rest := cutField(line)
		name, wanted := statNames[string(key)]
		if !wanted {
			continue
		}
		first, _ := cutField(rest) // of the intr line the total alone
		if value, ok := number(first); ok {
			b.add(name, nil, value)
		}
	}
}
